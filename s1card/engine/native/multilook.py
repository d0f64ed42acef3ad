"""Multilook: means over blocks of samples.

Amplitudes are averaged as power and stay amplitudes, decibels too; complex images are averaged as complex numbers, or
detected. Blocks begin at sample (0, 0); what is left over at the far ends is dropped. Samples without data do not
count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.block_mean import Scale, block_means, complex_block_means
from s1card.engine.native.complex_layers import signal_of_layers
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.product import Band, Looks, LutOrigin, Product, Signal
from s1card.engine.native.slc import require_image
from s1card.engine.native.tile_cache import TILE_COLS, TILE_ROWS, Tiling
from s1card.errors import GraphError
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.window import Window

PART = 1 << 20
"""Samples of the source that are averaged at a time, about: memory does not grow with the number of looks."""

Averaged = Callable[[Window], NDArray[np.float32]]

_SCALES = {
    "amplitude": Scale.AMPLITUDE,
    "intensity_db": Scale.POWER_DECIBELS,
    "amplitude_db": Scale.AMPLITUDE_DECIBELS,
}


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Means over ``nRgLooks`` x ``nAzLooks`` samples; with ``grSquarePixel`` as many lines as make them square.

    With ``outputIntensity`` complex images become bands of their intensity.
    """
    source = sources[0]
    require_image(source, "Multilook")
    looks = looks_of(source, parameters)
    chosen = _chosen(source, tuple(parameters["sourceBands"] or ()))
    bands = [_looked_band(band, looks) for band in chosen.bands]
    signals: list[Signal] = []
    if parameters["outputIntensity"]:
        bands += [_looked_band(replace(s.intensity, is_virtual=False), looks) for s in chosen.signals]
    else:
        signals = [_looked_signal(signal, source, looks, context) for signal in chosen.signals]
    bands += [_phase(_looked_signal(signal, source, looks, context)) for signal in chosen.phases]
    taken = {band.name for band in bands}
    of_signals = (band for signal in signals for band in signal.bands if band.name not in taken)
    product = replace(
        multilooked(source, looks),
        name=f"{source.name}_ML",
        bands=(*of_signals, *bands),
        signals=tuple(signals),
    )
    return product.with_fact(
        "Multilook", f"{looks.pixels} samples in range, {looks.lines} lines in azimuth"
    ).with_measures(looks_range=product.looks.pixels, looks_azimuth=product.looks.lines)


def looks_of(source: Product, parameters: Parameters) -> Looks:
    """Size of the blocks.

    As in SNAP the number of pixels stays as stated, even if one line is longer than that many pixels are wide.

    Raises:
        GraphError: The image is smaller than a block.
    """
    pixels, lines = int(parameters["nRgLooks"]), int(parameters["nAzLooks"])
    if parameters["grSquarePixel"]:
        along, across = source.ground_spacing
        lines = max(1, math.floor(pixels * across / along + 0.5))
    if lines > source.shape[0] or pixels > source.shape[1]:
        raise GraphError(
            f"blocks of {lines} lines x {pixels} samples leave nothing of {source.shape[0]} x {source.shape[1]}",
            subject=source.scene.name,
            advice="Ask for fewer looks",
        )
    return Looks(lines, pixels)


def multilooked(source: Product, looks: Looks) -> Product:
    """The product on the grid of the means; its bands are still those of the source."""
    order = source.order
    return replace(
        source,
        grid=looked_grid(source.radar_grid, looks),
        ties=source.tie_grid.looked(looks.lines, looks.pixels),
        valid=_whole_blocks(source.valid, looks),
        shared=_whole_blocks(source.shared, looks),
        looks=source.looks.times(looks),
        lut_origin=LutOrigin(),
        order=None if order is None else lambda window: order(looks.under(window)),
    )


def looked_grid(grid: RadarGrid, looks: Looks) -> RadarGrid:
    """The grid of the means: a sample lies in the middle of its block."""
    axis, middle = grid.range_axis, (looks.pixels - 1) / 2.0
    if isinstance(axis, SlantRange):
        across: Any = SlantRange(axis.near + middle * axis.spacing, axis.spacing * looks.pixels)
    else:
        first = axis.first + middle * axis.spacing
        across = replace(axis, first=first, spacing=axis.spacing * looks.pixels)
    return replace(
        grid,
        first_azimuth_time=float(grid.azimuth_time((looks.lines - 1) / 2.0)),
        line_interval=grid.line_interval * looks.lines,
        lines=grid.lines // looks.lines,
        pixels=grid.pixels // looks.pixels,
        range_axis=across,
    )


