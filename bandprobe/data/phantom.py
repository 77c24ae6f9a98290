"""Images whose class evidence lies in known bands, so that the right answers are known.

Each class is a fixed random real pattern confined to one radial band, under noise with the 1/f
amplitude spectrum of natural images (Field, Relations between the statistics of natural images and
the response properties of cortical cells, 1987). Patterns and noise have no DC, so every image has
the same mean. What a pipeline must find: taking a band out destroys the classes of that band and no
others; keeping it keeps exactly them.

With a conjunction of two bands, a class is a pattern of one together with a pattern of the other,
in all combinations: each band alone leaves several classes equally likely, and only both tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import ConfigError
from bandprobe.fourier.bands import BandPartition, Bands, radial_frequency

SPLITS = ("train", "eval")
# Streams of the seed: images of each split, then the patterns.
PATTERNS = len(SPLITS)


@dataclass(frozen=True)
class Phantom:
    """A specification of generated images; every image follows from it and its own name alone.

    Parameters
    ----------
    bands : Bands
    size : int
        Height and width in pixels.
    patterns : int
        Patterns a band; each is a class.
    images : mapping from split to int
        Images a class.
    signal_to_noise : float
        Energy of a pattern over the expected energy of the noise in its band.
    contrast : float
        Standard deviation of the noise, where black is 0 and white is 1.
    random_phase : bool
        Whether the pattern's phases are drawn anew for each image: its band still tells the
        classes of one band from those of another, but no pattern does.
    seed : int
    conjunction : tuple of str, optional
        Two bands, the lower one first. The classes are all pairs of their patterns, and other bands
        have noise alone.
    """

    bands: Bands
    size: int
    patterns: int
    images: Mapping[str, int]
    signal_to_noise: float
    contrast: float
    random_phase: bool
    seed: int
    conjunction: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, spec: Mapping[str, Any]) -> Phantom:
        """The same from a data set of the configuration."""
        return cls(
            bands=Bands.from_spec(spec["bands"]),
            size=spec["size"],
            patterns=spec["patterns"],
            images={split: spec[f"{split}_images"] for split in SPLITS},
            signal_to_noise=spec["signal_to_noise"],
            contrast=spec["contrast"],
            random_phase=spec["random_phase"],
            seed=spec["seed"],
            conjunction=tuple(spec.get("conjunction", ())),
        )

    def __post_init__(self) -> None:
        positions = [self.bands.position(name) for name in self.conjunction]
        if positions and not positions[0] < positions[1]:
            raise ConfigError(
                "conjunction of a phantom: the bands are not in order",
                expected="two bands, the lower one first",
                found=list(self.conjunction),
            )
        rooms = self.partition.counts.copy()
        rooms[self.partition.dc_band] -= 1
        for name, room in zip(self.bands.names, rooms, strict=True):
            if room < self.patterns:
                raise ConfigError(
                    f"a phantom of {self.size} x {self.size} has no room in band {name!r}",
                    expected=f"{self.patterns} frequency bins besides DC, one a pattern",
                    found=int(room),
                    hint="larger images, fewer patterns, or wider bands",
                )

    @cached_property
    def partition(self) -> BandPartition:
        """The bands on the grid of the image."""
        return self.bands.on_grid(self.size, self.size)

    @property
    def class_names(self) -> list[str]:
        """`BAND-NUMBER`, from the lowest band to the highest: the order of the labels.

        With a conjunction `BAND-NUMBER-BAND-NUMBER`, the second number varying fastest.
        """
        numbers = range(1, self.patterns + 1)
        if self.conjunction:
            first, second = self.conjunction
            return [f"{first}-{n}-{second}-{m}" for n in numbers for m in numbers]
        return [f"{band}-{n}" for band in self.bands.names for n in numbers]

    @cached_property
    def noise_amplitude(self) -> FloatArray:
        """Amplitude of each bin of the full plane, 1/f and no DC, for noise of unit variance."""
        radius = radial_frequency(self.size, self.size)
        radius[0, 0] = np.inf
        amplitude: FloatArray = 1 / radius
        amplitude /= np.sqrt(np.square(amplitude).mean())
        return amplitude

    @cached_property
    def noise_energy(self) -> FloatArray:
        """Expected energy of the noise in each band, shape (n_bands,); all bands make size**2."""
        energy = np.square(self.noise_amplitude).ravel()
        return np.bincount(self.partition.index.ravel(), energy, minlength=len(self.bands)).astype(
            np.float64
        )

    @cached_property
    def class_patterns(self) -> FloatArray:
        """The pattern of each class, shape (n_classes, size, size), in units of the noise.

        They are white noise confined to the band, made orthogonal within it, and so orthogonal to
        all other patterns. With a conjunction, that of a class is the sum of two of them.
        """
        generator = np.random.default_rng([self.seed, PATTERNS])
        found = []
        for band, energy in enumerate(self.noise_energy):
            white = generator.standard_normal((self.patterns, self.size, self.size))
            confined = self.confine(white, band).reshape(self.patterns, -1)
            orthonormal, _ = np.linalg.qr(confined.T)
            found.append(orthonormal.T * np.sqrt(self.signal_to_noise * energy))
        if self.conjunction:
            low, high = (found[self.bands.position(name)] for name in self.conjunction)
            found = [low[:, None] + high[None]]
        return np.concatenate(found).reshape(-1, self.size, self.size)

    def confine(self, images: FloatArray, band: int) -> FloatArray:
        """Images without what lies outside a band, and without DC."""
        kept = self.partition.mask(band).copy()
        kept[0, 0] = False
        return self._filtered(images, kept.astype(np.float64))

    def image(self, split: str, label: int, number: int) -> FloatArray:
        """One image before rounding, shape (size, size), black 0 and white 1."""
        generator = np.random.default_rng([self.seed, SPLITS.index(split), label, number])
        shape = (self.size, self.size)
        noise = self._filtered(generator.standard_normal(shape), self.noise_amplitude)
        pattern = self.class_patterns[label]
        if self.random_phase:
            # Phases of a real image, so that the pattern stays real and keeps its power.
            other = np.fft.rfft2(generator.standard_normal(shape))
            turned = np.fft.rfft2(pattern) * (other / np.abs(other))
            pattern = np.fft.irfft2(turned, shape)
        values: FloatArray = 0.5 + self.contrast * (noise + pattern)
        return values

    def pixels(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """All images in 8 bits, shape (size, size), with names `split/class/number.png`."""
        for split in SPLITS:
            for label, name in enumerate(self.class_names):
                for number in range(self.images[split]):
                    values = quantise(self.image(split, label, number))
                    yield f"{split}/{name}/{number:04d}.png", values

    def _filtered(self, images: FloatArray, amplitude: FloatArray) -> FloatArray:
        half = amplitude[:, : self.size // 2 + 1]
        found: FloatArray = np.fft.irfft2(np.fft.rfft2(images) * half, images.shape[-2:])
        return found


def quantise(image: FloatArray) -> NDArray[np.uint8]:
    """Values in 0..1 as the nearest of 256 levels; beyond black and white they are cut off."""
    levels: NDArray[np.uint8] = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return levels
