"""GoldsteinPhaseFiltering: the phase of interferograms, with less noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.complex_layers import layers_of, signal_of_layers
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.goldstein_filter import Goldstein
from s1card.engine.native.product import Band, Product, Signal
from s1card.engine.native.tile_cache import Tiling
from s1card.errors import GraphError
from s1card.window import Window

TILE_PATCHES = 4  # patches along an edge of a tile: those that straddle two tiles are filtered twice
LEAST_COLS = 1024


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The interferograms of the source, filtered; bursts one by one.

    With ``useCoherenceMask`` samples whose coherence is below ``coherenceThreshold`` stay as they are. Amplitudes are
    those of what the filter lets through; only the phase means something.
    """
    source = sources[0]
    if not any(signal.is_interferogram for signal in source.signals):
        raise GraphError(
            "GoldsteinPhaseFiltering needs an interferogram",
            subject=source.scene.name,
            advice="Place Interferogram before it",
        )
    goldstein = Goldstein(
        float(parameters["alpha"]), int(parameters["FFTSizeString"]), int(parameters["windowSizeString"])
    )
    threshold = float(parameters["coherenceThreshold"]) if parameters["useCoherenceMask"] else None
    signals = tuple(
        _filtered(signal, source, goldstein, threshold, context) if signal.is_interferogram else signal
        for signal in source.signals
    )
    product = replace(
        source,
        name=f"{source.name}_Flt",
        bands=(*(b for s in signals for b in s.bands), *_other_bands(source)),
        signals=signals,
    )
    mask = "" if threshold is None else f", where coherence is at least {threshold:g}"
    statement = (
        f"alpha {goldstein.alpha:g}, patches of {goldstein.size}, smoothed by {goldstein.smoothing}{mask}"
    )
    return product.with_fact("GoldsteinPhaseFiltering", statement)


def _filtered(
    signal: Signal, source: Product, goldstein: Goldstein, threshold: float | None, context: Context
) -> Signal:
    coherence = None if threshold is None else _coherence_of(signal, source)
    work = FilteredSignal(signal, source, goldstein, coherence, threshold or 0.0)
    # SNAP shows it under the name of its real and imaginary parts from here on.
    return signal_of_layers(replace(signal, virtual_name=""), context.tiles.add(work.tiling, work.make), 0)


def _coherence_of(signal: Signal, source: Product) -> Band:
    """The coherence of an interferogram: that of the same dates and polarization, or the first one.

    Raises:
        GraphError: There is none.
    """
    bands = [band for band in source.bands if band.unit == "coherence"]
    if not bands:
        raise GraphError(
            "useCoherenceMask needs a band of coherence, the source has none",
            subject=source.scene.name,
            advice="Set includeCoherence of Interferogram to true",
        )
    dates = signal.name.split("_")[-2:]
    same = [b for b in bands if b.polarization == signal.polarization and b.name.split("_")[-2:] == dates]
    return (same or bands)[0]


def _other_bands(source: Product) -> list[Band]:
    of_signals = {band.name for signal in source.signals for band in signal.bands}
    return [band for band in source.bands if band.name not in of_signals]


@dataclass(frozen=True, eq=False)
class FilteredSignal:
    """An interferogram on its way through the filter.

    Attributes:
        signal: The interferogram.
        source: Its product: an image, or a stack of bursts.
        goldstein: The filter.
        coherence: Decides what is left as it is; None for nothing.
        threshold: Least coherence that is filtered.
    """

    signal: Signal
    source: Product
    goldstein: Goldstein
    coherence: Band | None
    threshold: float

    @property
    def tiling(self) -> Tiling:
        """How the raster is cut."""
        rows = TILE_PATCHES * self.goldstein.size
        return Tiling(self.source.shape, self._segment[0], rows, max(LEAST_COLS, rows))

    @property
    def _segment(self) -> tuple[int, int]:
        """Lines and pixels of the image, or of one of its bursts."""
        bursts, (rows, cols) = self.source.bursts, self.source.shape
        return (rows if bursts is None else bursts.lines_per_burst), cols

    def make(self, window: Window) -> NDArray[np.float32]:
        """Real and imaginary part in a window of one segment, NaN without data."""
        first = window.row // self._segment[0] * self._segment[0]
        local = window.moved(-first, 0)
        around = self.goldstein.reach(local, self._segment)
        parts = np.ascontiguousarray(self.signal.read(around.moved(first, 0)), np.float64)
        samples = parts.view(np.complex128)[..., 0]
        result = self.goldstein.filter(samples, around, local, self._segment)
        if self.coherence is not None:
            kept = self.coherence.read(window) < self.threshold
            result[kept] = samples[local.slices_in(around)][kept]
        filtered = result.view(np.float64).reshape(*window.shape, 2)
        return layers_of(filtered, self.signal.valid(window))
