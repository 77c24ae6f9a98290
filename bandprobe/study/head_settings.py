"""How the network's own head is used as a readout, as a frozen specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bandprobe.errors import ConfigError, unknown_name
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.head_flags import READOUTS

Prefix = Literal["keep", "ablate"]
Classifier = Literal["auto", "own", "probe"]
KINDS = ("remove", "isolate")


@dataclass(frozen=True)
class HeadSettings:
    """The rest of the network as a readout.

    Attributes
    ----------
    samples : int
        Evaluation images.
    train_samples : int
        Training images of the probe on the final embedding.
    prefix : tuple of {"keep", "ablate"}
    classifier : {"auto", "own", "probe"}
    modes : tuple of str
        Names of modes of kind `remove` or `isolate`.
    seed : int
        Of the choice of both sets of images.
    """

    samples: int
    train_samples: int
    prefix: tuple[Prefix, ...]
    classifier: Classifier
    modes: tuple[str, ...]
    seed: int

    @property
    def readouts(self) -> tuple[str, ...]:
        """Names of the readouts, in the order of `prefix`."""
        return tuple(READOUTS[prefix] for prefix in self.prefix)


def parse_head(spec: Mapping[str, Any] | None, modes: Mapping[str, Mode]) -> HeadSettings | None:
    """The settings of a resolved configuration; None where it has no section `head`.

    Raises
    ------
    ConfigError
        If a mode is unknown, or of a kind that a head cannot score.
    """
    if spec is None:
        return None
    valid = [name for name, mode in modes.items() if mode.kind in KINDS]
    chosen = spec.get("modes", valid)
    for name in chosen:
        if name not in modes:
            raise ConfigError("head.modes: " + unknown_name("mode", name, valid))
        if name not in valid:
            raise ConfigError(
                f"head.modes: {name} is of kind {modes[name].kind}",
                expected=f"a mode of kind {' or '.join(KINDS)}: {', '.join(valid) or 'none here'}",
            )
    if not chosen:
        raise ConfigError(
            "head: there is no mode for it",
            expected=f"a mode of kind {' or '.join(KINDS)}",
            found=f"modes {', '.join(modes)}",
            hint="add one under modes, or leave out the section head",
        )
    return HeadSettings(
        samples=spec["samples"],
        train_samples=spec["train_samples"],
        prefix=tuple(spec["prefix"]),
        classifier=spec["classifier"],
        modes=tuple(chosen),
        seed=spec["seed"],
    )
