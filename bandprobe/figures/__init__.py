"""Pictures of the summaries."""
