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
from s1card.parcels.pixels.rasters import DAMAGED, raster_environment, raster_error
from s1card.parcels.pixels.records import PixelBand
from s1card.parcels.pixels.tiles import TiledFloats, open_tiles
from s1card.source import storage
from s1card.window import Window


class BandReader:
    """Reads windows of one band; any number of threads may read at the same time.

    Compressed float32 tiles, as our cards have them, are decoded here; anything else GDAL reads, with a data set of its
    own for each thread. Values are raw: neither no-data values nor scale and offset are looked at. Windows that are
    whole rows of blocks (``band.block_shape``) read fastest, as no block is then decoded twice.

    Args:
        band: What to read.

    Attributes:
        band: The same.
        dtype: Type of the values.
    """

    def __init__(self, band: PixelBand) -> None:
        self.band = band
        self.dtype = np.dtype(band.dtype)
        self._location = storage.location_of(band.path)
        self._own = threading.local()
        self._opened: list[Any] = []
        self._lock = threading.Lock()
        self._tiles: TiledFloats | None = None
        self._is_known = self._is_closed = False

    def read(self, window: Window, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The raw values of a window that lies within the band.

        Args:
            window: Rows and columns of the band's grid.
            out: C-contiguous array of the window's shape and the band's `dtype` to fill, else a new one is made.

        Returns:
            The array, rows x columns.

        Raises:
            DataError: A block cannot be read or decoded; names file and window.
            NetworkError: The object store does not answer.
        """
        target = np.empty(window.shape, self.dtype) if out is None else out
        if window.is_empty:
            return target
        try:
            tiles = self._tile_reader()
            if tiles is not None:
                tiles.read(window, target)
            else:
                self._read_by_gdal(window, target)
        except (RasterioError, OSError) as error:
            raise raster_error(
                self._location, self._describe(window, str(error.__cause__ or error))
            ) from error
        except DataError as error:
            message = self._describe(window, error.message)
            raise DataError(message, subject=self._location, advice=DAMAGED) from error
        return target

    def close(self) -> None:
        """Give back the files; nothing may be read afterwards."""
        with self._lock:
            self._is_closed = True
            if self._tiles is not None:
                self._tiles.close()
            for dataset in self._opened:
                dataset.close()
            self._opened.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _describe(self, window: Window, problem: str) -> str:
        rows = f"rows {window.row} to {window.row_end - 1}"
        cols = f"columns {window.col} to {window.col_end - 1}"
        return f"{rows}, {cols} of band {self.band.name} cannot be read: {problem}"

    def _tile_reader(self) -> TiledFloats | None:
        """The reader of tiles that all threads share, None where GDAL has to read."""
        if not self._is_known:
            with self._lock:
                if self._is_closed:
                    raise RuntimeError("the reader is closed")
                if not self._is_known:
                    with raster_environment(), rasterio.open(self.band.path) as dataset:
                        self._tiles = open_tiles(dataset, self._location, self.band.index)
                    self._is_known = True
        return self._tiles

    def _read_by_gdal(self, window: Window, out: NDArray[Any]) -> None:
        place = RasterWindow(window.col, window.row, window.cols, window.rows)
        with raster_environment():
            self._dataset().read(self.band.index, window=place, out=out)

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
