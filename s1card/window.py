"""A rectangle of samples, the unit in which every raster is read and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Rows ``row .. row + rows - 1`` and columns ``col .. col + cols - 1`` of a raster.

    Works for radar geometry (row = line, column = pixel) and for maps alike.
    """

    row: int
    col: int
    rows: int
    cols: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as numpy wants them."""
        return self.rows, self.cols

    @property
    def row_end(self) -> int:
        """First row after the window."""
        return self.row + self.rows

    @property
    def col_end(self) -> int:
        """First column after the window."""
        return self.col + self.cols

    @property
    def is_empty(self) -> bool:
        """Whether the window holds no sample."""
        return self.rows <= 0 or self.cols <= 0

    def intersection(self, other: Window) -> Window:
        """The common part of two windows; it may be empty (zero rows or columns)."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        row_end, col_end = min(self.row_end, other.row_end), min(self.col_end, other.col_end)
        return Window(row, col, max(0, row_end - row), max(0, col_end - col))

    def moved(self, rows: int, cols: int) -> Window:
        """The same rectangle, moved by ``rows`` and ``cols``."""
        return Window(self.row + rows, self.col + cols, self.rows, self.cols)

    def grown(self, margin: int) -> Window:
        """The window with a margin on every side."""
        return Window(self.row - margin, self.col - margin, self.rows + 2 * margin, self.cols + 2 * margin)

    def slices_in(self, outer: Window) -> tuple[slice, slice]:
        """Slices that cut this window out of an array that covers ``outer``."""
        row, col = self.row - outer.row, self.col - outer.col
        return slice(row, row + self.rows), slice(col, col + self.cols)

    def tiles(self, rows: int, cols: int) -> Iterator[Window]:
        """The tiles of a lattice of ``rows`` x ``cols`` anchored at this window's corner, row by row."""
        for row in range(self.row, self.row_end, rows):
            for col in range(self.col, self.col_end, cols):
                yield Window(row, col, min(rows, self.row_end - row), min(cols, self.col_end - col))
