"""The benchmark's script by hand knows nothing of bandprobe, and finds the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from bandprobe.cli.shared import HOME
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from benchmarks import naive
from benchmarks.by_hand import CLEAN, band_masks, read_features, score_layer
from benchmarks.by_hand_fit import fit_map, fit_pooled
from benchmarks.by_hand_reference import compare, computed
from benchmarks.study import basics

CLASSES, CHANNELS = 4, 5
STUDY = parse_study(basics(load_config(HOME / "config.yaml")))
MODES = list(STUDY.modes.values())


@pytest.fixture(scope="module", params=[(7, 7), (12, 9), (8, 10)], ids=str)
def found(request):
    """Maps with classes dimly in them, and what either way makes of them."""
    generator = np.random.default_rng(0)
    shape = (CHANNELS, *request.param)
    pattern = generator.standard_normal((CLASSES, *shape)) * 0.2 + 2
    labels = [np.arange(n) % CLASSES for n in (60, 40)]
    noise = [2 * generator.standard_normal((len(one), *shape)) for one in labels]
    train, evaluation = (
        (pattern[one] + extra).astype(np.float16) for one, extra in zip(labels, noise, strict=True)
    )
    folds, samples = np.arange(60) // CLASSES % 5, np.arange(100, 140)
    given = (train, labels[0], folds, STUDY.probe.penalties)
    readouts = {"map": fit_map(*given), "pooled": fit_pooled(*given)}
    masks = band_masks(STUDY.bands.edges, *shape[1:])
    mean_map = train.mean(0, dtype=np.float32)
    scores = score_layer(evaluation, samples, labels[1], readouts, masks, MODES, mean_map)
    expected = computed(STUDY, (train, evaluation), tuple(labels), folds, samples)
    return scores, expected, (evaluation, samples, labels[1], readouts, mean_map)


def test_both_ways_find_the_same_of_every_target(found):
    scores, expected, _ = found
    counts = compare(scores, expected, 40, "made up")
    cells = [cell for one in scores.values() for cell in one.top1 if cell != CLEAN]
    assert counts["targets"] == len(cells) >= 2 * len(MODES) * 6
    # A mean fill leaves the pooled readout nothing in all bands but the zero frequency's.
    assert {cell[0] for cell in scores["pooled"].level} == {"remove-mean", "isolate-mean"}
    assert not scores["map"].level


@pytest.mark.parametrize(
    "change",
    [
        lambda one: {"penalty": one.penalty * 3},
        lambda one: {"top1": one.top1 | {("perturb", 2): one.top1["perturb", 2] + 2 / 40}},
        lambda one: {"margin": one.margin | {CLEAN: one.margin[CLEAN] + 0.01 * one.spread}},
        lambda one: {"top1": {k: v for k, v in one.top1.items() if k != ("remove", 3)}},
    ],
)
def test_a_difference_ends_the_comparison(found, change):
    scores, expected, _ = found
    wrong = dataclasses.replace(scores["map"], **change(scores["map"]))
    with pytest.raises(AssertionError, match="made up map"):
        compare({"map": wrong}, expected, 40, "made up")


def test_the_naive_form_runs_the_network_to_the_same_result(found):
    scores, _, (maps, samples, labels, readouts, mean_map) = found
    network = nn.Sequential(nn.Identity(), nn.Conv2d(CHANNELS, 2, 3))
    inputs = torch.from_numpy(maps.astype(np.float32))
    for mode in MODES:
        given = (network, "0", inputs, samples, labels, mode, 3, STUDY.bands.edges)
        top1 = naive.top1(*given, ("map", readouts["map"]), mean_map)
        assert abs(top1 - scores["map"].top1[mode.name, 3]) * len(labels) < 1 + 1e-3


def test_one_pass_reads_all_layers_and_ends_at_the_last():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(1, 1)
    )
    images = torch.randn(5, 3, 8, 8)
    maps = read_features(network, ("0", "1"), images.split(2), 5, torch.float32)
    expected = network[0](images).detach().numpy()
    # The activation that follows in place must not change what was read before it.
    np.testing.assert_allclose(maps["0"], expected, atol=1e-5)
    np.testing.assert_allclose(maps["1"], np.maximum(expected, 0), atol=1e-5)
