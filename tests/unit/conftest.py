"""Fixtures that several unit tests share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bandprobe.fourier.bands import Bands

SaveImage = Callable[..., Path]


@pytest.fixture(scope="session")
def bands() -> Bands:
    """The default bands of the experiment."""
    names = ("ultra-low", "very-low", "low", "mid", "high", "very-high", "ultra-high")
    return Bands(names, (0.05, 0.15, 0.3, 0.5, 0.7, 0.9))


@pytest.fixture
def rng() -> np.random.Generator:
    """The same numbers in every run."""
    return np.random.default_rng(20240607)


@pytest.fixture
def save_image() -> SaveImage:
    """Save an image of random pixels, and give its path back."""

    def save(path: Path, size: tuple[int, int] = (20, 16), seed: int = 0, **options: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return save


@pytest.fixture
def config() -> dict[str, Any]:
    """A small valid configuration, without anything that has a default."""
    return {
        "datasets": {"mine": {"kind": "imagefolder", "root": "images"}},
        "models": {
            "pixels": {"architecture": "pixels", "layers": [["input"]]},
            "net": {
                "architecture": "timm/resnet18",
                "weights": "random",
                "layers": [["layer1", "layer2"], ["layer3"]],
            },
        },
        "bands": {"names": ["low", "high"], "edges": [0.4]},
        "readouts": ["map"],
        "modes": {"remove": {"kind": "remove"}},
    }