def single_look_grid(grid: RadarGrid, looks: Looks) -> RadarGrid:
    """The grid of the samples that lie under a grid of means in slant range."""
    axis = grid.range_axis
    assert isinstance(axis, SlantRange)
    spacing, interval = axis.spacing / looks.pixels, grid.line_interval / looks.lines
    return replace(
        grid,
        first_azimuth_time=grid.first_azimuth_time - (looks.lines - 1) / 2.0 * interval,
        line_interval=interval,
        lines=grid.lines * looks.lines,
        pixels=grid.pixels * looks.pixels,
        range_axis=SlantRange(axis.near - (looks.pixels - 1) / 2.0 * spacing, spacing),
    )


def _whole_blocks(window: Window | None, looks: Looks) -> Window | None:
    """The blocks all of whose samples lie in a window."""
    if window is None:
        return None
    row, col = -(-window.row // looks.lines), -(-window.col // looks.pixels)
    row_end, col_end = window.row_end // looks.lines, window.col_end // looks.pixels
    return Window(row, col, max(0, row_end - row), max(0, col_end - col))


@dataclass(frozen=True, eq=False)
class Choice:
    """What is to be averaged: complex images, complex images for the sake of their phase, and other bands."""

    signals: tuple[Signal, ...]
    phases: tuple[Signal, ...]
    bands: tuple[Band, ...]


def _chosen(source: Product, names: tuple[str, ...]) -> Choice:
    """What is named, or all.

    Raises:
        GraphError: A named band is not there, or only one part of a complex image is named.
    """
    of_signals = {band.name: signal for signal in source.signals for band in signal.bands}
    if not names:
        others = tuple(band for band in source.bands if band.name not in of_signals)
        return Choice(source.signals, (), others)
    bands = [source.band(name) for name in names]
    derived = [band for band in bands if band.name in of_signals and band.unit != "intensity"]
    parts = [band for band in derived if band.unit != "phase"]
    for band in parts:
        _require_both(of_signals[band.name], names, source)
    return Choice(
        tuple(dict.fromkeys(of_signals[band.name] for band in parts)),
        tuple(of_signals[band.name] for band in derived if band.unit == "phase"),
        tuple(replace(band, is_virtual=False) for band in bands if band not in derived),
    )


def _require_both(signal: Signal, names: Sequence[str], source: Product) -> None:
    both = f"i_{signal.name}", f"q_{signal.name}"
    if not set(both) <= set(names):
        raise GraphError(
            f"sourceBands names only one part of the complex image {signal.name}",
            subject=source.scene.name,
            advice=f"Name {' and '.join(both)}",
        )


def _phase(signal: Signal) -> Band:
    return replace(signal.bands[-1], is_virtual=False)


def _looked_band(band: Band, looks: Looks) -> Band:
    scale = _SCALES.get(band.unit, Scale.PLAIN)
    nodata = 0.0 if band.unit == "amplitude" else math.nan if band.nodata is None else float(band.nodata)

    def mean(window: Window) -> NDArray[np.float32]:
        return block_means(band.read(looks.under(window)), nodata, looks, scale)

    return replace(band, read=partial(_in_parts, mean, 0, looks), dtype="float32", nodata=np.nan)


def _looked_signal(signal: Signal, source: Product, looks: Looks, context: Context) -> Signal:
    """Means of complex samples, computed in tiles that the bands of real and imaginary part share."""

    def mean(window: Window) -> NDArray[np.float32]:
        under = looks.under(window)
        return complex_block_means(signal.read(under), signal.valid(under), looks)

    shape = source.shape[0] // looks.lines, source.shape[1] // looks.pixels
    rows, cols = max(1, TILE_ROWS // looks.lines), max(1, TILE_COLS // looks.pixels)
    tiling = Tiling(shape, shape[0], rows, cols)
    read = context.tiles.add(tiling, partial(_in_parts, mean, 2, looks))
    return signal_of_layers(signal, read, 0)


def _in_parts(mean: Averaged, layers: int, looks: Looks, window: Window) -> NDArray[np.float32]:
    """Means over a window, a part at a time; rows x cols, or layers x rows x cols."""
    out = np.empty((layers, *window.shape) if layers else window.shape, np.float32)
    for part in _parts(window, looks):
        out[(..., *part.slices_in(window))] = mean(part)
    return out


def _parts(window: Window, looks: Looks) -> Iterator[Window]:
    """Parts of a window under which about `PART` samples of the source lie."""
    cols = min(window.cols, max(1, PART // (looks.lines * looks.pixels)))
    rows = max(1, PART // (looks.lines * looks.pixels * cols))
    return window.tiles(rows, cols)
