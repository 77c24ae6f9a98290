"""Layer-wise radial-band interventions on the feature maps of frozen vision backbones."""

__version__ = "0.1.0"
