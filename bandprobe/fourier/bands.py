"""Radial frequency bands, and how they partition the Fourier plane of one grid.

Edges are in units of Nyquist, the same share of what each grid can hold, or in cycles per image,
the same frequency of the image on each grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import ConfigError, GridMismatchError, unknown_name

# A radius that equals an edge up to rounding (0.09 and 0.12 make 0.15) belongs to the upper band.
EDGE_TOLERANCE = 1e-9
NYQUIST, CYCLES = "nyquist", "cycles-per-image"


@dataclass(frozen=True)
class Bands:
    """Names and inner edges of adjoining radial bands that cover the plane.

    Parameters
    ----------
    names : tuple of str
        From the lowest band, which contains DC, to the highest, which includes the corners.
    edges : tuple of float
        The inner edges, one fewer than names; band b is ``[low, high)``.
    unit : {"cycles-per-image"}, optional
        Of the edges; without it they are in units of Nyquist.

    Raises
    ------
    ConfigError
        If the edges do not increase strictly within (0, sqrt 2), in cycles per image above 0, or
        the counts do not fit.

    Examples
    --------
    >>> from bandprobe import Bands
    >>> bands = Bands(("low", "mid", "high"), (0.3, 0.7))
    >>> bands.position("mid"), bands.interval(1)
    (1, (0.3, 0.7))
    >>> bands.on_grid(8, 8).counts  # bins of each band on an 8 x 8 map
    array([ 5, 16, 43])
    >>> octaves = Bands(("dc", "1", "2", "4"), (1, 2, 4), "cycles-per-image")
    >>> octaves.on_grid(8, 8).counts  # Nyquist is 4: the band above has no bins
    array([ 1,  8, 55,  0])
    """

    names: tuple[str, ...]
    edges: tuple[float, ...]
    unit: str | None = None

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Bands:
        """The same from `names`, `edges` and perhaps `unit` of a configuration."""
        unit = spec.get("unit", NYQUIST)
        edges = tuple(map(float, spec["edges"]))
        return cls(tuple(spec["names"]), edges, None if unit == NYQUIST else unit)

    @property
    def in_cycles(self) -> bool:
        """Whether the edges are in cycles per image."""
        return self.unit == CYCLES

    @property
    def _bounds(self) -> tuple[float, ...]:
        return (0.0, *self.edges, float(np.inf if self.in_cycles else np.sqrt(2)))

    def __post_init__(self) -> None:
        if self.unit not in (None, CYCLES):
            raise ConfigError(
                "bands: unknown unit of the edges",
                expected=f"{CYCLES}, or none for units of Nyquist",
                found=self.unit,
            )
        if len(self.names) != len(self.edges) + 1:
            raise ConfigError(
                "bands: the number of names does not fit the number of inner edges",
                expected=f"{len(self.edges) + 1} names for {len(self.edges)} inner edges",
                found=f"{len(self.names)} names",
                hint="n bands have n - 1 edges between them; 0 and the corner are implied",
            )
        if len(set(self.names)) != len(self.names):
            raise ConfigError("bands: a name occurs twice", found=list(self.names))
        if any(not high - low > EDGE_TOLERANCE for low, high in pairwise(self._bounds)):
            raise ConfigError(
                "bands: edges must increase strictly",
                expected="0 < edge 1 < edge 2 < ..., in cycles per image"
                if self.in_cycles
                else "0 < edge 1 < edge 2 < ... < 1.414 (the corner), in units of Nyquist",
                found=list(self.edges),
                hint=None
                if self.in_cycles
                else f"edges in cycles per image need unit: {CYCLES}"
                if max(self.edges) > np.sqrt(2)
                else None,
            )

    def __len__(self) -> int:
        return len(self.names)

    def position(self, name: str) -> int:
        """Index of a band by name; an unknown name lists the valid ones."""
        if name not in self.names:
            raise ConfigError(unknown_name("band", name, self.names))
        return self.names.index(name)

    def interval(self, band: int) -> tuple[float, float]:
        """Lower and upper edge of a band; in cycles per image the last has no upper edge: inf."""
        return self._bounds[band], self._bounds[band + 1]

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


def image_frequency(height: int, width: int) -> FloatArray:
    """Radius of every bin of the full plane in cycles per image; shape (height, width).

    A map covers the image whatever its size, so a wave of `k` cycles over the image has `k` cycles
    over each map: the radius of a pair of frequencies is the same on every grid. On images that are
    not square the cycles of each axis are counted over its own side.
    """
    fy = np.fft.fftfreq(height, 1 / height)[:, None]
    fx = np.fft.fftfreq(width, 1 / width)[None, :]
    radius: FloatArray = np.hypot(fy, fx)
    return radius


@dataclass(frozen=True)
class BandPartition:
    """Bands on one grid: every bin of the Fourier plane belongs to exactly one band.

    The radius is even in both frequencies, so each band is closed under conjugation and its
    projection maps real maps to real maps.

    In cycles per image, a band whose lower edge is at the grid's Nyquist frequency or above has no
    bins; on a grid that is not square, that of its longer side. The highest band below it has all
    that is left, the corners of the plane included.
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
        if self.bands.in_cycles:
            radius = image_frequency(self.height, self.width)
            edges = self.bands.edges[: self._highest]
        else:
            radius = radial_frequency(self.height, self.width)
            edges = self.bands.edges
        return np.digitize(radius + EDGE_TOLERANCE, np.asarray(edges))

    @property
    def _highest(self) -> int:
        """The highest band that begins below the Nyquist frequency of the longer side."""
        nyquist = max(self.height, self.width) / 2
        return sum(edge < nyquist - EDGE_TOLERANCE for edge in self.bands.edges)

    @property
    def cut(self) -> NDArray[np.bool_]:
        """Bands in cycles per image of which the grid holds a part only, shape (n_bands,).

        These reach beyond the Nyquist frequency of one of its sides, or have bins above their upper
        edge, as the highest band of the grid has in the corners of the plane. In units of Nyquist
        no band is cut, and none without bins. A side of a single position has no frequencies.
        """
        if not self.bands.in_cycles:
            return np.zeros(len(self.bands), bool)
        nyquist = min((side / 2 for side in (self.height, self.width) if side > 1), default=np.inf)
        upper = np.array([*self.bands.edges, np.inf])
        radius = image_frequency(self.height, self.width)
        beyond = self.counted(radius + EDGE_TOLERANCE >= upper[self.index])
        reaches = (upper > nyquist) & np.isfinite(nyquist)
        cut: NDArray[np.bool_] = (reaches | (beyond > 0)) & (self.counts > 0)
        return cut

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
