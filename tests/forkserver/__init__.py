"""Processes that start without importing: the workflow's jobs, and Snakemake itself, as forks.

A job of the tiny study computes for a tenth of a second and imports its libraries for two. Where
the tests put the `python` of this package on the path, a process is forked off a server that has
imported the libraries; each process still imports the code of the project, from where it would
be found.
"""
