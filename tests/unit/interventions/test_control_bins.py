"""A control is the intervention where both change the same bins that the readout sees."""

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import kept_bands
from bandprobe.fourier.random_masks import equal_bins, equal_energy
from bandprobe.interventions.control_bins import changes_the_same
from bandprobe.probes.masks import Masks

DRAWS = 3


def found(bands: Bands, grid: tuple[int, int], kind: str, mode: str, *, pooled=False) -> list[bool]:
    """What is found for masks that are drawn as in a study."""
    partition = bands.on_grid(*grid)
    positions = np.arange(len(bands))[:, None, None]
    power = np.random.default_rng(5).uniform(0.5, 1.5, grid)
    power = power + power[-np.arange(grid[0]) % grid[0]][:, -np.arange(grid[1]) % grid[1]]
    drawn = {
        "equal-bins": [np.equal(equal_bins(partition, 0, d), positions) for d in range(DRAWS)],
        "equal-energy": [equal_energy(partition, power, 0, d) for d in range(DRAWS)],
    }
    seen = np.zeros(grid, bool)
    seen[0, 0] = True
    seen |= not pooled
    masks = Masks(partition, {kind: np.stack(drawn[kind])})
    overlap = masks.overlap(seen)[0]
    changed = ~kept_bands(mode, len(bands))
    literal = []
    for band in range(len(bands)):
        wanted = changed[band][partition.index] & seen
        draws = []
        for draw in drawn[kind]:
            if kind == "equal-bins":
                mask = draw[changed[band]].any(0)
            else:
                mask = ~draw[band] if mode == "isolate" else draw[band]
            draws.append(np.array_equal(mask & seen, wanted))
        literal.append(all(draws) and bool(wanted.any()))
    result = changes_the_same(kind, overlap, partition.counted(seen), changed).tolist()
    assert result == literal
    return result


@pytest.mark.parametrize("mode", ["remove", "isolate", "resample", "phase"])
@pytest.mark.parametrize("kind", ["equal-bins", "equal-energy"])
def test_dc_alone_has_no_other_mask(bands: Bands, kind: str, mode: str) -> None:
    assert found(bands, (14, 14), kind, mode) == [True] + [False] * 6
    assert found(bands, (56, 56), kind, mode) == [False] * 7


def test_one_or_two_bands_leave_no_choice() -> None:
    single, pair = Bands(("all",), ()), Bands(("dc", "rest"), (0.05,))
    for mode in ("remove", "resample"):
        assert found(single, (6, 6), "equal-bins", mode) == [True]
        assert found(pair, (6, 6), "equal-bins", mode) == [True, True]
        # The only band outside DC.
        assert found(Bands(("dc", "none", "rest"), (0.05, 0.06)), (6, 6), "equal-bins", mode) == [
            True,
            False,
            True,
        ]


def test_a_sweep_that_changes_dc_alone_has_no_control(bands: Bands) -> None:
    """Highpass of the first band above DC takes DC out, and so does its control."""
    assert found(bands, (14, 14), "equal-bins", "highpass") == [False, True] + [False] * 5
    assert found(bands, (14, 14), "equal-bins", "lowpass")[0]
    assert not any(found(bands, (56, 56), "equal-bins", "highpass"))


@pytest.mark.parametrize("side", [56, 112, 224])
def test_a_pooled_readout_sees_dc_alone_of_any_mask(bands: Bands, side: int) -> None:
    """The lowest band has several bins, but DC stays in its band."""
    for mode in ("phase", "resample"):
        same = found(bands, (side, side), "equal-bins", mode, pooled=True)
        assert same == [True] + [False] * 6
