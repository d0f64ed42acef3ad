"""The ground that two successive bursts have in common, cut into blocks and cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from s1card.geometry.tops import SubSwath
from s1card.window import Window

CELL_LINES, CELL_PIXELS = 5, 20  # about a square on the ground, 70 m wide


@dataclass(frozen=True)
class Overlap:
    """Samples that two successive bursts have of the same ground.

    Attributes:
        burst: Index of the first burst.
        window: In lines and pixels of the stacked bursts, as the first burst has it.
        lines: How many lines farther down in the stack the second burst has it.
    """

    burst: int
    window: Window
    lines: int

    @property
    def second(self) -> Window:
        """The same ground as the second burst has it."""
        return self.window.moved(self.lines, 0)

    def blocks(self, count: int) -> Iterator[Overlap]:
        """So many parts side by side, of whole cells; fewer where there are not so many cells."""
        cells = self.window.cols // CELL_PIXELS
        edges = [k * cells // count for k in range(count + 1)]
        for first, last in pairwise(edges):
            if last > first:
                yield self._columns(first * CELL_PIXELS, (last - first) * CELL_PIXELS)

    def pieces(self, pixels: int) -> Iterator[Overlap]:
        """Parts side by side, of whole cells and about so many pixels wide."""
        width = max(1, pixels // CELL_PIXELS) * CELL_PIXELS
        for col in range(0, self.window.cols, width):
            yield self._columns(col, min(width, self.window.cols - col))

    def _columns(self, first: int, count: int) -> Overlap:
        return replace(self, window=replace(self.window, col=self.window.col + first, cols=count))


def burst_overlaps(bursts: SubSwath) -> list[Overlap]:
    """The overlaps of valid samples that hold whole cells; bursts lie on a common grid of lines."""
    per_burst, found = bursts.lines_per_burst, []
    for k in range(len(bursts.burst_ids) - 1):
        step = round((bursts.burst_time[k + 1] - bursts.burst_time[k]) / bursts.line_interval)
        common = bursts.valid[k].intersection(bursts.valid[k + 1].moved(step, 0))
        common = replace(common, rows=common.rows // CELL_LINES * CELL_LINES)
        if common.rows >= CELL_LINES and common.cols >= CELL_PIXELS:
            found.append(Overlap(k, common.moved(k * per_burst, 0), per_burst - step))
    return found
