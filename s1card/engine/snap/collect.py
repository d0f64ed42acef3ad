"""From what SNAP wrote to what was asked for: checked, brought to the announced grid, in the announced bands."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.base import Output, Written
from s1card.engine.snap.install import Target
from s1card.engine.snap.product import (
    AGAIN,
    LAYER_UNITS,
    BandReader,
    SnapBand,
    SnapProduct,
    has_data,
    open_band,
    read_product,
    same_crs,
)
from s1card.errors import DataError
from s1card.geometry.map_grid import MapGrid
from s1card.raster import BandSpec, CogSink, open_sink
from s1card.raster.disk import discard, disk_errors, part_name, publish
from s1card.raster.sink import DTYPES
from s1card.window import Window

log = logging.getLogger(__name__)

BLOCK = 1024
"""Edge of the blocks that are copied, whole tiles."""
ON_LATTICE = 0.01
"""Pixels by which two grids may differ and still share their pixels."""


@dataclass(frozen=True)
class Placement:
    """Where the raster of SNAP lies in the one that is written.

    Attributes:
        extent: Grid, or rows and columns, of what is written.
        row, col: Of its first sample in SNAP's raster; negative where SNAP's begins later.
    """

    extent: MapGrid | tuple[int, int]
    row: int = 0
    col: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of what is written."""
        return self.extent.shape if isinstance(self.extent, MapGrid) else self.extent


def collect(
    target: Target, *, is_exact: bool, tags: Mapping[str, str], threads: int, step: Callable[[], None]
) -> Written:
    """Bring one output of SNAP to its final place.

    Args:
        target: The output.
        is_exact: Whether every band that was announced must be there.
        tags: Statements for the metadata of COGs.
        threads: Blocks that are packed, and files that are completed, at the same time.
        step: Called after every block, by any thread.

    Raises:
        DataError: SNAP wrote nothing, nothing valid, or something else than was announced.
        ResourceError: The disk is full.
    """
    product = read_product(target.path)
    if product is not None and not has_data(product):
        raise DataError(
            "SNAP's output holds no valid pixel",
            subject=target.output.path.name,
            advice="Look whether area, elevation model and scene lie at the same place; SNAP's log may say more",
        )
    if product is None or target.format_name == target.output.format_name:
        return _moved(target, product)
    return _converted(target.output, product, is_exact, tags, threads, step)


def blocks_of(outputs: Sequence[Output]) -> int:
    """How often `collect` steps, as far as sizes are known."""
    return sum(
        len(list(output.grid.window.tiles(BLOCK, BLOCK))) * max(1, len(output.bands))
        for output in outputs
        if output.format_name == "COG" and output.grid is not None
    )


def _moved(target: Target, product: SnapProduct | None) -> Written:
    """Everything that SNAP wrote for an output, beside each other at the final place; the main file comes last."""
    final = target.output.path.absolute()
    names = sorted(target.path.parent.iterdir(), key=lambda path: (path == target.path, path.name))
    moved = []
    for source in names:
        goal = final.parent / source.name
        part = part_name(goal)
        try:
            with disk_errors(goal):
                final.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(source, part)
            publish(part, goal)
        except BaseException:
            discard(part)
            raise
        moved.append(goal)
    main = target.output.path.with_name(target.path.name)
    output = target.output
    if product is not None:
        specs = tuple(_spec(band, _known(band, output.bands)) for band in product.bands)
        output = replace(output, grid=product.grid, bands=specs)
    return Written(output, (main,) if main.absolute() in moved else tuple(moved), ())


def _converted(
    output: Output,
    product: SnapProduct,
    is_exact: bool,
    tags: Mapping[str, str],
    threads: int,
    step: Callable[[], None],
) -> Written:
    """COGs, as the native engine writes them."""
    bands = _ordered(product, output.bands)
    if is_exact:
        _require_all(output, bands)
    specs = [spec for _, spec in bands]
    placement = _placement(product, output.grid)
    with disk_errors(output.path):
        output.path.parent.mkdir(parents=True, exist_ok=True)
    sink = open_sink("COG", output.path, placement.extent, specs, tags, threads=threads)
    assert isinstance(sink, CogSink)
    try:
        for index, (band, spec) in enumerate(bands):

            def write(window: Window, data: NDArray[Any], index: int = index) -> None:
                sink.write(index, window, data)
                step()

            if not _copy(band, product, placement, spec, write, threads) and not is_layer(band):
                raise DataError(
                    f"SNAP's band {band.name} holds no valid pixel", subject=output.path.name, advice=AGAIN
                )
        paths = tuple(sink.close())
    except BaseException:
        sink.abort()
        raise
    grid = placement.extent if isinstance(placement.extent, MapGrid) else None
    return Written(replace(output, grid=grid, bands=tuple(specs)), paths, tuple(sink.written))


