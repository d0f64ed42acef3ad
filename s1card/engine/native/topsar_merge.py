"""TOPSAR-Merge: debursted sub-swaths joined to one image.

Where two sub-swaths overlap, the farther one takes over halfway between the last valid sample of the nearer one and its
own first; in a stack of dates, of the samples that all of them have. Sub-swaths lie on common grids of lines and
samples, so nothing is interpolated: the nearest sample is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Looks, Pixels, Product, Signal
from s1card.engine.native.selection import of_polarizations
from s1card.engine.native.tie_grid import ties_over
from s1card.errors import GraphError
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.scene.time import seconds_since
from s1card.window import Window

ReadWindow = Callable[[Window], NDArray[Any]]


@dataclass(frozen=True)
class Piece:
    """A rectangle of the merged image that comes from one sub-swath: its number, and how far its raster is moved."""

    part: int
    window: Window
    lines: int
    pixels: int


@dataclass(frozen=True, eq=False)
class Mosaic:
    """The pieces of a merged image; they do not overlap."""

    pieces: tuple[Piece, ...]

    def gather(self, readers: Sequence[ReadWindow], fill: float, window: Window) -> NDArray[Any]:
        """A window of the merged image from readers of the sub-swaths; ``fill`` where there is no data."""
        out: NDArray[Any] | None = None
        for piece in self.pieces:
            part = piece.window.intersection(window)
            if part.is_empty:
                continue
            samples = readers[piece.part](part.moved(-piece.lines, -piece.pixels))
            if part == window:
                return samples
            if out is None:
                out = np.full((*window.shape, *samples.shape[2:]), fill, samples.dtype)
            out[part.slices_in(window)] = samples
        return self._nothing(readers, fill, window) if out is None else out

    def order(self, window: Window) -> float:
        """Order of work: sub-swath by sub-swath, each from its first line to its last.

        All sub-swaths at once would need the lines of all of them in memory, several times as many.
        """
        col, rows = window.col + window.cols // 2, max(piece.window.row_end for piece in self.pieces)
        part = max((piece.part for piece in self._tallest if piece.window.col <= col), default=0)
        return part * rows + min(max(window.row + window.rows // 2, 0), rows - 1)

    @cached_property
    def _tallest(self) -> tuple[Piece, ...]:
        """The piece with most rows of every sub-swath."""
        by_height = sorted(self.pieces, key=lambda piece: piece.window.rows)
        return tuple({piece.part: piece for piece in by_height}.values())

    def _nothing(self, readers: Sequence[ReadWindow], fill: float, window: Window) -> NDArray[Any]:
        """A window without data; one sample of the first piece tells type and depth."""
        piece = self.pieces[0]
        corner = Window(piece.window.row - piece.lines, piece.window.col - piece.pixels, 1, 1)
        sample = readers[piece.part](corner)
        return np.full((*window.shape, *sample.shape[2:]), fill, sample.dtype)


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The sub-swaths of one scene side by side; names of bands lose their sub-swath."""
    return merge(sources, tuple(parameters["selectedPolarisations"] or ()))


def merge(sources: Sequence[Product], polarizations: tuple[str, ...] = ()) -> Product:
    """Debursted sub-swaths, near to far, as one image.

    Raises:
        GraphError: A source is no debursted sub-swath, they are not neighbours of one scene, or their bands differ.
    """
    parts = sorted(sources, key=lambda part: part.swath)
    _require_neighbours(parts)
    grid, places = _merged_grid(parts)
    mosaic = Mosaic(_pieces(places, parts))
    bands = [_joined_bands(column, mosaic) for column in _columns(parts, polarizations)]
    signals = [
        _joined_signal(column, mosaic)
        for column in zip(*(of_polarizations(p.signals, polarizations, p) for p in parts), strict=True)
    ]
    first = parts[0]
    product = replace(
        first,
        name=f"{first.name}_mrg",
        grid=grid,
        bands=(*(band for signal in signals for band in signal.bands), *bands),
        signals=tuple(signals),
        swath="",
        ties=ties_over(grid, [part.annotation for part in parts]),
        valid=None,
        shared=None,
        facts=tuple(dict.fromkeys(fact for part in parts for fact in part.facts)),
        measures=tuple(dict.fromkeys(measure for part in parts for measure in part.measures)),
        order=mosaic.order,
    )
    return product.with_fact("TOPSAR-Merge", ", ".join(part.swath for part in parts))


def _require_neighbours(parts: Sequence[Product]) -> None:
    name = parts[0].scene.name
    for part in parts:
        if not part.swath or part.valid is None:
            raise GraphError(
                "TOPSAR-Merge joins debursted sub-swaths",
                subject=name,
                advice="Place TOPSAR-Split and TOPSAR-Deburst before it",
            )
        if part.looks != Looks():
            raise GraphError(
                "TOPSAR-Merge joins samples of the scene, a source of it is multilooked",
                subject=name,
                advice="Place Multilook after it",
            )
    swaths = [part.swath for part in parts]
    numbers = [int(swath[-1]) for swath in swaths]
    if any(b - a != 1 for a, b in pairwise(numbers)):
        raise GraphError(f"TOPSAR-Merge joins neighbouring sub-swaths, not {', '.join(swaths)}", subject=name)
    if len({part.scene.name for part in parts}) > 1:
        raise GraphError("TOPSAR-Merge joins sub-swaths of one scene", subject=name)


