"""Whether stored files are intact and follow from each other."""
