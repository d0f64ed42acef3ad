"""Windows of one band as arrays, from several threads."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from s1card.errors import DataError
from s1card.parcels.pixels.records import PixelBand
from s1card.window import Window


class BandReader:
    """Reads windows of one band; any number of threads may read at the same time.

    Each thread has a data set of its own, so that decoding runs in parallel. Values are raw: neither no-data values nor
    scale and offset are looked at. Windows that are whole rows of blocks (``band.block_shape``) read fastest.

    Args:
        band: What to read.

    Attributes:
        band: The same.
        dtype: Type of the values.
    """

    def __init__(self, band: PixelBand) -> None:
        self.band = band
        self.dtype = np.dtype(band.dtype)
        self._own = threading.local()
        self._opened: list[Any] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def read(self, window: Window, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The raw values of a window that lies within the band.

        Args:
            window: Rows and columns of the band's grid.
            out: C-contiguous array of the window's shape and the band's `dtype` to fill, else a new one is made.

        Returns:
            The array, rows x columns.

        Raises:
            DataError: A block cannot be read or decoded; names file and window.
        """
        rect = RasterWindow(window.col, window.row, window.cols, window.rows)
        target = np.empty(window.shape, self.dtype) if out is None else out
        try:
            self._dataset().read(self.band.index, window=rect, out=target)
        except (RasterioError, OSError) as error:
            raise DataError(
                f"rows {window.row} to {window.row_end - 1}, columns {window.col} to {window.col_end - 1} of band "
                f"{self.band.name} cannot be read: {error}",
                subject=self.band.path,
                advice="The file is damaged or incomplete: fetch or make it again",
            ) from error
        return target

    def close(self) -> None:
        """Give back the files; nothing may be read afterwards."""
        with self._lock:
            self._is_closed = True
            for dataset in self._opened:
                dataset.close()
            self._opened.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _dataset(self) -> Any:
        """This thread's data set."""
        dataset = getattr(self._own, "dataset", None)
        if dataset is None:
            dataset = rasterio.open(self.band.path)
            with self._lock:
                if self._is_closed:
                    dataset.close()
                    raise RuntimeError("the reader is closed")
                self._opened.append(dataset)
            self._own.dataset = dataset
        return dataset
