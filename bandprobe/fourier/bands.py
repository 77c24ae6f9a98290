"""Radial frequency bands, and how they partition the Fourier plane of one grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import ConfigError, GridMismatchError, unknown_name

# A radius that equals an edge up to rounding (0.09 and 0.12 make 0.15) belongs to the upper band.
EDGE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Bands:
    """Names and inner edges of adjoining radial bands that cover the plane.

    Parameters
    ----------
    names : tuple of str
        From the lowest band, which contains DC, to the highest, which includes the corners.
    edges : tuple of float
        The inner edges, one fewer than names, in units of Nyquist; band b is ``[low, high)``.

    Raises
    ------
    ConfigError
        If the edges do not increase strictly within (0, sqrt 2), or the counts do not fit.

    Examples
    --------
    >>> from bandprobe import Bands
    >>> bands = Bands(("low", "mid", "high"), (0.3, 0.7))
    >>> bands.position("mid"), bands.interval(1)
    (1, (0.3, 0.7))
    >>> bands.on_grid(8, 8).counts  # bins of each band on an 8 x 8 map
    array([ 5, 16, 43])
    """

    names: tuple[str, ...]
    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.edges) + 1:
            raise ConfigError(
                "bands: the number of names does not fit the number of inner edges",
                expected=f"{len(self.edges) + 1} names for {len(self.edges)} inner edges",
                found=f"{len(self.names)} names",
                hint="n bands have n - 1 edges between them; 0 and the corner are implied",
            )
        if len(set(self.names)) != len(self.names):
            raise ConfigError("bands: a name occurs twice", found=list(self.names))
        bounds = (0.0, *self.edges, float(np.sqrt(2)))
        if any(not high - low > EDGE_TOLERANCE for low, high in pairwise(bounds)):
            raise ConfigError(
                "bands: edges must increase strictly",
                expected="0 < edge 1 < edge 2 < ... < 1.414 (the corner), in units of Nyquist",
                found=list(self.edges),
            )

    def __len__(self) -> int:
        return len(self.names)

    def position(self, name: str) -> int:
        """Index of a band by name; an unknown name lists the valid ones."""
        if name not in self.names:
            raise ConfigError(unknown_name("band", name, self.names))
        return self.names.index(name)

    def interval(self, band: int) -> tuple[float, float]:
        """Lower and upper edge of a band in units of Nyquist."""
        bounds = (0.0, *self.edges, float(np.sqrt(2)))
        return bounds[band], bounds[band + 1]

    def on_grid(self, height: int, width: int) -> BandPartition:
        """The partition of the Fourier plane of a ``height`` x ``width`` map."""
        return BandPartition(self, height, width)


def radial_frequency(height: int, width: int) -> FloatArray:
    """Radius of every bin of the full plane, Nyquist = 1 on each axis; shape (height, width).

    The axes are NumPy's ``fftfreq`` times 2, so that corners reach sqrt 2.
    """
    fy = 2 * np.fft.fftfreq(height)[:, None]
    fx = 2 * np.fft.fftfreq(width)[None, :]
    radius: FloatArray = np.hypot(fy, fx)
    return radius


@dataclass(frozen=True)
class BandPartition:
    """Bands on one grid: every bin of the Fourier plane belongs to exactly one band.

    The radius is even in both frequencies, so each band is closed under conjugation and its
    projection maps real maps to real maps.
    """

    bands: Bands
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise GridMismatchError(
                "a grid needs at least one row and one column",
                found=f"{self.height} x {self.width}",
            )

    @cached_property
    def index(self) -> NDArray[np.intp]:
        """Band of every bin of the full plane, shape (height, width)."""
        radius = radial_frequency(self.height, self.width)
        return np.digitize(radius + EDGE_TOLERANCE, np.asarray(self.bands.edges))

    @property
    def half_index(self) -> NDArray[np.intp]:
        """Band of every bin of the half plane that a real FFT keeps, shape (height, width//2+1)."""
        return self.index[:, : self.width // 2 + 1]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Full-plane bins of each band, shape (n_bands,)."""
        return np.bincount(self.index.ravel(), minlength=len(self.bands)).astype(np.int64)

    @cached_property
    def turnable(self) -> NDArray[np.int64]:
        """Bins of each band that are not their own conjugates, shape (n_bands,).

        The coefficients of all others are real, so their phase is a sign: DC, and where a side is
        even Nyquist on its axis.
        """
        rows, columns = ([0] if side % 2 else [0, side // 2] for side in (self.height, self.width))
        alone = np.unique(np.ravel_multi_index(np.ix_(rows, columns), self.index.shape))
        return self.counts - np.bincount(self.index.ravel()[alone], minlength=len(self.bands))

    def mask(self, band: int) -> NDArray[np.bool_]:
        """True on the full-plane bins of a band, shape (height, width)."""
        return np.equal(self.index, band)

    def counted(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many bins of a mask (height, width) each band has, shape (n_bands,)."""
        return np.bincount(self.index[mask], minlength=len(self.bands)).astype(np.int64)

    def beyond(self, rows: float, columns: float) -> FloatArray:
        """Share of each band's bins that an image of `rows` x `columns` pixels cannot hold.

        These have more than half a cycle per pixel along an axis, where the grid covers as much of
        the scene as the image. NaN for bands without bins, and where a size is NaN.

        Returns
        -------
        array of shape (n_bands,)
        """
        share = np.full(len(self.bands), np.nan)
        if np.isfinite((rows, columns)).all():
            above = [
                np.abs(np.fft.fftfreq(side, 1 / side)) > pixels / 2 + EDGE_TOLERANCE
                for side, pixels in ((self.height, rows), (self.width, columns))
            ]
            missing = self.counted(above[0][:, None] | above[1][None, :])
            np.divide(missing, self.counts, out=share, where=self.counts > 0)
        return share

    @property
    def dc_band(self) -> int:
        """The band that contains the zero frequency."""
        return int(self.index[0, 0])

    def check(self, shape: Sequence[int]) -> None:
        """Raise `GridMismatchError` unless the last two of `shape` are this grid."""
        if tuple(shape[-2:]) != (self.height, self.width):
            raise GridMismatchError(
                "maps and band partition have different grids",
                expected=f"maps of {self.height} x {self.width}",
                found=f"maps of {' x '.join(map(str, shape[-2:]))}",
            )
