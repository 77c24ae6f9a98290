"""Feature maps, written by a frozen network and read back."""
