"""Of a store's metadata a digest counts what later stages may compute from, and nothing else."""

from __future__ import annotations

import pytest

from bandprobe.store.attributes import DESCRIPTION, PROVENANCE, counted_metadata
from bandprobe.store.provenance import inherited, provenance

ARRAY = {"shape": [2], "data_type": "float64", "dimension_names": ["x"]}


@pytest.mark.parametrize("name", ["flags", "n_classes", "penalty", "prefix_route", "a_new_one"])
def test_an_attribute_counts_unless_it_is_named(name: str) -> None:
    metadata = ARRAY | {"attributes": {name: 1}, "codecs": [], "fill_value": 0}
    assert counted_metadata(metadata) == ARRAY | {"attributes": {name: 1}}


@pytest.mark.parametrize("name", sorted(PROVENANCE | DESCRIPTION))
def test_provenance_and_description_do_not(name: str) -> None:
    assert counted_metadata(ARRAY | {"attributes": {name: 1}}) == ARRAY | {"attributes": {}}


def test_provenance_counts_what_results_keep_and_no_more() -> None:
    facts = provenance("code", {"a": 1}, weights_sha256="abc", flags="[]", device="cpu")
    counted = counted_metadata({"attributes": facts})["attributes"]
    assert counted == {"weights_sha256": "abc", "flags": "[]"} == inherited(facts)


def test_metadata_without_attributes_have_none() -> None:
    nothing = dict.fromkeys(("shape", "data_type", "dimension_names"))
    assert counted_metadata({}) == nothing | {"attributes": {}}
