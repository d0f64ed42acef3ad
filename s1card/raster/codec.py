"""Lossless compression of tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from s1card.errors import UsageError

Compression = Literal["zstd", "deflate", "none"]

CODES: dict[str, int] = {"none": 1, "deflate": 8, "zstd": 50000}
"""Values of the TIFF tag Compression."""


@dataclass(frozen=True)
class TileCodec:
    """How tiles are compressed.

    ZSTD at level 1 after the floating point predictor is the default because on geocoded
    backscatter with speckle higher levels gain about 1 % in size at a third of the speed, and
    DEFLATE is larger and three times slower (figures: ``benchmarks/cog_writer.py --codecs``).

    Attributes:
        compression: ``zstd``, ``deflate`` or ``none``.
        level: Effort of the compressor.
        predict: Whether samples are replaced by differences first (TIFF predictor 3 for floats,
            2 for integers).
    """

    compression: Compression = "zstd"
    level: int = 1
    predict: bool = True

    def __post_init__(self) -> None:
        if self.compression not in CODES:
            raise UsageError(
                f"unknown compression {self.compression!r}", advice=f"Use one of {', '.join(CODES)}"
            )

    @property
    def code(self) -> int:
        """Value of the TIFF tag Compression."""
        return CODES[self.compression]

    def predictor(self, dtype: np.dtype[Any]) -> int:
        """Value of the TIFF tag Predictor for samples of a type."""
        if not self.predict or self.compression == "none":
            return 1
        return 3 if dtype.kind == "f" else 2

    def encode(self, tile: NDArray[Any]) -> bytes:
        """Compress a C-contiguous, little-endian tile; the work is done outside of the GIL."""
        samples: Any = tile  # the stubs of imagecodecs want bytes, its functions take arrays too
        match self.predictor(tile.dtype):
            case 3:
                samples = imagecodecs.floatpred_encode(samples, axis=-1, dist=1)
            case 2:
                samples = imagecodecs.delta_encode(samples, axis=-1, dist=1)
        if self.compression == "zstd":
            return bytes(imagecodecs.zstd_encode(samples, level=self.level))
        if self.compression == "deflate":
            return bytes(imagecodecs.deflate_encode(samples, level=self.level))
        return tile.tobytes()
