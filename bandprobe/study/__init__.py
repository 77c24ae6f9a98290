"""The configuration of a study, its targets and its paths."""
