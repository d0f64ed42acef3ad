"""The measurements of a product while they are made: files, statistics, thinned images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s1card.scene.records import GeolocationGrid, Ints
from s1card.simulate.image_facts import PixelStatistics
from s1card.simulate.measurement import QUICKLOOK_SIZE, tiff_texts
from s1card.simulate.product import Image, Product
from s1card.simulate.slc.passes import TopsImage
from s1card.simulate.slc.tiff import SlcTiff, create_slc_tiff
from s1card.simulate.slc.tiles import Columns

Counts = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Measurement:
    """A measurement file that is being filled.

    Attributes:
        image, tops: What it is.
        tiff: The file.
        moments: Sums of samples and sums of their squares so far (4).
        thinned: Amplitudes of every ``step``-th line and pixel.
        step: See there.
    """

    image: Image
    tops: TopsImage
    tiff: SlcTiff
    moments: Ints
    thinned: Counts
    step: int

    def take(self, first_line: int, columns: Columns, samples: NDArray[np.int16], moments: Ints) -> None:
        """Take samples (lines, columns, 2) into statistics and thinned image."""
        self.moments[...] += moments
        line = np.arange(-first_line % self.step, samples.shape[0], self.step)
        pixel = np.arange(-columns.first % self.step, columns.count, self.step)
        if line.size and pixel.size:
            part = samples[np.ix_(line, pixel)].astype(np.float64)
            row, col = (first_line + int(line[0])) // self.step, (columns.first + int(pixel[0])) // self.step
            self.thinned[row : row + line.size, col : col + pixel.size] = np.hypot(part[..., 0], part[..., 1])

    @property
    def statistics(self) -> PixelStatistics:
        """Mean and standard deviation of all samples of the image, those without data included."""
        mean = self.moments[:2] / (self.tops.lines * self.tops.pixels)
        square = self.moments[2:] / (self.tops.lines * self.tops.pixels)
        spread = np.sqrt(np.maximum(0.0, square - mean**2))
        return PixelStatistics(complex(*mean), complex(*spread))


def create_measurement(
    folder: Path, product: Product, image: Image, tops: TopsImage, grid: GeolocationGrid
) -> Measurement:
    """A measurement of zeros in a folder."""
    path = folder / product.measurement_name(image)
    step = max(1, math.ceil(max(tops.lines, tops.pixels) / QUICKLOOK_SIZE))
    return Measurement(
        image,
        tops,
        create_slc_tiff(path, tops.lines, tops.pixels, grid, tiff_texts(product)),
        np.zeros(4, np.int64),
        np.zeros((math.ceil(tops.lines / step), math.ceil(tops.pixels / step)), np.uint16),
        step,
    )


def side_by_side(images: list[Counts]) -> Counts:
    """Thinned images of sub-swaths next to each other, shorter ones filled up with zeros."""
    rows = max(image.shape[0] for image in images)
    return np.concatenate([np.pad(image, ((0, rows - image.shape[0]), (0, 0))) for image in images], axis=1)
