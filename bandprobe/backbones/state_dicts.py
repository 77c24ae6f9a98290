"""Which tensors of a checkpoint fill a network: under which key, and behind which prefix.

Training frameworks store a network in many places: Lightning under `state_dict` with `model.`
before every name, DDP with `module.`, self-supervised methods as `teacher` and `student` with
`backbone.`, an averaged copy beside the plain weights. None of these is known here by name: what
fills the network is found by the names and shapes of its own tensors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bandprobe.backbones.outline import CLASSIFIERS, Outline
from bandprobe.errors import ModelError, unknown_name

Tensors = dict[str, torch.Tensor]
# What compiling and sharding put into names, at any place; no module has such a name of its own.
WRAPPED = re.compile(r"(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
# Never the weights of a network, though they hold tensors.
OTHER_PARTS = re.compile(r"optim|scheduler|scaler", re.IGNORECASE)
# What training adds beside the network: decoders, queues and projectors of self-supervised methods.
ADDED = re.compile(
    r"(?:decoder|mask_token|queue|projector|projection_head|predictor|prototypes)\w*"
)
COUNTS = "num_batches_tracked"
TOP = "the file itself"
MOST_NESTED = 5
EXAMPLES = 3


@dataclass(frozen=True)
class Fit:
    """How one set of tensors of a checkpoint fits a network.

    Attributes
    ----------
    key : str
        Where the set is in the file; empty for the file itself.
    prefix : str
        What stands before the network's own names.
    tensors : dict
        Those behind the prefix, by the rest of their names.
    outline : Outline
    missing, misshapen, surplus : tuple of str
        Names that the set lacks, whose shapes differ, and that the network does not know. Where the
        classifier is missing, or has another number of classes, its names are not among them.
    has_classifier : bool
        Whether the classifier is there, or the network has none.
    n_classes : int, optional
        Of the set's classifier, where the network's has another number.
    """

    key: str
    prefix: str
    tensors: Tensors = field(repr=False)
    outline: Outline = field(repr=False)
    missing: tuple[str, ...]
    misshapen: tuple[str, ...]
    surplus: tuple[str, ...]
    has_classifier: bool
    n_classes: int | None

    @property
    def complete(self) -> bool:
        """Whether nothing but the classifier would keep other values than the file's."""
        return not (self.missing or self.misshapen or self.surplus)

    @property
    def n_filled(self) -> int:
        """Number of the network's tensors that the set fills."""
        return sum(name in self.tensors for name in self.outline.shapes) - len(self.misshapen)

    @property
    def exact(self) -> bool:
        """Whether all shapes are the network's, so that nothing has to be adapted."""
        shapes = self.outline.shapes
        return all(tuple(t.shape) == shapes[name] for name, t in self.wanted().items())

    def wanted(self) -> Tensors:
        """The tensors that the network has, without a classifier of something else."""
        left_out = () if self.has_classifier else self.outline.classifier
        return {
            name: tensor
            for name, tensor in self.tensors.items()
            if name in self.outline.shapes and name not in left_out
        }

    def described(self) -> str:
        """Where the set is, in words."""
        return f"weights_key {self.key!r}, weights_prefix {self.prefix!r}"


def state_dicts(content: Any) -> dict[str, Tensors]:
    """All sets of tensors by name in what a file holds, by the keys that lead to them.

    Keys are joined by dots; the key of the file itself is empty.
    """
    return dict(_nested(content, "", 0))


def _nested(content: Any, key: str, depth: int) -> Iterator[tuple[str, Tensors]]:
    if not isinstance(content, Mapping) or depth > MOST_NESTED:
        return
    tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
    if tensors:
        yield key, _unwrapped(tensors)
    for name, value in content.items():
        if isinstance(value, Mapping) and not OTHER_PARTS.search(str(name)):
            yield from _nested(value, f"{key}.{name}" if key else str(name), depth + 1)


def _unwrapped(tensors: Tensors) -> Tensors:
    """Names without what compiling and sharding put into them, unless two would be one."""
    renamed = {WRAPPED.sub("", name): tensor for name, tensor in tensors.items()}
    return renamed if len(renamed) == len(tensors) else tensors


def fits(sets: Mapping[str, Tensors], outlines: Sequence[Outline]) -> list[Fit]:
    """How every set fits, behind every prefix that the network's names occur with; best first."""
    found = [
        _fit(key, prefix, tensors, outline)
        for key, tensors in sets.items()
        for outline in outlines
        for prefix in _prefixes(tensors, outline)
    ]
    return sorted(found, key=_rank)


def _rank(fit: Fit) -> tuple[bool, int, int]:
    """The best fit comes first."""
    return not fit.complete, -fit.n_filled, len(fit.surplus)


