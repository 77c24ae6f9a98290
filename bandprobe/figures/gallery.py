"""Which figures a study has, and what each is drawn from. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bandprobe.figures.entry import Entry
from bandprobe.fourier.modes import removals
from bandprobe.study.study import Study
from bandprobe.summary.names import SHAPLEY

# Effects that have figures of all readouts.
EFFECTS = ("top1_drop", "rank_degradation")
# The figure that is drawn from several summaries.
VERDICT = "verdict"


def gallery(study: Study) -> dict[str, Entry]:
    """All figures of each data set of a study, by name, in the order of the report."""
    return {
        **_verdict(study),
        **_spectra(study),
        **({"penalty_paths": Entry("probes", "penalty_paths", {})} if study.additive else {}),
        **_effects(study),
        **_bands(study),
        **_shapley(study),
        **_replicates(study),
    }


def _verdict(study: Study) -> dict[str, Entry]:
    mode = next(iter(removals(study.modes.values())), None)
    return {VERDICT: Entry(VERDICT, VERDICT, {"mode": mode, "level": study.statistics.level})}


def _spectra(study: Study) -> dict[str, Entry]:
    edges: dict[str, Any] = {"edges": study.bands.edges}
    if study.bands.in_cycles:
        edges["axis"] = "cycles_per_image"
    return {
        "band_energy": Entry("spectra", "band_energy", {}),
        "radial_profiles": Entry("spectra", "radial_profiles", edges),
        "delta_log_amplitude": Entry("spectra", "delta_log_amplitude", {}),
        "spectral_centroid": Entry("spectra", "spectral_centroid", {}),
        "power_planes": Entry("planes", "power_planes", {}),
        "orientation": Entry("planes", "orientation", {}),
        **({"transfer": Entry("transfer", "transfer", {})} if has_blocks(study) else {}),
    }


def has_blocks(study: Study) -> bool:
    """Whether any model has two layers, between which energy is transferred."""
    return any(len(model.layers) > 1 for model in study.models.values())


def _effects(study: Study) -> dict[str, Entry]:
    """One mode of each readout, and all readouts of each mode."""
    entries = {}
    for score in EFFECTS:
        for readout in study.all_readouts:
            options = {
                "score": score,
                "readout": readout,
                "modes": [default_mode(study, modes_of(study, readout))],
            }
            entries[f"{score}_{readout}"] = Entry("interventions", "effects", options)
    for mode in study.modes:
        options = {"score": EFFECTS[0], "mode": mode}
        entries[f"readouts_{mode}"] = Entry("interventions", "readouts", options)
    return entries


def modes_of(study: Study, readout: str) -> list[str]:
    """Modes under which a readout has a result."""
    if study.head is not None and readout in study.head.readouts:
        return list(study.head.modes)
    return [mode for mode in study.modes if study.is_defined(readout, mode)]


def default_mode(study: Study, modes: Sequence[str]) -> str:
    """The mode that is shown first: the first of those that remove, or else of all."""
    return [*removals(study.modes[name] for name in modes), *modes][0]


def _bands(study: Study) -> dict[str, Entry]:
    """Small multiples; figures of a single readout show the first one."""
    first = {"readout": study.readouts[0]}
    entries = {}
    if (study.controls.draws or study.controls.masks) and study.readouts[0] in study.additive:
        for name, mode in study.modes.items():
            if mode.kind in ("remove", "isolate"):
                entries[f"controls_{name}"] = Entry(
                    "interventions", "controls", first | {"mode": name}
                )
    if "refit" in study.readouts:
        for name in study.refit_modes:
            options = {"mode": name}
            entries[f"used_available_{name}"] = Entry("interventions", "used_available", options)
    entries |= _sweeps(study)
    return entries


def _sweeps(study: Study) -> dict[str, Entry]:
    """Sweeps of the first readout that has a result under any of them."""
    modes = [name for name, mode in study.modes.items() if mode.kind in ("lowpass", "highpass")]
    for readout in study.readouts:
        defined = [name for name in modes if study.is_defined(readout, name)]
        if defined:
            return {
                "sweeps": Entry("interventions", "sweeps", {"readout": readout, "modes": defined})
            }
    return {}


def _shapley(study: Study) -> dict[str, Entry]:
    if study.shapley_fill == "none" or not study.additive:
        return {}
    entries = {
        f"shapley_{score}": Entry("shapley", "shapley", {"score": score}) for score in SHAPLEY
    }
    if len(study.bands) > 1:
        first = {"readout": study.additive[0]}
        entries |= {
            f"interactions_{score}": Entry("shapley", "interactions", {"score": score} | first)
            for score in SHAPLEY
        }
    return entries


def _replicates(study: Study) -> dict[str, Entry]:
    """How sure each drop is under other draws of the images, one figure per readout."""
    if study.replicates is None:
        return {}
    mode = default_mode(study, study.replicates.modes)
    return {
        f"replicates_{readout}": Entry(
            "replicates", "replicates", {"readout": readout, "mode": mode}
        )
        for readout in study.replicates.readouts
    }
