"""How feature maps are stored: number format, bits of the mantissa that are kept, compression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bandprobe.errors import ConfigError

Codec = Literal["none", "zstd", "blosc-lz4", "blosc-zstd"]


@dataclass(frozen=True)
class Storage:
    """How maps are converted before they are written.

    Parameters
    ----------
    dtype : {"float16", "float32"}
    keepbits : int, optional
        Bits of the mantissa that are kept, of 10 in float16 and 23 in float32; all if None. The
        others become zero, values are rounded to the nearest, so the relative error is at most
        ``2 ** -(keepbits + 1)`` for normal numbers.
    codec : {"none", "zstd", "blosc-lz4", "blosc-zstd"}
        Compression without loss.

    Raises
    ------
    ConfigError
        If the format has no such number of bits, or dropping bits would save nothing.
    """

    dtype: str = "float16"
    keepbits: int | None = None
    codec: Codec = "none"

    def __post_init__(self) -> None:
        if self.keepbits is None:
            return
        bits = np.finfo(self.dtype).nmant
        if not 1 <= self.keepbits < bits:
            raise ConfigError(
                "storage.keepbits",
                expected=f"1 to {bits - 1} for {self.dtype}, whose mantissa has {bits} bits",
                found=self.keepbits,
                hint="leave the key out to keep all bits",
            )
        if self.codec == "none":
            raise ConfigError(
                "storage.keepbits: rounding without compression saves nothing",
                expected="a storage.codec other than none",
                found="codec: none",
                hint="codec: blosc-zstd, or leave out keepbits",
            )

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Storage:
        """From the section `storage` of a resolved configuration."""
        return cls(spec["dtype"], spec.get("keepbits"), spec.get("codec", "none"))

    @property
    def itemsize(self) -> int:
        """Bytes of a value before compression."""
        return np.dtype(self.dtype).itemsize

    def rounded(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values in the number format, with the bits that are kept; ties go to the even one.

        Parameters
        ----------
        values : array
            Finite; values beyond the range of the format become infinite.

        Notes
        -----
        Rounding comes before writing and is not a filter of the store, so that any reader of Zarr
        opens it. M. Klöwer et al., "Compressing atmospheric data into its real information
        content", Nature Computational Science 1, 2021.
        """
        with np.errstate(over="ignore"):
            converted = values.astype(self.dtype, copy=False)
        if self.keepbits is None:
            return converted
        from numcodecs.bitround import BitRound  # 0.1 s that only rounding pays for

        # Not finite values are left to the caller: their bits must not be counted up.
        finite = np.isfinite(converted)
        kept = BitRound(self.keepbits).encode(np.where(finite, converted, 0)).view(self.dtype)
        return np.where(finite, kept, converted)
