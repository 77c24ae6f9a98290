"""Networks and their weights: loading, layouts, checkpoints."""
