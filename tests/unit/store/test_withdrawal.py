"""Only damage takes the digest of a result away, and only in a job."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import StoreError
from bandprobe.store import chunks
from bandprobe.store.chunks import UnreadableStoreError
from bandprobe.store.digests import digest_path, require_digest, write_digest
from bandprobe.store.withdrawal import withdraw, withdrawing
from bandprobe.store.zarr_store import Store, Variable, write_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of one array in one chunk."""
    write_store(tmp_path / "a.zarr", {"x": Variable(("i",), np.arange(4.0))}, {}, {})
    return tmp_path / "a.zarr"


@contextmanager
def no_more_files() -> Iterator[None]:
    """A block in which this process cannot open a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_digests_go_in_jobs_alone(store: Path) -> None:
    withdraw(store)
    assert digest_path(store).exists()
    with withdrawing(), ThreadPoolExecutor(1) as pool:
        pool.submit(withdraw, store).result()
    assert not digest_path(store).exists()
    withdraw(store)


READS: dict[str, Callable[[Path], object]] = {
    "opening": lambda store: Store(store),
    "reading": lambda store: Store(store).read("x"),
    "a digest": require_digest,
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_too_many_open_files_are_no_damage(
    store: Path, tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = store
    if read is require_digest:
        path = tmp_path / "a.txt"
        path.write_text("text")
        write_digest(path)
    with pytest.raises(StoreError) as caught, withdrawing(), no_more_files():
        read(path)
    assert isinstance(caught.value, UnreadableStoreError)
    assert os.strerror(errno.EMFILE) in str(caught.value)
    assert digest_path(path).exists()
    read(path)


def test_a_store_that_is_open_already_is_none_either(store: Path) -> None:
    array = Store(store).array("x")
    with (
        pytest.raises(UnreadableStoreError, match=os.strerror(errno.EMFILE)),
        withdrawing(),
        no_more_files(),
    ):
        array[:]
    assert digest_path(store).exists()
    np.testing.assert_array_equal(array[:], np.arange(4.0))


def test_too_little_memory_is_no_damage(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    array = Store(store).array("x")
    monkeypatch.setattr(chunks.np, "asarray", fail)
    with pytest.raises(MemoryError), withdrawing():
        array[:]
    assert digest_path(store).exists()
