"""Every result says what it was made from, in words that any format can store."""

import json
import sys

import numpy as np

import bandprobe
from bandprobe.store.provenance import library_versions, provenance


def test_provenance_has_configuration_versions_and_code() -> None:
    facts = provenance("abc", {"b": 1, "a": [2]}, weights_sha256="def")
    assert facts["bandprobe_version"] == bandprobe.__version__
    assert facts["code_digest"] == "abc"
    assert facts["weights_sha256"] == "def"
    assert facts["config"] == '{"a": [2], "b": 1}'
    assert all(isinstance(value, str) for value in facts.values())
    versions = json.loads(facts["versions"])
    assert versions == library_versions()
    assert versions["numpy"] == np.__version__
    assert versions["python"] == sys.version.split()[0]