def _prefixes(tensors: Tensors, outline: Outline) -> list[str]:
    """Prefixes behind which at least half as many names are known as behind the best."""
    count: Counter[str] = Counter()
    for name in tensors:
        start = 0
        while start >= 0:
            if name[start:] in outline.shapes:
                count[name[:start]] += 1
            start = name.find(".", start) + 1 or -1
    most = max(count.values(), default=0)
    return [prefix for prefix, number in count.items() if 2 * number >= most]


def _fit(key: str, prefix: str, tensors: Tensors, outline: Outline) -> Fit:
    own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    has_classifier, n_classes = _classifier(own, outline)
    as_it_is = has_classifier and n_classes is None
    body = {n: s for n, s in outline.shapes.items() if as_it_is or n not in outline.classifier}
    missing = [name for name in body if name not in own and not name.endswith(COUNTS)]
    misshapen = [
        name for name, shape in body.items() if name in own and not _fits(name, own, shape, outline)
    ]
    left = [name for name in own if name not in outline.shapes]
    surplus = [name for name in left if not _may_be_left(name, outline, has_classifier)]
    kinds = (tuple(missing), tuple(misshapen), tuple(surplus))
    return Fit(key, prefix, own, outline, *kinds, has_classifier, n_classes)


def _fits(name: str, own: Tensors, shape: tuple[int, ...], outline: Outline) -> bool:
    """Whether a tensor has the network's shape, or is adapted to it."""
    found = tuple(own[name].shape)
    return found == shape or (
        any(name.endswith(ending) for ending in outline.resampled)
        and len(found) == len(shape)
        and found[-1:] == shape[-1:]
    )


def _classifier(own: Tensors, outline: Outline) -> tuple[bool, int | None]:
    """Whether a set has the network's classifier, and its number of classes if it is another."""
    if not all(name in own for name in outline.classifier):
        return False, None
    found = {name: tuple(own[name].shape) for name in outline.classifier}
    if all(found[name] == outline.shapes[name] for name in found):
        return True, None
    classes = {shape[:1] for shape in found.values()}
    same = all(found[name][1:] == outline.shapes[name][1:] for name in found)
    if same and len(classes) == 1 and (n_classes := classes.pop()):
        return True, n_classes[0]
    return False, None


def _may_be_left(name: str, outline: Outline, has_classifier: bool) -> bool:
    """Whether a tensor that the network does not know is a part beside it, not of another depth."""
    top = name.partition(".")[0]
    if ADDED.fullmatch(top):
        return True
    if top in CLASSIFIERS and not any(n.partition(".")[0] == top for n in outline.shapes):
        return True
    modules = {known.rpartition(".")[0] for known in outline.classifier}
    return not has_classifier and any(name.startswith(f"{module}.") for module in modules)


def choose_fit(
    file: Path,
    sets: Mapping[str, Tensors],
    outlines: Sequence[Outline],
    key: str | None = None,
    prefix: str | None = None,
) -> Fit | None:
    """The one set of tensors that fills a network.

    Parameters
    ----------
    file : Path
        For messages.
    sets : mapping
        As of `state_dicts`.
    outlines : sequence of Outline
        Of the network, under each of the names that its tensors may have.
    key, prefix : str, optional
        Choose among several sets; empty for the file itself, and for no prefix.

    Returns
    -------
    Fit or None
        None if no set is complete.

    Raises
    ------
    ModelError
        If several sets are complete, or `key` or `prefix` do not occur.
    """
    sets = _under_key(file, sets, key)
    found = fits(sets, outlines)
    if prefix is not None:
        found = _behind_prefix(file, sets, outlines, found, prefix)
    complete: list[Fit] = []
    for fit in found:
        if fit.complete and not any(_same_tensors(fit, other) for other in complete):
            complete.append(fit)
    if len(complete) > 1:
        listed = [f"{fit.described()} ({len(fit.tensors)} tensors)" for fit in complete]
        raise ModelError(
            f"{file} holds more than one set of weights that fills the network",
            expected="one, or weights_key and weights_prefix of the model that choose one",
            found="; ".join(listed[:8]),
            hint="a teacher or an averaged copy gives other numbers than the plain weights",
        )
    return complete[0] if complete else None


def _under_key(file: Path, sets: Mapping[str, Tensors], key: str | None) -> Mapping[str, Tensors]:
    if key is None:
        return sets
    if key not in sets:
        valid = [f"{name!r} ({len(tensors)} tensors)" for name, tensors in sets.items()]
        raise ModelError(unknown_name(f"weights_key of {file}", key, valid[:12]))
    return {key: sets[key]}


