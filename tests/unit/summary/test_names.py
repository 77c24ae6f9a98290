"""Labels name what is stored: every score and control has one, and nothing else does."""

from itertools import product

from bandprobe.scoring.fields import CONTROL_NAMES, CONTROLLED, EFFECTS, control_fields
from bandprobe.scoring.head_flags import READOUTS
from bandprobe.scoring.shapley import UNITS
from bandprobe.summary import names


def test_labels_are_those_of_the_stored_names() -> None:
    assert tuple(names.EFFECTS) == EFFECTS
    assert list(names.CONTROLS) == list(CONTROL_NAMES.values())
    assert {score: label.units for score, label in names.SHAPLEY.items()} == UNITS
    assert set(names.COMPARED) == {"map", "refit", *READOUTS.values()}
    fields = {f"{control}_{effect}" for control, effect in product(names.CONTROLS, CONTROLLED)}
    assert fields | {f"{field}_excess" for field in fields} == set(control_fields())


def test_a_label_has_its_units_where_there_are_any() -> None:
    assert names.EFFECTS["top1_drop"].label == "drop in top-1 accuracy"
    assert names.EFFECTS["margin_drop"].label == "drop in mean margin (logits)"
