"""Reading the pixels of one measurement file."""

from __future__ import annotations

import threading
import warnings
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterWindow

from s1card.errors import SceneError
from s1card.scene.scene import Image

_GDAL_OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
_DAMAGED = "The measurement file is damaged: download the product again"


class PixelReader:
    """Full-width line ranges of one measurement file; safe to use from several threads, which take turns.

    Args:
        image: Whose pixels to read.

    Raises:
        SceneError: The file is missing, unreadable, or not of the annotated size and type.
    """

    def __init__(self, image: Image) -> None:
        self.image = image
        self._lock = threading.Lock()
        self._dataset = open_measurement(image)

    @property
    def dtype(self) -> np.dtype[Any]:
        """``uint16`` for detected images; SLC pixels come as ``complex64``."""
        return np.dtype(np.uint16 if self.image.annotation.is_detected else np.complex64)

    def read_lines(self, first: int, count: int) -> NDArray[Any]:
        """Lines ``first .. first + count - 1``, all pixels, as an array of count x pixels.

        Raises:
            SceneError: The file ends before, or cannot be decoded there.
            ValueError: The lines are not all inside the image.
        """
        annotation = self.image.annotation
        if first < 0 or count < 1 or first + count > annotation.lines:
            raise ValueError(f"lines {first}..{first + count - 1} of an image of {annotation.lines}")
        window = RasterWindow(0, first, annotation.pixels, count)
        try:
            with self._lock:
                pixels: NDArray[Any] = self._dataset.read(1, window=window)
        except RasterioError as error:
            raise SceneError(
                f"lines {first} to {first + count - 1} cannot be read: {error}",
                subject=self.image.raster,
                advice=_DAMAGED,
            ) from error
        return pixels.astype(self.dtype, copy=False)

    def close(self) -> None:
        """Gives the file back; further reads fail."""
        with self._lock:
            self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_measurement(image: Image) -> rasterio.io.DatasetReader:
    """The measurement file of an image, opened and checked against the annotation.

    Raises:
        SceneError: It is missing, unreadable, or not of the annotated size and type.
    """
    try:
        # The tie points of a measurement file are not a transform; the annotation has better ones.
        with rasterio.Env(**_GDAL_OPTIONS), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(image.raster)
    except RasterioError as error:
        raise SceneError(f"cannot be opened: {error}", subject=image.raster, advice=_DAMAGED) from error
    annotation = image.annotation
    expected = "uint16" if annotation.is_detected else "complex_int16"
    found = (dataset.count, dataset.height, dataset.width, dataset.dtypes[0])
    if found != (1, annotation.lines, annotation.pixels, expected):
        dataset.close()
        raise SceneError(
            f"the raster has {found[0]} band(s) of {found[1]} x {found[2]} {found[3]}, "
            f"the annotation says {annotation.lines} x {annotation.pixels} {expected}",
            subject=image.raster,
            advice=_DAMAGED,
        )
    return dataset
