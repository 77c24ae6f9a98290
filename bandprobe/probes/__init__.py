"""Readouts of a layer: fitted, stored, read, and split into bands."""
