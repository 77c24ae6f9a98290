"""The probe on the final embedding, the choice of classifier, and what counts as no change."""

import numpy as np
import pytest

from bandprobe.errors import DatasetError, ModelError
from bandprobe.head.classifier import (
    bands_seen,
    check_untouched,
    choose_classifier,
    fit_embedding_probe,
    settle,
    unmoved,
)

PENALTIES = np.array([1e-4, 1e-2, 1.0])


def test_probe_tells_classes_apart_and_keeps_its_definition(rng: np.random.Generator) -> None:
    labels = np.arange(60) % 3
    centres = rng.normal(size=(3, 20)) * 5
    embeddings = (100 + centres[labels] + rng.normal(size=(60, 20))).astype(np.float32)
    embeddings[:, 7] = 2.5
    probe, losses, chosen = fit_embedding_probe(embeddings, labels, np.arange(60) % 4, 3, PENALTIES)
    assert losses.shape == (4, 3)
    assert chosen == losses.mean(0).argmin()
    logits = probe.logits(embeddings)
    assert (logits.argmax(1) == labels).mean() > 0.95
    by_hand = ((embeddings - probe.mean) / probe.scale) @ probe.weights.T + probe.intercept
    np.testing.assert_allclose(logits, by_hand, atol=1e-4)
    assert probe.scale[7] == 1
    # Indicators are regressed: on the training images the logits add up to one.
    np.testing.assert_allclose(logits.sum(1), 1, atol=1e-6)
    stacked = np.stack([embeddings[:6], embeddings[6:12]])
    np.testing.assert_allclose(probe.logits(stacked)[1], logits[6:12])


def test_a_single_fold_is_refused(rng: np.random.Generator) -> None:
    embeddings = rng.normal(size=(6, 4)).astype(np.float32)
    with pytest.raises(DatasetError, match=r"one fold(?s:.*)head.train_samples"):
        fit_embedding_probe(embeddings, np.arange(6) % 2, np.zeros(6, int), 2, PENALTIES)


@pytest.mark.parametrize(
    ("wanted", "indexed", "n_outputs", "trained", "expected"),
    [
        ("auto", True, 1000, True, "own"),
        ("auto", True, 1000, False, "probe"),
        ("auto", True, 10, True, "probe"),
        ("auto", False, 1000, True, "probe"),
        ("own", True, 1000, False, "own"),
        ("probe", True, 1000, True, "probe"),
    ],
)
def test_classifier(
    wanted: str, indexed: bool, n_outputs: int, trained: bool, expected: str
) -> None:
    indices = np.array([3, 7]) if indexed else None
    assert choose_classifier(wanted, indices, n_outputs, trained) == expected


def test_a_classifier_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"imagenet_index(?s:.*)classifier: probe"):
        choose_classifier("own", None, 1000, True)
    with pytest.raises(ModelError, match=r"1000 outputs(?s:.*)384"):
        choose_classifier("own", np.array([1, 2]), 384, True)
    with pytest.raises(ModelError, match=r"file of weights has no classifier"):
        choose_classifier("own", np.array([1, 2]), 1000, True, lacking=True)
    assert choose_classifier("auto", np.array([1, 2]), 1000, True, lacking=True) == "probe"


def test_rounding_is_no_change_and_one_logit_of_one_image_is(rng: np.random.Generator) -> None:
    clean = rng.normal(size=(5, 4))
    changed = np.stack([clean + 1e-7, clean.copy(), np.full_like(clean, np.nan)])
    changed[1, 3, 2] += 1e-3
    np.testing.assert_array_equal(unmoved(clean, changed), [True, False, False])
    settled = settle(clean, changed)
    np.testing.assert_array_equal(settled[0], clean)
    np.testing.assert_array_equal(settled[1:], changed[1:])


def test_logits_that_are_all_equal_are_unmoved_only_if_exactly_so() -> None:
    clean = np.zeros((3, 4))
    assert unmoved(clean, clean)
    assert not unmoved(clean, clean + 1e-12)


def test_a_band_is_seen_if_any_removal_moves_a_logit(rng: np.random.Generator) -> None:
    clean = rng.normal(size=(5, 4))
    zero, mean = np.stack([clean] * 3), np.stack([clean] * 3)
    mean[0] += 1
    zero[2], mean[2] = np.nan, np.nan
    seen = bands_seen(clean, [zero, mean], np.array([1, 4, 0]))
    np.testing.assert_array_equal(seen, [True, False, False])


def test_a_replaced_layer_has_to_give_the_plain_logits(rng: np.random.Generator) -> None:
    plain = rng.normal(size=(5, 4))
    check_untouched("blocks.3", plain, plain + 1e-5)
    with pytest.raises(ModelError, match=r"layer blocks.3(?s:.*)block around it"):
        check_untouched("blocks.3", plain, plain + 0.1)
    with pytest.raises(ModelError):
        check_untouched("blocks.3", plain, np.full_like(plain, np.nan))
