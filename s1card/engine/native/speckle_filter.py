"""Speckle-Filter: means, medians and adaptive filters over a window around each sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native import speckle_kernels as kernels
from s1card.engine.native.cell_statistic import CellStatistic
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.lee_sigma import Windows, lee_sigma, sigma_range
from s1card.engine.native.product import Band, Product
from s1card.engine.native.refined_lee import MARGIN, refined_lee
from s1card.engine.native.slc import require_image
from s1card.engine.native.tile_cache import Tiling
from s1card.errors import GraphError
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Read = Callable[[Window], Floats32]

BRIGHT_SHARE = 0.98
"""Share of the samples around that a point target is brighter than (Lee Sigma)."""


@dataclass(frozen=True, eq=False)
class Filter:
    """What turns samples into filtered ones.

    Attributes:
        margin: Samples that it needs on every side.
        run: Gives the filtered samples of a window, of its samples with the margin.
    """

    margin: int
    run: Callable[[Window, Floats32], Floats32]


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Filtered bands; of complex images their intensity. Samples without data stay without.

    Filtered tiles are kept for a while: operators that resample read every one of them several times.
    """
    source = sources[0]
    require_image(source, "Speckle-Filter")
    name, kind = f"{source.name}_Spk", str(parameters["filter"])
    if kind == "None":
        return replace(source, name=name)
    bands = tuple(_filtered(band, source, parameters, context) for band in _chosen(source, parameters))
    product = replace(source, name=name, bands=bands, signals=())
    return product.with_fact("Speckle-Filter", _statement(kind, parameters))


def _chosen(source: Product, parameters: Parameters) -> tuple[Band, ...]:
    """The bands that are named, or all; the intensity instead of the parts of a complex image.

    Raises:
        GraphError: A named band is not there, or no band is left.
    """
    power = {band.name: s.intensity for s in source.signals for band in s.bands if band.unit != "phase"}
    named = source.real_bands(tuple(parameters["sourceBands"] or ()))
    bands = dict.fromkeys(power.get(band.name, band).name for band in named)
    if not bands:
        raise GraphError("no band to filter", subject=source.scene.name)
    return tuple(source.band(name) for name in bands)


def _statement(kind: str, parameters: Parameters) -> str:
    if kind == "Lee Sigma":
        return f"{kind}, window {parameters['windowSize']}, {parameters['numLooksStr']} looks"
    if kind == "Refined Lee":
        return kind
    return f"{kind}, window {parameters['filterSizeX']}x{parameters['filterSizeY']}"


def _filtered(band: Band, source: Product, parameters: Parameters, context: Context) -> Band:
    read = partial(_samples, band)
    chosen = _filter(band, source.shape, read, parameters)

    def make(window: Window) -> Floats32:
        return chosen.run(window, _padded(read, window, chosen.margin, source.shape))[np.newaxis]

    tiles = context.tiles.add(Tiling(source.shape, source.shape[0]), make)
    return replace(
        band, read=lambda window: tiles(window, 0), dtype="float32", nodata=np.nan, is_virtual=False
    )


def _samples(band: Band, window: Window) -> Floats32:
    """Samples of a band, float32, NaN where there is no data."""
    raw = band.read(window)
    samples = raw.astype(np.float32)
    if band.nodata is not None and not np.isnan(band.nodata):
        samples[raw == band.nodata] = np.nan
    return samples


def _padded(read: Read, window: Window, margin: int, shape: tuple[int, int]) -> Floats32:
    """Samples of a window and a margin around it, NaN beyond the raster."""
    wanted = window.grown(margin)
    present = wanted.intersection(Window(0, 0, *shape))
    out = np.full(wanted.shape, np.nan, np.float32)
    out[present.slices_in(wanted)] = read(present)
    return out


def _filter(band: Band, shape: tuple[int, int], read: Read, parameters: Parameters) -> Filter:
    kind = str(parameters["filter"])
    if kind == "Lee Sigma":
        return _lee_sigma(band, shape, read, parameters)
    if kind == "Refined Lee":
        return Filter(MARGIN, _refined_lee)
    box = kernels.Box(int(parameters["filterSizeY"]), int(parameters["filterSizeX"]))
    if kind == "Median":
        return Filter(box.margin, lambda window, padded: kernels.median(padded, box))
    if kind == "Frost":
        damping = float(parameters["dampingFactor"])
        return Filter(box.margin, lambda window, padded: kernels.frost(padded, box, damping))
    if kind in ("Lee", "Gamma Map"):
        kernel = kernels.lee if kind == "Lee" else kernels.gamma_map
        speckle = _speckle(band, shape, read, parameters)
        return Filter(box.margin, lambda window, padded: kernel(padded, box, speckle(window)))
    return Filter(box.margin, lambda window, padded: kernels.boxcar(padded, box))


def _refined_lee(window: Window, padded: Floats32) -> Floats32:
    out = np.empty(window.shape, np.float32)
    refined_lee(padded, out)
    return out


def _speckle(
    band: Band, shape: tuple[int, int], read: Read, parameters: Parameters
) -> Callable[[Window], Floats]:
    """Variance of the speckle relative to the squared mean: as stated, or as the surroundings have it."""
    if parameters["estimateENL"]:
        return CellStatistic(shape, read, partial(_relative_variance, band.unit == "amplitude")).evaluate
    stated = 1.0 / float(parameters["enl"])
    return lambda window: np.full(window.shape, stated)


def _relative_variance(is_amplitude: bool, samples: Floats32) -> float:
    """Variance over squared mean of the power of some samples, the inverse of their number of looks."""
    power = samples.astype(np.float64)
    if is_amplitude:
        power *= power
    mean = float(power.mean())
    return float(power.var()) / mean**2 if mean != 0.0 else np.nan


def _lee_sigma(band: Band, shape: tuple[int, int], read: Read, parameters: Parameters) -> Filter:
    looks, share = int(parameters["numLooksStr"]), float(parameters["sigmaStr"])
    alike = sigma_range(looks, share, is_amplitude=band.unit == "amplitude")
    windows = Windows(_half(parameters["windowSize"]), _half(parameters["targetWindowSizeStr"]))
    bright = CellStatistic(shape, read, _bright)

    def run(window: Window, padded: Floats32) -> Floats32:
        around = window.grown(windows.margin)
        inside = around.intersection(Window(0, 0, *shape))
        is_bright = np.zeros(padded.shape, np.bool_)
        place = inside.slices_in(around)
        is_bright[place] = padded[place] > bright.evaluate(inside)
        out = np.empty(window.shape, np.float32)
        lee_sigma(padded, is_bright, windows, alike, out)
        return out

    return Filter(windows.margin, run)


def _half(size: object) -> int:
    """Samples from the centre to the edge of a window that is stated as ``7x7``."""
    return int(str(size).partition("x")[0]) // 2


def _bright(samples: Floats32) -> float:
    """The value that the share `BRIGHT_SHARE` of the samples does not exceed."""
    index = max(0, int(BRIGHT_SHARE * samples.size) - 1)
    return float(np.partition(samples, index)[index])
