"""Layer-wise radial-band interventions on the feature maps of frozen vision backbones.

What a notebook needs is here under short names; the rest is in the packages below.

Examples
--------
How much of the energy of some maps is at low frequencies, and what is left without it:

>>> import numpy as np
>>> import bandprobe
>>> maps = np.random.default_rng(0).standard_normal((2, 3, 16, 16), np.float32)
>>> grid = bandprobe.Bands(("low", "mid", "high"), (0.3, 0.7)).on_grid(16, 16)
>>> energy = bandprobe.band_energy(maps, grid)
>>> energy.shape  # samples, channels, bands
(2, 3, 3)
>>> removed = bandprobe.intervene(bandprobe.Mode("remove", "remove"), maps, grid, 0)
>>> bool(bandprobe.band_energy(removed, grid)[..., 0].max() < 1e-9 * energy[..., 0].min())
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bandprobe.errors import BandprobeError
    from bandprobe.fourier.bands import BandPartition, Bands
    from bandprobe.fourier.intervene import intervene, white_noise
    from bandprobe.fourier.modes import Mode
    from bandprobe.fourier.spectra import MapSpectra, band_energy, map_spectra
    from bandprobe.inspection.open_study import StudyResults, open_study

__version__ = "0.1.0"
__all__ = [
    "BandPartition",
    "BandprobeError",
    "Bands",
    "MapSpectra",
    "Mode",
    "StudyResults",
    "band_energy",
    "intervene",
    "map_spectra",
    "open_study",
    "white_noise",
]
# Imported when they are asked for: `import bandprobe` needs no NumPy. Modules of the package import
# from where a name is defined, which is what digests of code follow.
_MODULES = {
    "BandPartition": "bandprobe.fourier.bands",
    "BandprobeError": "bandprobe.errors",
    "Bands": "bandprobe.fourier.bands",
    "MapSpectra": "bandprobe.fourier.spectra",
    "Mode": "bandprobe.fourier.modes",
    "StudyResults": "bandprobe.inspection.open_study",
    "band_energy": "bandprobe.fourier.spectra",
    "intervene": "bandprobe.fourier.intervene",
    "map_spectra": "bandprobe.fourier.spectra",
    "open_study": "bandprobe.inspection.open_study",
    "white_noise": "bandprobe.fourier.intervene",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
