"""How a card is cut into strips, and which of its blocks hold parcels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s1card.parcels.lattice import Lattice
from s1card.parcels.pixels.records import PixelBand
from s1card.parcels.weights import Weights
from s1card.window import Window

STRIP_ROWS = 512
"""Rows of a strip at least, rounded up to whole blocks."""

LARGEST_BLOCK = 2048
"""Blocks of more rows (images that are stored as one) are not kept whole."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StripLayout:
    """Strips of a card, and the parcels in them.

    Attributes:
        window: Where the card lies on the lattice.
        height: Rows of a strip; the last one may have fewer.
        block: Columns of a block.
        touched: Parcels whose box meets the card, ascending.
        first, last: First and last strip of every parcel; of use for those touched.
        columns: First column and last column + 1 of every parcel in the card.
    """

    window: Window
    height: int
    block: int
    touched: Indices
    first: Indices
    last: Indices
    columns: Indices

    @classmethod
    def of(cls, band: PixelBand, weights: Weights) -> StripLayout:
        """The layout of a band."""
        window = Lattice.of(band.grid).window(band.grid)
        rows, block = band.block_shape
        height = STRIP_ROWS if rows > LARGEST_BLOCK else rows * -(-STRIP_ROWS // rows)
        box = weights.box.astype(np.int64) - (window.row, window.row, window.col, window.col)
        top, bottom = np.clip(box[:, 0], 0, window.rows), np.clip(box[:, 1], 0, window.rows)
        left, right = np.clip(box[:, 2], 0, window.cols), np.clip(box[:, 3], 0, window.cols)
        touched = np.flatnonzero((top < bottom) & (left < right))
        columns = np.stack([left, right], axis=1)
        return cls(window, height, block, touched, top // height, (bottom - 1) // height, columns)

    @property
    def strips(self) -> list[int]:
        """Strips that hold parcels."""
        count = -(-self.window.rows // self.height)
        change = np.zeros(count + 1, np.int64)
        np.add.at(change, self.first[self.touched], 1)
        np.add.at(change, self.last[self.touched] + 1, -1)
        return [int(strip) for strip in np.flatnonzero(np.cumsum(change)[:-1])]

    def rows(self, strip: int) -> Window:
        """A strip of the card."""
        row = strip * self.height
        return Window(row, 0, min(self.height, self.window.rows - row), self.window.cols)

    def beginning(self, strip: int) -> Indices:
        """Parcels that begin in a strip."""
        return np.asarray(self.touched[self.first[self.touched] == strip])

    def needed(self, strip: int, most: int) -> Iterator[Window]:
        """Runs of blocks of a strip that hold parcels, at most ``most`` blocks wide."""
        here = self.touched[(self.first[self.touched] <= strip) & (self.last[self.touched] >= strip)]
        change = np.zeros(-(-self.window.cols // self.block) + 1, np.int64)
        np.add.at(change, self.columns[here, 0] // self.block, 1)
        np.add.at(change, (self.columns[here, 1] - 1) // self.block + 1, -1)
        is_needed = np.concatenate([[False], np.cumsum(change)[:-1] > 0, [False]])
        whole = self.rows(strip)
        for begin, end in np.flatnonzero(np.diff(is_needed)).reshape(-1, 2):
            for first in range(int(begin), int(end), most):
                col = first * self.block
                width = min(most, int(end) - first) * self.block
                yield Window(whole.row, col, whole.rows, min(width, whole.cols - col))
