"""Arrays on disk, written whole or not at all, with their digests and provenance."""
