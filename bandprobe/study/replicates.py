"""Which results are computed again for other images of a study, as a frozen specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bandprobe.errors import ConfigError
from bandprobe.fourier.modes import KEEPING, Mode

# Linear readouts of maps that see more than DC.
READOUTS = ("map", "pattern")


@dataclass(frozen=True)
class Replicates:
    """Fits to other images of the study.

    Attributes
    ----------
    count : int
        Splits that are drawn anew.
    jackknife : bool
        Whether training groups are left out in turn.
    seed : int
    readouts, modes : tuple of str
        Those of the study that this is done for.
    """

    count: int
    jackknife: bool
    seed: int
    readouts: tuple[str, ...]
    modes: tuple[str, ...]


def parse_replicates(
    spec: Mapping[str, Any] | None,
    readouts: Sequence[str],
    modes: Mapping[str, Mode],
    estimator: str,
) -> Replicates | None:
    """The settings of a resolved configuration; None where it has no section `replicates`.

    Raises
    ------
    ConfigError
        If nothing is asked for, or the study has nothing that it can be done for.
    """
    if spec is None:
        return None
    if not spec["count"] and not spec["jackknife"]:
        raise ConfigError(
            "replicates: neither splits nor training groups",
            expected="count above 0, or jackknife: true",
            found=f"count: {spec['count']}, jackknife: false",
            hint="leave out the section replicates",
        )
    if estimator != "ridge":
        raise ConfigError(
            "replicates: only for probe.estimator: ridge",
            expected="ridge, which can be fitted to other images from stored inner products",
            found=estimator,
        )
    own = tuple(readout for readout in readouts if readout in READOUTS)
    valid = tuple(m.name for m in modes.values() if m.kind in KEEPING and m.fill == "mean")
    if not own or not valid:
        raise ConfigError(
            "replicates: nothing to do them for",
            expected=f"one of the readouts {', '.join(READOUTS)}, and a mode of kind "
            f"{', '.join(KEEPING)} with fill: mean",
            found=f"readouts {', '.join(readouts)}; modes {', '.join(modes)}",
        )
    return Replicates(spec["count"], spec["jackknife"], spec["seed"], own, valid)
