"""Resample: all bands of a product in larger or smaller pixels.

The corner of the grid stays. Where pixels get larger in both directions each takes a value of those under it, else
samples are interpolated at their centres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_sampling import Place, blank_of, held_samples, map_grid_of, moved
from s1card.engine.native.pixel_blocks import Spans, Statistic, block_values
from s1card.engine.native.product import Band, Product
from s1card.engine.native.reproject import KERNELS
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.resampling import NEAREST
from s1card.graph.target_size import size_problem
from s1card.window import Window

PART = 1 << 19
"""Samples of the source that are worked on at a time, about: memory does not grow with the size of the pixels."""
FLAGS = "flags"
"""Unit of bands whose values are bits."""

_STATISTICS = {
    "First": Statistic.FIRST,
    "Min": Statistic.MIN,
    "Max": Statistic.MAX,
    "Mean": Statistic.MEAN,
    "Median": Statistic.MEDIAN,
    "FlagAnd": Statistic.BITS_AND,
    "FlagOr": Statistic.BITS_OR,
    "FlagMedianAnd": Statistic.BITS_MEDIAN_AND,
    "FlagMedianOr": Statistic.BITS_MEDIAN_OR,
}
_OF_THE_SOURCE_TYPE = (Statistic.FIRST, Statistic.MIN, Statistic.MAX)


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The bands in pixels of another size; with ``referenceBand`` as they are, for all have one size here.

    Raises:
        GraphError: The size is not stated, or in more than one way, or the source has several sub-swaths or is in
            radar geometry.
    """
    source = sources[0]
    problem = size_problem(parameters)
    if problem:
        raise GraphError(problem, subject=source.scene.name)
    _refuse_parts(source)
    name = f"{source.name}_resampled"
    if parameters["referenceBand"]:
        band = source.band(str(parameters["referenceBand"]))
        return replace(source, name=name).with_fact("Resample", f"pixels of {band.name}")
    there = map_grid_of(source, "Resample")
    grid = target_grid(there, parameters, source.scene.name)
    bands = tuple(_resampled(band, there, grid, parameters) for band in source.real_bands())
    product = replace(source, name=name, grid=grid, bands=bands, order=_order(source, grid))
    return product.with_fact("Resample", _statement(there, grid, parameters))


def _refuse_parts(source: Product) -> None:
    if source.parts:
        raise GraphError(
            "Resample needs a single raster, its source has several sub-swaths",
            subject=source.scene.name,
            advice="Place it after TOPSAR-Merge and Terrain-Correction",
        )


def target_grid(source: MapGrid, parameters: Parameters, scene: str) -> MapGrid:
    """The grid of the result: the extent of the source in so many pixels, or in pixels of so many units.

    Raises:
        GraphError: The pixels would be larger than the product.
    """
    if parameters["targetResolution"] is None:
        rows, cols = int(parameters["targetHeight"]), int(parameters["targetWidth"])
        spacing_x, spacing_y = source.cols * source.spacing_x / cols, source.rows * source.spacing_y / rows
        return MapGrid(source.crs, source.left, source.top, spacing_x, spacing_y, rows, cols)
    edge = float(parameters["targetResolution"])
    height, width = source.rows * source.spacing_y, source.cols * source.spacing_x
    if edge > min(height, width):
        raise GraphError(
            f"targetResolution {edge:g} is larger than the product, which is {width:g} x {height:g}",
            subject=scene,
            advice="State it in units of the map projection",
        )
    rows, cols = (math.ceil(side / edge - 1e-9) for side in (height, width))
    return MapGrid(source.crs, source.left, source.top, edge, edge, rows, cols)


def is_coarser(source: MapGrid, grid: MapGrid) -> bool:
    """Whether pixels get larger in both directions; SNAP interpolates otherwise."""
    return grid.spacing_x > source.spacing_x and grid.spacing_y > source.spacing_y


def _order(source: Product, grid: MapGrid) -> Callable[[Window], float] | None:
    """Order of work: that of the part of the source under a window."""
    order, down, across = source.order, source.shape[0] / grid.rows, source.shape[1] / grid.cols
    if order is None:
        return None

    def of_source(window: Window) -> float:
        row, col = int(window.row * down), int(window.col * across)
        return order(Window(row, col, max(1, int(window.rows * down)), max(1, int(window.cols * across))))

    return of_source


def _resampled(band: Band, source: MapGrid, grid: MapGrid, parameters: Parameters) -> Band:
    is_flags = band.unit == FLAGS
    if not is_coarser(source, grid):
        taps = NEAREST if is_flags else KERNELS[str(parameters["upsampling"])]
        return moved(band, Place(source, grid), taps)
    statistic = _STATISTICS[str(parameters["flagDownsampling" if is_flags else "downsampling"])]
    keeps_type = is_flags or statistic in _OF_THE_SOURCE_TYPE
    blank = blank_of(band) if keeps_type else math.nan
    new = replace(band, dtype=band.dtype if keeps_type else "float32", nodata=blank)
    return replace(new, read=partial(_blocks, band, new, Blocks(source, grid), statistic))


@dataclass(frozen=True, eq=False)
class Blocks:
    """Pixels of a coarser grid as blocks of those of a finer one with the same corner."""

    source: MapGrid
    grid: MapGrid

    @property
    def size(self) -> tuple[float, float]:
        """Rows and columns of the source under one pixel."""
        return self.grid.spacing_y / self.source.spacing_y, self.grid.spacing_x / self.source.spacing_x

    def spans(self, window: Window) -> tuple[Spans, Spans]:
        """Rows and columns of the source under the pixels of a window."""
        down, across = self.size
        return (
            Spans.under(window.row, window.rows, down, self.source.rows),
            Spans.under(window.col, window.cols, across, self.source.cols),
        )

    def parts(self, window: Window) -> Iterator[Window]:
        """Parts of a window under which about `PART` samples of the source lie."""
        under = max(1.0, self.size[0] * self.size[1])
        cols = min(window.cols, max(1, int(PART / under)))
        return window.tiles(max(1, int(PART / (under * cols))), cols)


def _blocks(band: Band, new: Band, blocks: Blocks, statistic: Statistic, window: Window) -> NDArray[Any]:
    assert new.nodata is not None
    out = np.empty(window.shape, new.dtype)
    for part in blocks.parts(window):
        rows, cols = blocks.spans(part)
        row, col = int(rows.first[0]), int(cols.first[0])
        under = Window(row, col, int(rows.last[-1]) + 1 - row, int(cols.last[-1]) + 1 - col)
        samples = held_samples(band.read(under), band.nodata, np.float64)
        values = block_values(samples, rows, cols, statistic)
        values[np.isnan(values)] = new.nodata
        out[part.slices_in(window)] = values
    return out


def _statement(source: MapGrid, grid: MapGrid, parameters: Parameters) -> str:
    method = parameters["downsampling" if is_coarser(source, grid) else "upsampling"]
    return f"pixels of {grid.spacing_x:g} x {grid.spacing_y:g}, {method}"
