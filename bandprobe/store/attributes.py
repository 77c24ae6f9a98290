"""Which metadata of a store its digest counts: all that a later stage may compute from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bandprobe.store.chunks import METADATA_DIGEST

# How data came about. Equal data that came about otherwise re-run nothing: what a later stage
# computes from has an attribute of its own, beside the configuration that it is also part of.
PROVENANCE = frozenset(
    {
        METADATA_DIGEST,
        "bandprobe_version",
        "code_digest",
        "config",
        "device",
        "preprocess",
        "preprocess_source",
        "versions",
        "weights_source",
    }
)
# Words for readers.
DESCRIPTION = frozenset({"long_name", "units"})


def counted_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a digest counts of the metadata of an array or group, the content of its `zarr.json`.

    These are shape, type, dimensions, and all attributes but those of `PROVENANCE` and
    `DESCRIPTION`: an attribute that is added later counts unless it is named there.
    """
    attributes = metadata.get("attributes") or {}
    left_out = PROVENANCE | DESCRIPTION
    return {
        **{key: metadata.get(key) for key in ("shape", "data_type", "dimension_names")},
        "attributes": {key: attributes[key] for key in attributes if key not in left_out},
    }
