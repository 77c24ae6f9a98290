"""Looking at what a finished study holds."""