def _behind_prefix(
    file: Path,
    sets: Mapping[str, Tensors],
    outlines: Sequence[Outline],
    found: Sequence[Fit],
    prefix: str,
) -> list[Fit]:
    prefix = _as_prefix(prefix)
    if not any(name.startswith(prefix) for tensors in sets.values() for name in tensors):
        valid = [repr(fit.prefix) for fit in found]
        raise ModelError(
            unknown_name(f"weights_prefix of {file}", prefix, list(dict.fromkeys(valid))[:12])
        )
    chosen = [_fit(key, prefix, sets[key], outline) for key in sets for outline in outlines]
    return sorted((fit for fit in chosen if fit.tensors), key=_rank)


def _same_tensors(fit: Fit, other: Fit) -> bool:
    """Whether two sets hold the same values, as where a network is stored twice."""
    first, second = fit.wanted(), other.wanted()
    return first.keys() == second.keys() and all(
        first[name].shape == second[name].shape and torch.equal(first[name], second[name])
        for name in first
    )


def no_fit(file: Path, sets: Mapping[str, Tensors], outlines: Sequence[Outline]) -> ModelError:
    """What to say where no set fills the network: counts and examples of the best one."""
    found = fits(sets, outlines)
    if not found:
        known = tuple(outlines[0].shapes)
        name, tensors = max(sets.items(), key=lambda item: len(item[1]))
        return ModelError(
            f"{file} does not fill the architecture",
            expected=f"{len(known)} tensors, such as {_some(known)}",
            found=f"none of these names; {len(tensors)} tensors under {name or TOP!r}, such as "
            f"{_some(tuple(tensors))}",
            hint="is it the architecture that the weights were trained for?",
        )
    best = found[0]
    kinds = {
        "missing": best.missing,
        "of another shape": tuple(map(_shapes_of(best), best.misshapen)),
        "left over": best.surplus,
    }
    counts = [f"{len(names)} {kind}: {_some(names)}" for kind, names in kinds.items() if names]
    return ModelError(
        f"{file} does not fill the architecture",
        expected=f"{len(best.outline.shapes)} tensors by the network's names and shapes",
        found=f"{best.n_filled} of them ({best.described()}); {'; '.join(counts)}",
        hint="check the architecture and its arguments, such as num_classes or img_size; "
        "weights_key and weights_prefix choose other tensors of the file",
    )


def _shapes_of(fit: Fit) -> Callable[[str], str]:
    def describe(name: str) -> str:
        found = "x".join(map(str, fit.tensors[name].shape))
        return f"{name} ({found}, not {'x'.join(map(str, fit.outline.shapes[name]))})"

    return describe


def _some(names: Sequence[str]) -> str:
    more = " ..." if len(names) > EXAMPLES else ""
    return ", ".join(names[:EXAMPLES]) + more


def only_set(
    file: Path,
    sets: Mapping[str, Tensors],
    key: str | None = None,
    prefix: str | None = None,
    tops: frozenset[str] | None = None,
) -> Tensors:
    """The one set of weights of a file, whatever its names, without what stands before all of them.

    Parameters
    ----------
    file : Path
        For messages.
    sets : mapping
        As of `state_dicts`. Sets of less than half as many tensors as the largest, such as a score
        that training keeps, are none of weights.
    key, prefix : str, optional
        As of `choose_fit`.
    tops : frozenset of str, optional
        First parts of names that belong to the network; if not given, `module.` alone is taken off.

    Raises
    ------
    ModelError
        If there are several.
    """
    largest = max(map(len, sets.values()))
    large = {name: tensors for name, tensors in sets.items() if 2 * len(tensors) >= largest}
    large = dict(_under_key(file, sets, key)) if key is not None else large
    if len(large) > 1:
        listed = (f"{name or TOP} ({len(tensors)} tensors)" for name, tensors in large.items())
        raise ModelError(
            f"{file} holds more than one set of weights",
            expected="one, or weights_key that chooses one",
            found=", ".join(listed),
        )
    (tensors,) = large.values()
    if prefix is not None:
        prefix = _as_prefix(prefix)
        return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    while len({name.partition(".")[0] for name in tensors}) == 1 and all("." in n for n in tensors):
        top = next(iter(tensors)).partition(".")[0]
        if top != "module" if tops is None else top in tops:
            break
        tensors = {name.removeprefix(f"{top}."): tensor for name, tensor in tensors.items()}
    return tensors


def _as_prefix(given: str) -> str:
    prefix = WRAPPED.sub("", given)
    return prefix if not prefix or prefix.endswith(".") else f"{prefix}."
