"""Published weights by name, out of the local caches or fetched, or how to fetch them."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import timm
import torch
import torchvision.models
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from timm.models import get_pretrained_cfg

from bandprobe.errors import ModelError, unknown_name

SAFETENSORS = "model.safetensors"
PATIENCE_S = 30
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.")
SHA256 = re.compile("([0-9a-f]{64})")


@dataclass(frozen=True)
class Published:
    """Published weights: the file, and where it comes from in words."""

    file: Path
    source: str


def offline() -> bool:
    """Whether nothing is to be fetched, here or by any library: `HF_HUB_OFFLINE` is set."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def timm_tag(architecture: str, weights: str) -> str:
    """The full name `architecture.tag` of the timm weights that are asked for.

    Parameters
    ----------
    architecture : str
        timm's name, with or without a tag.
    weights : str
        `pretrained`, or `pretrained/TAG` with timm's tag, alone or after the architecture's name.

    Raises
    ------
    ModelError
        If the tag is unknown, is another than the architecture's, or there are no weights.
    """
    name, _, own = architecture.partition(".")
    tag = weights.removeprefix("pretrained").removeprefix("/").removeprefix(f"{name}.")
    if own and tag and own != tag:
        raise ModelError(f"two tags for timm/{name}", found=f"{own} and {tag}", hint="give one")
    tags = [found.partition(".")[2] for found in timm.list_pretrained(f"{name}.*")]
    if not tags:
        raise ModelError(f"timm has no pretrained weights for {name}")
    tag = tag or own or str(_config(name).tag)
    if tag not in tags:
        raise ModelError(unknown_name(f"weights of timm/{name}", tag, tags))
    return f"{name}.{tag}"


def _config(name: str) -> Any:
    return get_pretrained_cfg(name)


def cached_file(architecture: str, weights: str) -> Path | None:
    """The file of published weights, if it is on this machine; nothing is fetched.

    Parameters
    ----------
    architecture : str
        `timm/NAME` or `torchvision/NAME`.
    weights : str
        `pretrained` or `pretrained/TAG`.
    """
    library, _, name = architecture.partition("/")
    if library == "torchvision":
        url = str(torchvision_entry(name, weights).url)
    else:
        config = _config(timm_tag(name, weights))
        if config.hf_hub_id:
            return _cached(*_in_hub(config))
        url = str(config.url)
    file = _target(url)
    return file if file.is_file() else None


def timm_weights(full_name: str) -> Published:
    """Weights that timm publishes, out of the Hugging Face cache or torch hub's.

    Raises
    ------
    ModelError
        If they are in no cache and cannot be fetched, with the command that fetches them.
    """
    config = _config(full_name)
    if not config.hf_hub_id:
        url = str(config.url)
        return Published(_from_url(url, full_name), url)
    repository, names, revision = _in_hub(config)
    reason = "HF_HUB_OFFLINE is set"
    file = _cached(repository, names, revision)
    if file is None and not offline():
        file, reason = _fetched(repository, names, revision)
    if file is not None:
        return Published(file, f"{repository}@{file.parent.name}/{file.name}")
    folder = f"models--{repository.replace('/', '--')}"
    extra = f" --revision {revision}" if revision else ""
    raise ModelError(
        f"no weights of timm/{full_name} on this machine, and they cannot be fetched",
        expected=f"{names[0]} of {repository} in {constants.HF_HUB_CACHE}",
        found=reason,
        hint=f"on a machine with network: hf download {repository} {names[0]}{extra}; then copy "
        f"the folder {folder} from its cache (~/.cache/huggingface/hub) to "
        f"{constants.HF_HUB_CACHE}/{folder}",
    )