def _merged_grid(parts: Sequence[Product]) -> tuple[RadarGrid, list[tuple[int, int]]]:
    """The grid of the merged image, and how many lines and pixels each sub-swath is moved on it."""
    grids = [part.radar_grid for part in parts]
    first = grids[0]
    axis, interval, epoch = first.range_axis, first.line_interval, first.epoch
    assert isinstance(axis, SlantRange)
    starts = [g.first_azimuth_time + seconds_since(g.epoch, epoch) for g in grids]
    start = min(starts)
    stop = max(t + (g.lines - 1) * interval for t, g in zip(starts, grids, strict=True))
    valid_near, valid_far = _valid(parts[0]), _valid(parts[-1])
    near = axis.near + valid_near.col * axis.spacing
    far = _slant_range(parts[-1], valid_far.col_end - 1)
    grid = RadarGrid(
        epoch,
        start,
        interval,
        round((stop - start) / interval) + 1,
        math.floor((far - near) / axis.spacing + 0.5) + 1,
        replace(axis, near=near),
    )
    moved = [
        (
            math.floor((t - start) / interval + 0.5),
            math.floor((_slant_range(part, 0) - near) / axis.spacing + 0.5),
        )
        for t, part in zip(starts, parts, strict=True)
    ]
    return grid, moved


def _valid(part: Product) -> Window:
    assert part.valid is not None
    return part.valid


def _slant_range(part: Product, pixel: int) -> float:
    axis = part.radar_grid.range_axis
    assert isinstance(axis, SlantRange)
    return axis.near + pixel * axis.spacing


def _pieces(places: Sequence[tuple[int, int]], parts: Sequence[Product]) -> tuple[Piece, ...]:
    """Cut the image where a sub-swath begins or ends to be valid, and each of these zones between its sub-swaths."""
    valid = [_valid(part).moved(*place) for part, place in zip(parts, places, strict=True)]
    shared = [(part.shared or _valid(part)).moved(*place) for part, place in zip(parts, places, strict=True)]
    rows = sorted({edge for window in valid for edge in (window.row, window.row_end)})
    pieces = []
    for row, row_end in pairwise(rows):
        inside = [k for k, window in enumerate(valid) if window.row <= row and row_end <= window.row_end]
        edges = {k: [valid[k].col, valid[k].col_end] for k in inside}
        for near, far in pairwise(inside):
            if valid[near].col_end > valid[far].col:
                middle = math.floor((shared[near].col_end - 1 + shared[far].col) / 2.0) + 1
                middle = min(max(middle, valid[far].col), valid[near].col_end)
                edges[near][1] = edges[far][0] = middle
        pieces += [
            Piece(k, Window(row, col, row_end - row, col_end - col), *places[k])
            for k, (col, col_end) in edges.items()
        ]
    return tuple(pieces)


def _columns(parts: Sequence[Product], polarizations: tuple[str, ...]) -> list[tuple[Band, ...]]:
    """Bands of the same meaning in all sub-swaths; those of complex images are made anew."""
    columns = []
    for part in parts:
        of_signals = {band.name for signal in part.signals for band in signal.bands}
        bands = [band for band in part.bands if band.name not in of_signals]
        columns.append(of_polarizations(bands, polarizations, part))
    if len({tuple(_merged_name(band.name) for band in column) for column in columns}) > 1:
        raise GraphError("the sub-swaths to be merged have different bands", subject=parts[0].scene.name)
    return list(zip(*columns, strict=True))


def _merged_name(name: str) -> str:
    """A band's name without its sub-swath: ``coh_IW1_VV_...`` is ``coh_VV_...``."""
    return "_".join(word for word in name.split("_") if not (word[:2] in ("IW", "EW") and word[2:].isdigit()))


def _joined_bands(bands: Sequence[Band], mosaic: Mosaic) -> Band:
    readers = [band.read for band in bands]
    fill = 0.0 if bands[0].nodata is None else bands[0].nodata

    def read(window: Window) -> Pixels:
        return mosaic.gather(readers, fill, window)

    return replace(bands[0], name=_merged_name(bands[0].name), read=read)


def _joined_signal(signals: Sequence[Signal], mosaic: Mosaic) -> Signal:
    readers, valid = [signal.read for signal in signals], [signal.valid for signal in signals]

    def read(window: Window) -> Pixels:
        return mosaic.gather(readers, 0.0, window)

    def is_valid(window: Window) -> NDArray[np.bool_]:
        return mosaic.gather(valid, 0.0, window)

    name, virtual_name = _merged_name(signals[0].name), _merged_name(signals[0].virtual_name)
    return replace(signals[0], name=name, virtual_name=virtual_name, read=read, valid=is_valid)
