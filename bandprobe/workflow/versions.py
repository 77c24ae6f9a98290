"""Stored features that were made with other libraries than those installed."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from bandprobe.store.provenance import NETWORK_LIBRARIES, network_versions
from bandprobe.study.study import Study
from bandprobe.workflow.targets import features, of_all_datasets

EXAMPLES = 3


def stored_versions(store: Path) -> dict[str, str]:
    """What a store says of the libraries that run networks; empty where it says nothing."""
    try:
        attributes = json.loads((store / "zarr.json").read_text(encoding="utf-8"))["attributes"]
        if attributes.get("weights_sha256") == "none":
            return {}  # images themselves, which no library has changed
        versions = json.loads(attributes["versions"])
        return {name: str(versions[name]) for name in NETWORK_LIBRARIES if name in versions}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # damage is reported elsewhere


def version_lines(study: Study, directory: Path = Path()) -> list[str]:
    """What to say of features below a directory that were made with other versions.

    One line for each set of versions, with the number of stores and some of them.
    """
    installed = network_versions()
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for digest in of_all_datasets(study, features):
        store = digest.removesuffix(".digest.json")
        versions = stored_versions(directory / store)
        other = tuple(
            f"{name} {version} (installed: {installed.get(name, 'none')})"
            for name, version in versions.items()
            if version != installed.get(name)
        )
        if other:
            found[other].append(store)
    outcome = {
        "warn": "they are kept; on_other_versions: rerun extracts them again",
        "rerun": "they are extracted again (on_other_versions: rerun)",
    }
    return [
        f"{len(stores)} stores of features were made with {', '.join(other)}; "
        f"{outcome[study.on_other_versions]}: {', '.join(stores[:EXAMPLES])}"
        + (" ..." if len(stores) > EXAMPLES else "")
        for other, stores in found.items()
    ]