def require_published(file: Path, sha256: str) -> None:
    """Raise `ModelError` unless a file has the digest that its name in a cache promises.

    torch hub's names end in the first digits of it; Hugging Face's cache keeps large files under
    all of them, and links to these.
    """
    named = HASH_IN_NAME.search(file.name) or SHA256.fullmatch(file.resolve().name)
    promised = named.group(1) if named else ""
    if not sha256.startswith(promised):
        raise ModelError(
            f"{file} is not the published file",
            expected=f"SHA-256 {promised}{'...' if len(promised) < 64 else ''}, as its name says",
            found=f"SHA-256 {sha256}",
            hint="remove it, so that it is fetched again; if it is the file you want, give the "
            "model its weights_sha256",
        )


def _in_hub(config: Any) -> tuple[str, list[str], str]:
    """Repository, names that the file may have, and revision."""
    repository, _, revision = config.hf_hub_id.partition("@")
    names = [SAFETENSORS, "pytorch_model.bin"]
    if config.hf_hub_filename:
        name = config.hf_hub_filename
        names = [str(Path(name).with_suffix(".safetensors")), name]
    return repository, names, revision


def _cached(repository: str, names: list[str], revision: str) -> Path | None:
    for name in names:
        try:
            return Path(_download_hf(repository, name, revision, local_files_only=True))
        except LocalEntryNotFoundError:
            continue
    return None


def _fetched(repository: str, names: list[str], revision: str) -> tuple[Path | None, str]:
    """The first of some files that the repository has, or why there is none."""
    reason = "the repository has none of them"
    for name in names:
        try:
            return Path(_download_hf(repository, name, revision, local_files_only=False)), ""
        except LocalEntryNotFoundError as error:
            return None, _reason(error)
        except EntryNotFoundError:
            continue
        except Exception as error:  # whatever the client's connection raises
            return None, _reason(error)
    return None, reason


def _download_hf(repository: str, name: str, revision: str, local_files_only: bool) -> str:
    return hf_hub_download(
        repository,
        name,
        revision=revision or None,
        cache_dir=constants.HF_HUB_CACHE,
        local_files_only=local_files_only,
    )


def torchvision_entry(name: str, weights: str) -> Any:
    """The member of torchvision's weights enum that `weights` asks for.

    Raises
    ------
    ModelError
        If there is none of that name; the message lists them.
    """
    known = torchvision.models.get_model_weights(name)
    tag = weights.removeprefix("pretrained").removeprefix("/") or "DEFAULT"
    if tag not in known.__members__:
        valid = [entry.name for entry in known]
        raise ModelError(unknown_name(f"weights of torchvision/{name}", tag, valid))
    return known[tag]


def torchvision_weights(entry: Any) -> Published:
    """Weights that torchvision publishes, out of torch hub's cache.

    Raises
    ------
    ModelError
        If they are not in the cache and cannot be fetched, with the command that fetches them.
    """
    return Published(_from_url(entry.url, str(entry)), f"torchvision {entry}")


def _target(url: str) -> Path:
    """Where torch hub keeps a file."""
    return Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[1])


def _from_url(url: str, name: str) -> Path:
    target = _target(url)
    if target.is_file():
        return target
    reason = "HF_HUB_OFFLINE is set"
    if not offline():
        try:
            _download(url, target)
        except (URLError, OSError, RuntimeError) as error:
            reason = _reason(error)
        else:
            return target
    raise ModelError(
        f"no weights of {name} on this machine, and they cannot be fetched",
        expected=str(target),
        found=reason,
        hint=f"on a machine with network: curl --location --remote-name {url}; then copy "
        f"{target.name} to {target}",
    )


def _download(url: str, target: Path) -> None:
    """Fetch a file whose name ends in the beginning of its digest, as torch hub's do."""
    found = torch.hub.HASH_REGEX.search(target.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE_S)
    try:
        torch.hub.download_url_to_file(
            url, str(target), hash_prefix=found.group(1) if found else None, progress=False
        )
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def torchvision_entry_of(sha256: str) -> Any | None:
    """The torchvision weights whose published file has a digest, or None.

    The published names end in the first eight digits of it.
    """
    for name in torchvision.models.list_models(module=torchvision.models):
        for entry in torchvision.models.get_model_weights(name):
            if entry.url.endswith(f"-{sha256[:8]}.pth"):
                return entry
    return None
