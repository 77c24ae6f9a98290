"""The `energy` readout: linear in the log band energies of every channel.

It sees every band and no phase, so it does not depend on where in the image something is. Its
logits are sums over bands, so they split into bands like those of a linear readout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.rounding import ROUNDING_SHARE

# Energies are floored at this share of a band's training mean: a band that was removed counts as
# 30 dB below the usual energy, not as minus infinity.
FLOOR = 1e-3


@dataclass(frozen=True)
class EnergyScale:
    """How energies become standardised features.

    Attributes
    ----------
    floor, mean, scale : arrays of shape (n_channels, n_bands)
        Added to an energy before its logarithm; mean and scale of the logarithm over the training
        maps. Where a band holds nothing but rounding, the floor is the energy of all bands, or 1 in
        a channel that is always zero: the feature is constant then.
    """

    floor: FloatArray
    mean: FloatArray
    scale: FloatArray

    def features(self, energy: FloatArray) -> FloatArray:
        """``(log(energy + floor) - mean) / scale``, of the shape of `energy`.

        Parameters
        ----------
        energy : array of shape (n_samples, n_channels, n_bands)
            In squared feature units.
        """
        features: FloatArray = (np.log(energy + self.floor) - self.mean) / self.scale
        return features


def fit_energy_scale(energy: FloatArray) -> EnergyScale:
    """Floor, mean and scale from training energies of shape (n_samples, n_channels, n_bands)."""
    usual = energy.mean(0)
    total = usual.sum(-1, keepdims=True)
    holds = usual > ROUNDING_SHARE * total
    floor = np.where(holds, FLOOR * usual, np.where(total > 0, total, 1.0))
    logarithm = np.log(energy + floor)
    scale = logarithm.std(0)
    varies = scale > 1e-9
    return EnergyScale(floor, logarithm.mean(0), np.where(varies, scale, 1.0))


@dataclass(frozen=True)
class EnergyReadout:
    """A fitted energy readout.

    Attributes
    ----------
    weights : array of shape (n_classes, n_channels, n_bands)
    intercept : array of shape (n_classes,)
    scale : EnergyScale
    """

    weights: FloatArray
    intercept: FloatArray
    scale: EnergyScale

    @property
    def sees(self) -> NDArray[np.bool_]:
        """Whether it has any weight in each band, shape (n_bands,)."""
        seen: NDArray[np.bool_] = np.not_equal(np.abs(self.weights).max((0, 1)), 0)
        return seen

    def band_logits(self, energy: FloatArray) -> FloatArray:
        """Part of the logits that comes from each band, (n_bands, n_samples, n_classes).

        Parameters
        ----------
        energy : array of shape (n_samples, n_channels, n_bands)
        """
        features = self.scale.features(energy).transpose(2, 0, 1)
        logits: FloatArray = features @ self.weights.transpose(2, 1, 0)
        return logits

    @property
    def silent_logits(self) -> FloatArray:
        """Band logits of a map of zeros, (n_bands, n_classes): what `fill: zero` puts in."""
        return self.band_logits(np.zeros((1, *self.scale.mean.shape)))[:, 0]

    @property
    def mean_logits(self) -> FloatArray:
        """Band logits of the mean training features, zero by standardisation: of `fill: mean`.

        Those of the mean map would be far below: what differs between maps cancels in their mean,
        so its energy is not the mean of their energies.
        """
        return np.zeros((self.weights.shape[2], self.weights.shape[0]))
