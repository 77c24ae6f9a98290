"""Labelled data sets and tables of all results."""
