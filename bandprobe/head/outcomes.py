"""Outcomes of a layer's changed maps under the head, one readout and mode at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bandprobe.fourier.modes import Mode
from bandprobe.head.store import read_head, read_head_logits
from bandprobe.scoring.changed_outcomes import Axes, ChangedOutcomes
from bandprobe.scoring.fit_flags import PENALTY_AT_END
from bandprobe.scoring.head_flags import head_flags
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.store.provenance import inherited, provenance, stated
from bandprobe.store.zarr_store import Store


def head_changes(
    head: Path,
    logits: Path,
    layer: str,
    bands: Sequence[str],
    modes: Sequence[Mode],
    prefix: Sequence[str],
    *,
    code: str,
) -> Iterator[tuple[ChangedOutcomes, dict[str, str]]]:
    """Outcomes of every entry of `prefix` and each mode, with their attributes.

    Parameters
    ----------
    head : Path
        The store of the fitted head.
    logits : Path
        The store of the logits of the layer's pass.
    layer : str
    bands : sequence of str
        Their names.
    modes : sequence of Mode
        In the order of the stored logits.
    prefix : sequence of {"keep", "ablate"}
    code : str
        Digest of the code, for the provenance.
    """
    classifier, store = read_head(head), Store(logits)
    stored = read_head_logits(store, layer)
    samples = (classifier.sample, classifier.label, classifier.group)
    kept = inherited(store.attrs)
    of_network = json.loads(kept.get("flags", "[]"))
    of_network += [PENALTY_AT_END] if classifier.penalty_at_end else []
    for entry, treatment in enumerate(prefix):
        row = stored.row(entry)
        flags = head_flags(treatment == "ablate", stored.has_prefix, stored.route)
        axes = Axes(tuple(bands), stored.bins, stored.sees[row], *samples)
        for mode, changed in zip(modes, stored.changed[row], strict=True):
            stage = {**stated(mode), "prefix": treatment, "prefix_route": stored.route}
            attrs = provenance(code, stage, **kept)
            attrs["flags"] = json.dumps([*flags, *of_network])
            clean = stored.clean[row]
            tally = OutcomeTally.of(clean, axes.label, changed[:, None])
            yield ChangedOutcomes(axes, clean, tally), attrs
