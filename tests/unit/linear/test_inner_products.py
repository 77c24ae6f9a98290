"""Inner products that are added up in place, in either precision."""

import numpy as np
import pytest

from bandprobe.base.devices import put
from bandprobe.linear import inner_products
from bandprobe.linear.inner_products import ROWS, add_gram, add_kernel, complete

SAMPLES, OTHERS, VALUES = ROWS + 44, 17, 60


@pytest.mark.parametrize("device", ["cpu", "torch-cpu"])
@pytest.mark.parametrize("single_from", [SAMPLES, SAMPLES + 1], ids=["single", "double"])
def test_sums_over_slabs_are_the_products_of_all_values(
    single_from: int, device: str, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inner_products, "SINGLE_FROM", single_from)
    train, other = (rng.normal(size=(n, VALUES)).astype(np.float32) for n in (SAMPLES, OTHERS))
    gram = kernel = None
    for part in (slice(0, 7), slice(7, 30), slice(30, None)):
        rows, columns = (put(np.ascontiguousarray(m[:, part]), device) for m in (train, other))
        before = gram
        gram, kernel = add_gram(gram, rows), add_kernel(kernel, columns, rows)
        assert before is None or gram is before, "sums are added to where they are"
    assert gram is not None
    assert kernel is not None
    expected_type = np.float32 if single_from == SAMPLES else np.float64
    assert gram.dtype == kernel.dtype == expected_type
    complete(gram)
    exact = train.astype(np.float64)
    np.testing.assert_allclose(gram, exact @ exact.T, atol=3e-5)
    np.testing.assert_allclose(kernel, other.astype(np.float64) @ exact.T, atol=3e-5)


def test_a_triangle_is_completed(rng: np.random.Generator) -> None:
    full = rng.normal(size=(SAMPLES, SAMPLES))
    full += full.T
    lower = np.tril(full)
    complete(lower)
    np.testing.assert_array_equal(lower, full)
