"""Reading ENVI files with one band, as SNAP and this package write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import DataError
from s1card.raster.envi import ENVI_TYPES
from s1card.window import Window

_FIELD = re.compile(r"^\s*([\w ]+?)\s*=\s*([^{\n]*?)\s*$", re.MULTILINE)
_TYPES = {code: name for name, code in ENVI_TYPES.items()}


@dataclass(frozen=True, eq=False)
class EnviReader:
    """Samples of a file, read by window from any number of threads."""

    path: Path
    samples: NDArray[Any]

    @classmethod
    def open(cls, header: Path) -> EnviReader:
        """Open the file of a header.

        Raises:
            DataError: Header or file are missing, damaged, or of another kind.
        """
        image = header.with_suffix(".img")
        try:
            fields = {key.lower(): value for key, value in _FIELD.findall(header.read_text("utf-8"))}
            shape = int(fields["lines"]), int(fields["samples"])
            kind = np.dtype(_TYPES[int(fields["data type"])])
            dtype = kind.newbyteorder(">" if fields.get("byte order") == "1" else "<")
            return cls(image, np.memmap(image, dtype, "r", int(fields.get("header offset", "0")), shape))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"the raster cannot be read: {type(error).__name__}: {error}",
                subject=str(image),
                advice="Make the product again",
            ) from error

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.samples.shape
        return rows, cols

    def read(self, window: Window) -> NDArray[Any]:
        """The samples of a window, in the byte order of this machine."""
        part = self.samples[window.row : window.row_end, window.col : window.col_end]
        return part.astype(part.dtype.newbyteorder("="))
