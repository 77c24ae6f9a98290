"""Chunks of feature arrays fit them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandprobe.store.zarr_store import CHUNK_BYTES, CHUNK_SAMPLES, feature_chunks

SHAPES = st.tuples(
    st.integers(1, 60_000), st.integers(1, 2048), st.integers(1, 112), st.integers(1, 112)
)


@given(SHAPES, st.sampled_from([2, 4]))
def test_chunks_are_whole_maps_within_the_array(
    shape: tuple[int, int, int, int], itemsize: int
) -> None:
    chunks = feature_chunks(shape, itemsize)
    assert chunks[2:] == shape[2:]
    assert all(1 <= chunk <= size for chunk, size in zip(chunks, shape, strict=True))
    assert chunks[0] >= min(shape[0], CHUNK_SAMPLES)


@given(SHAPES, st.sampled_from([2, 4]))
def test_chunks_are_about_as_large_as_meant(
    shape: tuple[int, int, int, int], itemsize: int
) -> None:
    chunks = feature_chunks(shape, itemsize)
    size = int(np.prod(chunks)) * itemsize
    one_channel = min(shape[0], CHUNK_SAMPLES) * shape[2] * shape[3] * itemsize
    assert size <= max(2 * CHUNK_BYTES, one_channel)
    whole = int(np.prod(shape)) * itemsize
    assert size >= min(whole, CHUNK_BYTES) // 4


@given(SHAPES, st.sampled_from([2, 4]))
def test_channels_are_divided_only_where_samples_are_not_gathered(
    shape: tuple[int, int, int, int], itemsize: int
) -> None:
    samples, channels = feature_chunks(shape, itemsize)[:2]
    assert channels == shape[1] or samples <= CHUNK_SAMPLES
