"""From the outputs of the network's end to logits, and which bands change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.errors import DatasetError, ModelError
from bandprobe.linear.basis import basis_from_maps
from bandprobe.linear.probe import fit_probe
from bandprobe.linear.standardise import channel_moments

IMAGENET_CLASSES = 1000
# Logits that differ by less than this share of their standard deviation differ by rounding: the
# same image at another position in a batch already differs by about a hundredth of it.
ROUNDING = 1e-5
# A replaced layer that was not changed must give the logits of a plain forward pass, to this share
# of their standard deviation: other batch sizes sum in another order.
REPLACED = 1e-3


@dataclass(frozen=True)
class EmbeddingProbe:
    """A ridge classifier on the network's final embedding.

    ``logits(e) = weights @ ((e - mean) / scale) + intercept``

    Attributes
    ----------
    weights : array of shape (n_classes, n_features)
    intercept : array of shape (n_classes,)
    mean, scale : arrays of shape (n_features,)
        Of the training embeddings; the scale is 1 where a feature never changes.
    """

    weights: FloatArray
    intercept: FloatArray
    mean: MapArray
    scale: MapArray

    def logits(self, embeddings: NDArray[np.floating]) -> FloatArray:
        """Logits of shape (..., n_classes) of embeddings of shape (..., n_features)."""
        standardised = (embeddings.astype(np.float64) - self.mean) / self.scale
        logits: FloatArray = standardised @ self.weights.T + self.intercept
        return logits


def fit_embedding_probe(
    embeddings: MapArray,
    labels: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_classes: int,
    penalties: FloatArray,
) -> tuple[EmbeddingProbe, FloatArray, int]:
    """Fit the probe, its penalty by grouped cross-validation as for every other readout.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_features)
    labels, folds : arrays of shape (n_samples,)
    n_classes : int
    penalties : array of shape (n_penalties,)
        Relative, as for `bandprobe.linear.probe.fit_probe`.

    Returns
    -------
    probe : EmbeddingProbe
    losses : array of shape (n_folds, n_penalties)
        Held-out log loss at the best temperature, in nats.
    chosen : int
        Position of the penalty with the least mean loss.

    Raises
    ------
    DatasetError
        If all samples are in one fold, so that none can be held out.
    """
    if len(np.unique(folds)) < 2:
        raise DatasetError(
            f"head: all {len(labels)} training images are in one fold of the cross-validation",
            expected="images of two folds or more",
            hint="raise head.train_samples",
        )
    mean, scale = channel_moments(embeddings[:, :, None, None])
    coordinates = (embeddings.astype(np.float64) - mean) / scale
    basis = basis_from_maps(coordinates)
    fitted = fit_probe(basis, labels, folds, n_classes, penalties)
    probe = EmbeddingProbe(fitted.weights(basis).T, fitted.intercept(basis), mean, scale)
    return probe, fitted.losses, fitted.chosen


def choose_classifier(
    wanted: str,
    indices: NDArray[np.integer] | None,
    n_outputs: int,
    trained: bool,
    *,
    lacking: bool = False,
) -> str:
    """Which classifier scores the network's end: its own, or a probe on its final embedding.

    Parameters
    ----------
    wanted : {"auto", "own", "probe"}
    indices : array of shape (n_classes,), or None
        ImageNet index of each class of the data set, if they all have one.
    n_outputs : int
        Outputs of the network; 1000 are taken to be the classes of ImageNet-1k, in their order.
    trained : bool
        Whether the network has trained weights: an untrained classifier knows no classes.
    lacking : bool
        Whether the file of weights has no classifier, so that the network's own is random.

    Returns
    -------
    {"own", "probe"}

    Raises
    ------
    DatasetError, ModelError
        If the network's own classifier is wanted and cannot be used.
    """
    if wanted == "own" and indices is None:
        raise DatasetError(
            "head.classifier is own, but not all classes have an ImageNet index",
            expected="a manifest whose column imagenet_index is complete",
            hint="use classifier: probe",
        )
    if wanted == "own" and n_outputs != IMAGENET_CLASSES:
        raise ModelError(
            "head.classifier is own, but the network is not an ImageNet-1k classifier",
            expected=f"{IMAGENET_CLASSES} outputs",
            found=n_outputs,
            hint="use classifier: auto or probe",
        )
    if wanted == "own" and lacking:
        raise ModelError(
            "head.classifier is own, but the file of weights has no classifier",
            hint="use classifier: auto or probe",
        )
    can = indices is not None and n_outputs == IMAGENET_CLASSES and trained and not lacking
    return "own" if wanted == "own" or (wanted == "auto" and can) else "probe"


def check_untouched(layer: str, plain: FloatArray, replaced: FloatArray) -> None:
    """Raise `ModelError` unless putting back the untouched maps gives the plain logits.

    It does not if something bypasses the layer, or depends on the size of the batch.
    """
    largest = float(np.abs(replaced - plain).max())
    if not largest <= REPLACED * plain.std():
        raise ModelError(
            f"layer {layer}: putting back its own output changes the network's logits",
            expected=f"equal to {REPLACED:g} of their standard deviation, {plain.std():.3g}",
            found=f"a difference of {largest:.3g}",
            hint="a connection around the layer? Choose the block around it",
        )


def unmoved(clean: FloatArray, changed: FloatArray) -> NDArray[np.bool_]:
    """Whether a change leaves all logits of all images the same, up to rounding.

    Parameters
    ----------
    clean : array of shape (n_samples, n_classes)
    changed : array of shape (..., n_samples, n_classes)

    Returns
    -------
    array of the shape of `changed` without its last two axes
        False where logits are NaN.
    """
    largest = np.abs(changed - clean).max((-2, -1), initial=0.0)
    still: NDArray[np.bool_] = largest <= ROUNDING * clean.std()
    return still


def settle(clean: FloatArray, changed: FloatArray) -> FloatArray:
    """Changed logits, and exactly the clean ones where a change leaves all of them the same.

    Otherwise rounding would decide near ties, and a drop that is zero by construction would come
    out as almost zero. Shapes as for `unmoved`.
    """
    still = unmoved(clean, changed)[..., None, None]
    return np.where(still, clean, changed)


def bands_seen(
    clean: FloatArray, removed: Sequence[FloatArray], bins: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether removing a band changes any logit of any image, shape (n_bands,).

    Parameters
    ----------
    clean : array of shape (n_samples, n_classes)
    removed : sequence of arrays of shape (n_bands, n_samples, n_classes)
        Logits after removing each band, one array per fill. A band is seen if one of them changes.
    bins : array of shape (n_bands,)
        An empty band is never seen.
    """
    moved = [~unmoved(clean, logits) for logits in removed]
    seen: NDArray[np.bool_] = np.any(moved, axis=0) & (bins > 0)
    return seen
