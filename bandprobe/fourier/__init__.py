"""Arithmetic of frequency bands on arrays: masks, transforms, spectra, interventions."""
