"""Records of targets: numbers that are known, and flags that say why one is missing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandprobe.fourier.modes import Mode
from bandprobe.scoring.cluster_interval import DROP, SHARE, cluster_interval
from bandprobe.scoring.fields import control_fields
from bandprobe.scoring.flags import (
    BLIND,
    CONTROL_IS_BAND,
    DISAGREE,
    EMPTY_BAND,
    FEW_GROUPS,
    NO_BETTER_THAN_CHANCE,
    NOT_DEFINED,
    NOTHING_LEFT,
    TOP5_FORCED,
)
from bandprobe.scoring.head_flags import PREFIX_BYPASS
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes, blank_missing, outcomes
from bandprobe.scoring.records import score_mode, undefined_records

NAMES = ("low", "mid", "high")
NUMBERS = ("top1", "top5", "top1_drop", "top5_drop", "rank", "rank_degradation", "margin")
NUMBERS += ("margin_drop", "p_value", "mcnemar_p")
INTERVALS = (
    "top1_ci",
    "top5_ci",
    "top1_drop_ci",
    "top5_drop_ci",
    "rank_degradation_ci",
    "margin_drop_ci",
)
SETTINGS = IntervalSettings(500, 0.95, 0)


def mode(n_samples: int = 40, clean_correct: float = 1.0, n_classes: int = 10) -> ModeOutcomes:
    """Band 0 changes nothing, band 1 is empty, band 2 loses a quarter; two draws."""
    right = (np.arange(n_samples) < clean_correct * n_samples).astype(np.float32)
    clean = Outcomes(right, 3 - 2 * right, 2 * right - 1, np.ones_like(right))
    correct = np.stack([np.stack([right] * 2)] * 3)
    correct[2, 0, : n_samples // 2] = 0
    rank = np.stack([np.stack([clean.rank] * 2)] * 3)
    rank[2, 0, : n_samples // 2] = 5
    margin = np.stack([np.stack([clean.margin] * 2)] * 3)
    margin += np.random.default_rng(0).normal(size=margin.shape) * [[[0]], [[1]], [[0.1]]]
    margin = margin.astype(np.float32)
    bins = np.array([1, 0, 20])
    changed = blank_missing(Outcomes(correct, rank, margin, np.ones_like(rank)), bins > 0)
    label = np.arange(n_samples) % n_classes
    sees = np.array([True, False, True])
    group = np.arange(n_samples) // 2
    return ModeOutcomes(changed, clean, label, group, bins, sees, n_classes)


def scored(found: ModeOutcomes) -> list[dict[str, Any]]:
    return score_mode(found, NAMES, "map", Mode("cut", "phase", draws=2), SETTINGS)


def test_numbers_are_means_over_draws_and_paired_differences() -> None:
    same, _, lost = scored(mode())
    assert (same["top1"], same["top1_drop"], same["rank_degradation"]) == (1.0, 0.0, 0.0)
    # Nothing changed, and not because it had to be so.
    assert same["top1_drop_ci"][0] < 0 < same["top1_drop_ci"][1]
    assert same["top1_ci"] == same["clean_top1_ci"]
    assert 0.7 < same["top1_ci"][0] < same["top1_ci"][1] == 1
    assert (lost["top1"], lost["top1_drop"]) == (0.75, 0.25)
    assert (lost["rank"], lost["rank_degradation"]) == (2.0, 1.0)
    assert lost["margin_drop"] == pytest.approx(0, abs=0.1)
    low, high = lost["top1_drop_ci"]
    assert 0 < low < 0.25 < high < 0.5
    assert [record["band"] for record in scored(mode())] == list(NAMES)


def test_every_record_describes_the_clean_map_and_the_sample() -> None:
    for record in scored(mode(clean_correct=0.5)):
        assert (record["n_samples"], record["n_groups"], record["n_classes"]) == (40, 20, 10)
        assert (record["unit"], record["n_units"], record["n_units_effective"]) == ("group", 20, 20)
        assert record["chance"] == 0.1
        assert (record["clean_top1"], record["clean_rank"]) == (0.5, 2.0)
        assert record["clean_margin"] == 0.0
        assert record["clean_top1_ci"][0] < 0.5 < record["clean_top1_ci"][1]


def test_an_accuracy_has_an_interval_of_its_own() -> None:
    """That of 30 right answers of 40 in 20 groups, whatever the untouched maps give."""
    lost = scored(mode())[2]
    found = mode()
    share, drop = (
        cluster_interval(values.mean(1), found.group, 0.95, scale)
        for values, scale in (
            (found.changed.correct[2:], SHARE),
            (found.clean.correct - found.changed.correct[2:], DROP),
        )
    )
    assert lost["top1_ci"] == pytest.approx([float(end[0]) for end in share])
    assert lost["top1_drop_ci"] == pytest.approx([float(end[0]) for end in drop])
    assert 0 < lost["top1_ci"][0] < 0.75 < lost["top1_ci"][1] < 1
    # Not that of the drop, turned round.
    assert lost["top1_ci"][1] != pytest.approx(1 - lost["top1_drop_ci"][0], abs=0.01)
    assert (lost["top5_ci"], lost["top5_drop"]) == (scored(mode())[0]["clean_top1_ci"], 0)


def unchanged(n_classes: int = 10) -> ModeOutcomes:
    """No band changes anything."""
    found = mode(n_classes=n_classes)
    clean = [np.broadcast_to(v, (3, 2, 40)).copy() for v in found.clean]
    return replace(found, changed=blank_missing(Outcomes(*clean), found.bins > 0))


def test_what_is_fixed_by_construction_has_no_uncertainty() -> None:
    found = replace(unchanged(), sees=np.array([True, False, False]))
    records = score_mode(found, NAMES, "pooled", Mode("cut", "remove"), SETTINGS)
    assert records[2]["flags"] == [BLIND]
    assert all(records[2][f"{name}_ci"] == [0, 0] for name in ("top1_drop", "rank_degradation"))
    assert records[2]["top1_ci"] == records[2]["clean_top1_ci"]
    # The lowest band could have changed something.
    assert records[0]["top1_drop_ci"][0] < 0 < records[0]["top1_drop_ci"][1]


def test_a_readout_of_nothing_is_wrong_for_certain() -> None:
    found = unchanged()
    changed = Outcomes(*(np.full_like(values, np.nan) for values in found.changed))
    changed.correct[2], changed.rank[2], changed.margin[2], changed.top5[2] = 0, 5.5, 0, 0.5
    found = replace(found, changed=changed, sees=np.array([True, False, False]))
    record = score_mode(found, NAMES, "pooled", Mode("cut", "isolate"), SETTINGS)[2]
    assert record["flags"] == [NOTHING_LEFT]
    assert (record["top1_ci"], record["top5_ci"]) == ([0, 0], [0.5, 0.5])
    # The drop is as uncertain as the accuracy of the untouched maps.
    assert record["top1_drop_ci"][0] < 1 == record["top1_drop_ci"][1]


def test_the_top_five_of_five_classes_are_certain() -> None:
    found = score_mode(unchanged(5), NAMES, "map", Mode("cut", "phase", draws=2), SETTINGS)[0]
    assert (found["top5_ci"], found["top5_drop_ci"]) == ([1, 1], [0, 0])


def test_controls_that_are_the_band_have_no_excess_for_certain() -> None:
    found = replace(controlled(), alike={"equal-bins": np.array([True, True, False])})
    changed = Outcomes(*(v[:, :2].repeat(1, axis=1) for v in found.changed))
    found = replace(found, controls={"equal-bins": changed}, changed=changed)
    same, _, lost = scored(found)
    assert same["equal_bins_top1_drop_excess_ci"] == [0, 0]
    assert lost["equal_bins_top1_drop_excess_ci"][0] < 0 < lost["equal_bins_top1_drop_excess_ci"][1]


def test_classes_as_units_widen_what_varies_between_them() -> None:
    found = mode(n_classes=4)
    # Two of four classes lose all.
    correct = np.where(found.label % 2 == 1, 0, found.changed.correct).astype(np.float32)
    found = replace(found, changed=found.changed._replace(correct=correct))
    narrow, wide = (
        score_mode(found, NAMES, "map", Mode("cut", "phase", draws=2), settings)[2]
        for settings in (SETTINGS, replace(SETTINGS, unit="class"))
    )
    lengths = [record["top1_drop_ci"][1] - record["top1_drop_ci"][0] for record in (narrow, wide)]
    assert lengths[1] > 1.5 * lengths[0]
    assert narrow["top1_drop"] == wide["top1_drop"]
    assert (wide["n_units"], wide["n_groups"], wide["unit"]) == (2, 20, "class")


@pytest.mark.parametrize(("groups", "flagged"), [(4, True), (5, False), (1, True)])
def test_few_groups_are_flagged_in_every_band(groups: int, flagged: bool) -> None:
    found = replace(mode(), group=np.arange(40) % groups)
    records = [*scored(found), *undefined_records(found, NAMES, SETTINGS)]
    assert all((FEW_GROUPS in record["flags"]) == flagged for record in records)
    if groups == 1:
        assert records[2]["top1_drop_ci"] == [-1, 1]
        assert records[2]["margin_drop_ci"] is None
    # Equal groups of 40 images: one large group counts for most of all.
    sizes = np.where(np.arange(40) < 20, 0, np.arange(40))
    (large,) = {record["n_units_effective"] for record in scored(replace(mode(), group=sizes))}
    assert large == pytest.approx(1600 / 420)


def test_the_error_of_a_drop_is_half_its_interval_in_quantiles_of_t() -> None:
    lost = scored(mode())[2]
    half = (lost["top1_drop_ci"][1] - lost["top1_drop_ci"][0]) / 2
    assert lost["degrees_of_freedom"] == pytest.approx(19)
    assert half == pytest.approx(2.093024 * lost["top1_drop_error"])
    assert lost["level"] == 0.95


def test_an_empty_band_has_no_numbers_and_says_why() -> None:
    _, empty, _ = scored(mode())
    assert all(empty[name] is None for name in (*NUMBERS, *INTERVALS))
    assert empty["bins"] == 0
    assert empty["flags"] == [EMPTY_BAND]
    assert EMPTY_BAND == "empty-band"


def test_a_band_with_bins_has_all_numbers() -> None:
    for record in scored(mode())[::2]:
        assert all(record[name] is not None for name in (*NUMBERS, *INTERVALS))
    assert scored(mode())[2]["flags"] == []


def test_numbers_without_a_rule_are_flagged() -> None:
    """Band 0 changes nothing though the map readout sees it: something is wrong, and it says so."""
    assert scored(mode())[0]["flags"] == [DISAGREE]


def test_tests_count_groups_and_images() -> None:
    lost = scored(mode())[2]
    # Ten groups of two lose, none gains; by image twenty lose in one of two draws.
    assert lost["p_value"] == pytest.approx(2 * 0.5**10)
    assert lost["mcnemar_p"] == pytest.approx(min(1, 2 * np.median([2 * 0.5**20, 1.0])))


def controlled(n_samples: int = 40) -> ModeOutcomes:
    found = mode(n_samples)
    half = np.stack([np.stack([found.clean.correct] * 3)] * 3)
    half[:, 0] = 0
    random = Outcomes(half, 1 + 3 * (1 - half), half, np.ones_like(half))
    return _with(found, {"equal-bins": random})


def _with(found: ModeOutcomes, controls: dict[str, Outcomes]) -> ModeOutcomes:
    values = {name: value for name, value in vars(found).items() if name != "controls"}
    return ModeOutcomes(**values, controls=controls)


def test_controls_stand_beside_the_band_with_a_paired_interval() -> None:
    _, empty, lost = scored(controlled())
    assert lost["equal_bins_top1_drop"] == pytest.approx(1 / 3)
    assert lost["equal_bins_top1_drop_excess"] == pytest.approx(0.25 - 1 / 3)
    low, high = lost["equal_bins_top1_drop_excess_ci"]
    assert low < 0.25 - 1 / 3 < high
    assert lost["equal_energy_top1_drop"] is None
    assert lost["equal_energy_top1_drop_ci"] is None
    assert empty["top1_drop"] is None


def test_a_mode_without_a_result_has_the_clean_scores_and_a_reason() -> None:
    found = mode()
    for record, same in zip(undefined_records(found, NAMES, SETTINGS), scored(found), strict=True):
        assert NOT_DEFINED in record["flags"]
        assert all(record[name] is None for name in (*NUMBERS, *INTERVALS, *control_fields()))
        assert set(record) == set(same)
        assert record["clean_top1_ci"] == same["clean_top1_ci"]


def test_top_five_counts_ranks_up_to_five(rng: np.random.Generator) -> None:
    labels = np.arange(200) % 12
    logits = rng.normal(size=(1, 1, 200, 12))
    found = ModeOutcomes(
        outcomes(logits, labels),
        outcomes(logits[0, 0], labels),
        labels,
        np.arange(200),
        np.array([4]),
        np.array([True]),
        12,
    )
    (record,) = score_mode(found, ["all"], "map", Mode("cut", "remove"), SETTINGS)
    best = np.argsort(-logits[0, 0], axis=1)[:, :5]
    assert record["top5"] == record["clean_top5"] == (best == labels[:, None]).any(1).mean()


def test_a_clean_accuracy_near_chance_is_flagged_in_every_band() -> None:
    assert all(NO_BETTER_THAN_CHANCE in record["flags"] for record in scored(mode(40, 0.1)))
    assert all(NO_BETTER_THAN_CHANCE in record["flags"] for record in scored(mode(40, 0.0)))
    assert not any(NO_BETTER_THAN_CHANCE in record["flags"] for record in scored(mode(40, 0.6)))


def test_what_all_bands_share_stands_on_those_with_bins() -> None:
    found = replace(mode(), flags=(PREFIX_BYPASS,))
    records = score_mode(found, NAMES, "head", Mode("cut", "remove"), SETTINGS)
    assert [record["flags"] for record in records] == [
        [PREFIX_BYPASS],
        [EMPTY_BAND],
        [PREFIX_BYPASS],
    ]


def test_with_five_classes_or_fewer_the_top_five_is_no_finding() -> None:
    few = [record["flags"] for record in scored(mode(n_classes=5))]
    assert [TOP5_FORCED in flags for flags in few] == [True, False, True]
    assert not any(TOP5_FORCED in record["flags"] for record in scored(mode(n_classes=6)))


def test_a_control_that_is_the_intervention_is_flagged_where_there_is_a_result() -> None:
    same = {"equal-bins": np.array([True, True, False]), "equal-energy": np.zeros(3, bool)}
    flags = [record["flags"] for record in scored(replace(controlled(), alike=same))]
    assert [CONTROL_IS_BAND in of_band for of_band in flags] == [True, False, False]
