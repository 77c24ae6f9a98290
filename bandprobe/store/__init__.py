"""Arrays on disk, written completely or not at all, with their digests and provenance."""
