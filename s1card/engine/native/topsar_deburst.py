"""TOPSAR-Deburst: the bursts of a sub-swath joined to one image without their overlaps.

In an overlap the later burst takes over halfway. Bursts lie on a common grid of lines, so nothing is interpolated: the
nearest line is taken (within 0.001 lines of real products, half a line at most).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, LutOrigin, Pixels, Product, Signal
from s1card.engine.native.selection import of_polarizations
from s1card.engine.native.slc import require_bursts
from s1card.engine.native.tie_grid import ties_over
from s1card.engine.native.topsar_merge import merge
from s1card.geometry.radar_grid import RadarGrid
from s1card.geometry.tops import SubSwath
from s1card.window import Window

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LineMap:
    """Where the lines of a debursted image come from.

    Attributes:
        source: Line of the stacked bursts per line of the image.
        valid: Window of the image that holds data: the valid samples that all bursts have in common.
    """

    source: Ints
    valid: Window

    def runs(self, window: Window) -> Iterator[tuple[Window, Window]]:
        """Parts of a window whose lines follow each other in the stack: the part, and where it comes from."""
        lines = self.source[window.row : window.row_end]
        starts = np.flatnonzero(np.diff(lines, prepend=lines[0] - 2) != 1)
        for begin, end in zip(starts, [*starts[1:], lines.size], strict=True):
            part = Window(window.row + int(begin), window.col, int(end - begin), window.cols)
            yield part, replace(part, row=int(lines[begin]))

    def gather(self, read: Callable[[Window], NDArray[Any]], window: Window) -> NDArray[Any]:
        """A window of the image, read from the stack."""
        parts = [read(source) for _, source in self.runs(window)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The image of one sub-swath; a product of several sub-swaths is merged as well."""
    source = sources[0]
    wanted = tuple(parameters["selectedPolarisations"] or ())
    if source.parts:
        return merge([deburst(part, wanted) for part in source.parts])
    return deburst(source, wanted)


def deburst(source: Product, polarizations: tuple[str, ...] = ()) -> Product:
    """The image of a sub-swath, of all or some polarizations."""
    bursts = require_bursts(source, "TOPSAR-Deburst")
    grid = debursted_grid(bursts)
    lines = line_map(bursts, grid)
    signals = of_polarizations(source.signals, polarizations, source)
    of_signals = {band.name for signal in source.signals for band in signal.bands}
    others = of_polarizations(
        [band for band in source.bands if band.name not in of_signals], polarizations, source
    )
    joined = tuple(_joined_signal(signal, lines) for signal in signals)
    product = replace(
        source,
        name=f"{source.name}_deb",
        grid=grid,
        bands=(
            *(band for signal in joined for band in signal.bands),
            *(_joined_band(band, lines) for band in others),
        ),
        signals=joined,
        bursts=None,
        lut_origin=LutOrigin(),
        ties=ties_over(grid, [source.annotation]),
        valid=lines.valid,
        shared=line_map(_seen_by_all(source, bursts), grid).valid,
    )
    return product.with_fact("TOPSAR-Deburst", f"{len(bursts.burst_ids)} bursts of {source.swath}")


def _seen_by_all(source: Product, bursts: SubSwath) -> SubSwath:
    """The bursts, valid only where those of all secondaries are too."""
    valid = list(bursts.valid)
    for pair in source.pairs:
        common = [window.intersection(seen) for window, seen in zip(valid, pair.seen, strict=True)]
        valid = [before if window.is_empty else window for before, window in zip(valid, common, strict=True)]
    return replace(bursts, valid=tuple(valid))


def debursted_grid(bursts: SubSwath) -> RadarGrid:
    """From the first line of the first burst to the last line of the last one."""
    duration = bursts.burst_time[-1] - bursts.burst_time[0]
    lines = round(duration / bursts.line_interval) + bursts.lines_per_burst
    return replace(bursts.burst(0), lines=lines)


def line_map(bursts: SubSwath, grid: RadarGrid) -> LineMap:
    """For every line of the image the burst it is taken from: the later one from the middle of an overlap on."""
    per_burst = bursts.lines_per_burst
    first = np.round((bursts.burst_time - bursts.burst_time[0]) / bursts.line_interval).astype(np.int64)
    line = np.arange(grid.lines)
    middles = (first[:-1] + per_burst - 1 + first[1:]) / 2.0
    burst = np.searchsorted(middles, line, side="left")
    columns = [(valid.col, valid.col_end) for valid in bursts.valid]
    col, col_end = max(c[0] for c in columns), min(c[1] for c in columns)
    row, row_end = bursts.valid[0].row, int(first[-1]) + bursts.valid[-1].row_end
    return LineMap(burst * per_burst + line - first[burst], Window(row, col, row_end - row, col_end - col))


def joints(bursts: SubSwath) -> tuple[int, ...]:
    """Lines of the stacked bursts at which the image leaves a burst and takes the next one up: overlaps lie between."""
    source = line_map(bursts, debursted_grid(bursts)).source
    last = np.flatnonzero(np.diff(source) != 1)
    return tuple(int(line) for line in np.concatenate([source[last] + 1, source[last + 1]]))


def _joined_signal(signal: Signal, lines: LineMap) -> Signal:
    return replace(
        signal,
        read=partial(lines.gather, signal.read),
        valid=partial(lines.gather, signal.valid),
    )


def _joined_band(band: Band, lines: LineMap) -> Band:
    def read(window: Window) -> Pixels:
        return lines.gather(band.read, window)

    return replace(band, read=read)