def is_layer(band: SnapBand) -> bool:
    """Whether a band describes the geometry, not the image."""
    return band.unit in LAYER_UNITS or band.name == "layover_shadow_mask"


def _copy(
    band: SnapBand,
    product: SnapProduct,
    placement: Placement,
    spec: BandSpec,
    write: Callable[[Window, NDArray[Any]], None],
    threads: int,
) -> bool:
    """Copy a band block by block; whether it held a valid sample. Blocks are read in turn, and packed side by side."""
    any_valid = False
    windows = list(Window(0, 0, *placement.shape).tiles(BLOCK, BLOCK))
    with open_band(band) as reader, ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(windows), threads):
            some = windows[start : start + threads]
            blocks = [_block(reader, window, product, placement, spec) for window in some]
            any_valid = any_valid or any(valid for _, valid in blocks)
            list(pool.map(write, some, [data for data, _ in blocks]))
    return any_valid


def _block(
    reader: BandReader, window: Window, product: SnapProduct, placement: Placement, spec: BandSpec
) -> tuple[NDArray[Any], bool]:
    """Samples of a window of what is written, and whether one of them is valid."""
    data = np.full(window.shape, spec.fill, spec.dtype)
    there = window.moved(placement.row, placement.col)
    inside = there.intersection(Window(0, 0, product.rows, product.cols))
    if inside.is_empty:
        return data, False
    samples = reader.read(inside)
    valid = reader.valid(samples)
    part = data[inside.slices_in(there)]
    part[valid] = samples[valid].astype(spec.dtype)
    return data, bool(valid.any())


def _placement(product: SnapProduct, announced: MapGrid | None) -> Placement:
    """The announced grid where SNAP's shares its pixels, else SNAP's own.

    SNAP takes its extent from tie points in single precision, and may so have a row or column more or less.
    """
    own = product.grid
    if own is None:
        return Placement((product.rows, product.cols))
    if announced is None:
        return Placement(own)
    col = (announced.left - own.left) / own.spacing_x
    row = (own.top - announced.top) / own.spacing_y
    off = max(abs(col - round(col)), abs(row - round(row)))
    is_same_pixel = math.isclose(own.spacing_x, announced.spacing_x, rel_tol=1e-9) and math.isclose(
        own.spacing_y, announced.spacing_y, rel_tol=1e-9
    )
    if is_same_pixel and off <= ON_LATTICE and same_crs(announced, own):
        return Placement(announced, round(row), round(col))
    log.warning("%s lies on a grid of SNAP's own, not on that of the native engine", product.path.name)
    return Placement(own)


def _ordered(product: SnapProduct, announced: Sequence[BandSpec]) -> list[tuple[SnapBand, BandSpec]]:
    """SNAP's bands with what is to be said of them, in the order that was announced, others after these."""
    pairs = [(band, _known(band, announced)) for band in product.bands]
    order = {spec.name: number for number, spec in enumerate(announced)}
    pairs.sort(key=lambda pair: order.get(pair[1].name, len(order)) if pair[1] else len(order))
    return [(band, _spec(band, known)) for band, known in pairs]


def _known(band: SnapBand, announced: Sequence[BandSpec]) -> BandSpec | None:
    return next((spec for spec in announced if spec.name == band.name), None)


def _spec(band: SnapBand, known: BandSpec | None) -> BandSpec:
    """What a file says of a band: as announced, else as SNAP says, with NaN for no data in float bands."""
    if known is not None:
        return known
    dtype = band.dtype if band.dtype in DTYPES else "float32" if band.dtype.startswith("f") else "int16"
    is_float = np.dtype(dtype).kind == "f"
    return BandSpec(
        band.name,
        band.unit,
        band.description,
        dtype,
        math.nan if is_float else band.nodata,
        "average" if is_float else "nearest",
    )


def _require_all(output: Output, bands: Sequence[tuple[SnapBand, BandSpec]]) -> None:
    present = {spec.name for _, spec in bands}
    missing = [spec.name for spec in output.bands if spec.name not in present]
    if missing:
        raise DataError(
            f"SNAP wrote {', '.join(sorted(present))}, and not {', '.join(missing)}",
            subject=output.path.name,
            advice=AGAIN,
        )
