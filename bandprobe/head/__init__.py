"""The rest of a network as a readout."""
