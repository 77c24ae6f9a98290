"""Outcomes of changed maps."""
