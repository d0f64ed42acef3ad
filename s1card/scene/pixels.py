"""Reading the pixels of one measurement file."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterWindow

from s1card.errors import SceneError
from s1card.scene.scene import Image
from s1card.scene.strips import open_strips

_GDAL_OPTIONS = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
_CHUNK_LINES = 64
"""Lines that are converted at a time: few enough for the processor's cache."""
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
        self._strips = open_strips(self._dataset)
        if self._strips is not None:
            weakref.finalize(self, self._strips.close)

    @property
    def dtype(self) -> np.dtype[Any]:
        """``uint16`` for detected images; SLC pixels come as ``complex64``."""
        return np.dtype(np.uint16 if self.image.annotation.is_detected else np.complex64)

    def read_lines(self, first: int, count: int) -> NDArray[Any]:
        """Lines ``first .. first + count - 1``, all pixels, as an array of count x pixels.

        Lines of an uncompressed detected image, on disk or in a zip, are read without decoding.

        Raises:
            SceneError: The file ends before, or cannot be decoded there.
            ValueError: The lines are not all inside the image.
        """
        self._check_lines(first, count)
        stored = self._stored(first, count) if self.image.annotation.is_detected else None
        return self._decoded(first, count) if stored is None else stored.view(np.uint16)

    def read_iq(self, first: int, count: int) -> NDArray[np.int16]:
        """SLC lines as they are stored: an array of count x pixels x 2, in-phase and quadrature.

        Lines of an uncompressed file, on disk or in a zip, are read without decoding.

        Raises:
            SceneError: The file ends before, or cannot be decoded there.
            ValueError: The lines are not all inside the image, or the image is detected.
        """
        if self.image.annotation.is_detected:
            raise ValueError(f"{self.image.raster} is detected: it has no phase")
        self._check_lines(first, count)
        stored = self._stored(first, count)
        if stored is None:
            return self._converted(first, count)
        return stored.view(np.int16).reshape(count, self.image.annotation.pixels, 2)

    def _check_lines(self, first: int, count: int) -> None:
        lines = self.image.annotation.lines
        if first < 0 or count < 1 or first + count > lines:
            raise ValueError(f"lines {first}..{first + count - 1} of an image of {lines}")

    def _decoded(self, first: int, count: int) -> NDArray[Any]:
        window = RasterWindow(0, first, self.image.annotation.pixels, count)
        with self._lock, self._telling(first, count):
            pixels: NDArray[Any] = self._dataset.read(1, window=window)
        return pixels.astype(self.dtype, copy=False)

    def _stored(self, first: int, count: int) -> NDArray[np.uint8] | None:
        """The bytes of lines without decoding, None where the file is not made so."""
        if self._strips is None:
            return None
        with self._lock, self._telling(first, count):
            return self._strips.read(first, count)

    def _converted(self, first: int, count: int) -> NDArray[np.int16]:
        """Samples from GDAL's complex floats; 16 bits are exact in them."""
        samples = np.empty((count, self.image.annotation.pixels, 2), np.int16)
        for start in range(0, count, _CHUNK_LINES):
            chunk = samples[start : start + _CHUNK_LINES]
            pixels = self._decoded(first + start, len(chunk))
            chunk[:] = pixels.view(np.float32).reshape(chunk.shape)
        return samples

    @contextmanager
    def _telling(self, first: int, count: int) -> Iterator[None]:
        """Names lines and file in what goes wrong while they are read."""
        try:
            yield
        except (RasterioError, OSError) as error:
            raise SceneError(
                f"lines {first} to {first + count - 1} cannot be read: {error}",
                subject=self.image.raster,
                advice=_DAMAGED,
            ) from error

    def close(self) -> None:
        """Gives the file back; further reads fail."""
        with self._lock:
            self._dataset.close()
            if self._strips is not None:
                self._strips.close()

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
