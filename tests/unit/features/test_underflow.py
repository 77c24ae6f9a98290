"""A layer whose values are too small for float16 is refused; ordinary small values are not."""

import numpy as np
import pytest
import torch

from bandprobe.errors import ModelError
from bandprobe.features.networks import pixel_network
from bandprobe.features.underflow import Underflow


def given(values: np.ndarray, kind: str):
    """Values in single precision, as an array or a tensor."""
    single = values.astype(np.float32)
    return torch.from_numpy(single) if kind == "torch" else single


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_layer_of_scale_one_millionth_is_refused(kind: str, rng: np.random.Generator) -> None:
    values = given(1e-6 * rng.normal(size=(50, 4, 5, 5)), kind)
    stored = np.asarray(values).astype(np.float16)
    with pytest.raises(ModelError, match=r"layer deep: values are too small for float16") as error:
        Underflow("float16").check("deep", values, stored)
    text = str(error.value)
    lost = int((stored == 0).sum())
    assert lost > 50
    assert f"{lost} of 5000 values became 0" in text
    assert "relative error of 1." in text
    assert "set storage.dtype to float32" in text
    Underflow("float32").check("deep", values, np.asarray(values))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_layers_that_lose_no_more_than_rounding_are_kept(
    kind: str, scale: float, rng: np.random.Generator
) -> None:
    """Also where most values are tiny, as after a smooth rectifier, or a batch is silent."""
    underflow = Underflow("float16")
    values = scale * rng.normal(size=(8, 4, 5, 5))
    values[:, 1:] *= 1e-7
    for batch in (values, 0 * values, 1e-9 * values):
        maps = given(batch, kind)
        underflow.check("deep", maps, np.asarray(maps).astype(np.float16))


def test_each_layer_is_judged_alone(rng: np.random.Generator) -> None:
    underflow, values = Underflow("float16"), rng.normal(size=(4, 9)).astype(np.float32)
    underflow.check("large", values, values.astype(np.float16))
    tiny = (values * 1e-8).astype(np.float32)
    with pytest.raises(ModelError, match="layer small"):
        underflow.check("small", tiny, tiny.astype(np.float16))


def test_bfloat16_is_compared_in_double_precision(rng: np.random.Generator) -> None:
    values = torch.from_numpy(rng.normal(size=(4, 9)) * 1e-7).to(torch.bfloat16)
    with pytest.raises(ModelError, match="too small"):
        Underflow("float16").check("deep", values, values.to(torch.float16).numpy())


def test_images_are_checked_too(rng: np.random.Generator) -> None:
    pixels = rng.normal(size=(2, 3, 4, 4)).astype(np.float32)
    assert pixel_network("float16")(pixels)["input"].dtype == np.float16
    with pytest.raises(ModelError, match="layer input"):
        pixel_network("float16")(pixels * np.float32(1e-7))
