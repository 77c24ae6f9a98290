"""Linear readouts of feature maps, fitted and split into bands; arrays only."""
