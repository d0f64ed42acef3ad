"""Interferogram: the reference times the conjugate of every secondary.

The phase of the geometry is removed with the very ranges that Back-Geocoding found for every sample, so that no
polynomial stands for them and no second elevation model is read. Coherence is estimated as the operator Coherence does
without correcting its bias. All of it is computed once per tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.back_geocoding import date_of
from s1card.engine.native.coherence import Estimator, estimator_of, require_pairs, with_estimate
from s1card.engine.native.complex_layers import ReadLayer, signal_of_layers
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.geometric_phase import Ground, ground_layers, view_of
from s1card.engine.native.pair import CoregisteredPair, PairWindow
from s1card.engine.native.product import Band, Looks, Product, Signal
from s1card.engine.native.slc import require_bursts
from s1card.engine.native.tile_cache import Tiling
from s1card.engine.native.topsar_deburst import joints
from s1card.geometry.tops import SubSwath
from s1card.window import Window

Floats32 = NDArray[np.float32]
OF_THE_PAIR = (Ground.FLAT_EARTH, Ground.TOPOGRAPHY)
"""Layers that differ from pair to pair."""


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Complex images ``i_ifg_IW1_VV_12Jun2021_18Jun2021`` and ``q_ifg_..``, with phase and intensity as virtual bands.

    Further bands as asked for: ``coh_IW1_VV_..``, ``fep_..`` and ``topo_..`` (the phases that were removed, in
    radians), ``elevation``, ``orthorectifiedLat``, ``orthorectifiedLon``. As in SNAP a phase that is not removed is not
    written, and of the ground nothing is written unless the phase of its terrain is removed.
    """
    source = sources[0]
    pairs = require_pairs(source, "Interferogram")
    estimator = estimator_of(source, parameters)
    with_coherence = bool(parameters["includeCoherence"])
    signals: list[Signal] = []
    bands: list[Band] = []
    for number, pair in enumerate(pairs):
        ground = [g for g in _wanted(parameters) if number == 0 or g in OF_THE_PAIR]
        made = PairLayers(source, pair, estimator, with_coherence, tuple(ground))
        read = context.tiles.add(made.tiling, made.make)
        signals += made.signals(read)
        bands += made.bands(read)
    shown = (band for signal in signals for band in signal.bands)
    product = replace(source, name=f"{source.name}_Ifg", bands=(*shown, *bands), signals=tuple(signals))
    product = product.with_fact("Interferogram", estimator.removal.statement)
    return with_estimate(product, estimator) if with_coherence else product


def _wanted(parameters: Parameters) -> list[Ground]:
    flat, topography = parameters["subtractFlatEarthPhase"], parameters["subtractTopographicPhase"]
    asked = {
        Ground.FLAT_EARTH: flat and parameters["outputFlatEarthPhase"],
        Ground.TOPOGRAPHY: topography and parameters["outputTopoPhase"],
        Ground.ELEVATION: topography and parameters["outputElevation"],
        Ground.LATITUDE: topography and parameters["outputLatLon"],
        Ground.LONGITUDE: topography and parameters["outputLatLon"],
    }
    return [ground for ground, wanted in asked.items() if wanted]


@dataclass(frozen=True, eq=False)
class PairLayers:
    """What is computed of a pair, as layers of tiles: real and imaginary parts, coherence, ground.

    Attributes:
        source: Product of the reference.
        pair: One of its secondaries.
        estimator: Of coherence; also says which phase is removed.
        with_coherence: Whether coherence is a layer.
        ground: Further layers.
    """

    source: Product
    pair: CoregisteredPair
    estimator: Estimator
    with_coherence: bool
    ground: tuple[Ground, ...]

    @property
    def bursts(self) -> SubSwath:
        """Bursts of the reference."""
        return require_bursts(self.source, "Interferogram")

    @property
    def tiling(self) -> Tiling:
        """How the stack of bursts is cut."""
        return Tiling(self.bursts.shape, self.bursts.lines_per_burst, cuts=joints(self.bursts))

    def make(self, window: Window) -> Floats32:
        """All layers in a window inside one burst; NaN where there is no data."""
        around = window
        if self.with_coherence:
            around = self.estimator.grown(window, self.bursts.lines_per_burst, self.bursts.pixels)
        pair = self.pair.read(around, self.estimator.removal)
        layers = [multiplied(pair, window)]
        if self.with_coherence:
            layers.append(self.estimator.estimate(pair, window))
        if self.ground:
            layers.append(self._ground(pair, window))
        return np.concatenate(layers)

    def _ground(self, pair: PairWindow, window: Window) -> Floats32:
        if pair.placement is None:
            return np.full((len(self.ground), *window.shape), np.nan, np.float32)
        burst = window.row // self.bursts.lines_per_burst
        view = view_of(self.source, self.bursts.burst(burst), self.pair.wavelength)
        local = window.moved(-burst * self.bursts.lines_per_burst, 0)
        return ground_layers(self.ground, pair.placement, local, view, Looks())

    @property
    def dates(self) -> str:
        """End of band names."""
        return f"{date_of(self.source)}_{date_of(self.pair.secondary)}"

    def signals(self, read: ReadLayer) -> list[Signal]:
        """The interferograms, by polarization."""
        return [
            signal_of_layers(self._signal_like(p), read, 2 * k) for k, p in enumerate(self.pair.polarizations)
        ]

    def _signal_like(self, polarization: str) -> Signal:
        """What is known of an interferogram, without its samples."""
        image = next(s for s in self.source.signals if s.polarization == polarization)
        return replace(
            image,
            name=f"ifg_{self.source.swath}_{polarization}_{self.dates}",
            is_interferogram=True,
            is_topography_removed=self.estimator.removal.value[1],
        )

    def bands(self, read: ReadLayer) -> list[Band]:
        """Coherence by polarization, phases, ground."""
        polarizations = self.pair.polarizations
        first = 2 * len(polarizations)
        bands = []
        if self.with_coherence:
            bands = [self._coherence_band(p, read, first + k) for k, p in enumerate(polarizations)]
        first += len(bands)
        for k, ground in enumerate(self.ground):
            bands += self._ground_bands(ground, read, first + k)
        return bands

    def _coherence_band(self, polarization: str, read: ReadLayer, layer: int) -> Band:
        return Band(
            f"coh_{self.source.swath}_{polarization}_{self.dates}",
            "coherence",
            partial(_layer, read, layer),
            polarization,
            description=f"coherence {polarization} {self.dates.replace('_', ' ')}",
        )

    def _ground_bands(self, ground: Ground, read: ReadLayer, layer: int) -> list[Band]:
        """A band; of a phase one of every polarization, as SNAP has it, though they are all the same."""
        name, unit, description = ground.value
        band = Band(name, unit, partial(_layer, read, layer), description=description)
        if ground not in OF_THE_PAIR:
            return [band]
        return [
            replace(band, name=f"{name}_{self.source.swath}_{p}_{self.dates}", polarization=p)
            for p in self.pair.polarizations
        ]


def multiplied(pair: PairWindow, window: Window) -> Floats32:
    """Reference times conjugate secondary in a window: real and imaginary parts by polarization, NaN where invalid."""
    rows, cols = window.slices_in(pair.window)
    out = np.empty((2 * len(pair.reference), *window.shape), np.float32)
    for k, (reference, secondary) in enumerate(zip(pair.reference, pair.secondary, strict=True)):
        _multiply(reference, secondary, pair.is_valid, (rows.start, cols.start), out[2 * k], out[2 * k + 1])
    return out


def _layer(read: ReadLayer, layer: int, window: Window) -> Any:
    return read(window, layer)


@njit(cache=True, nogil=True)
def _multiply(
    reference: NDArray[Any],
    secondary: NDArray[np.complex64],
    valid: NDArray[np.bool_],
    first: tuple[int, int],
    real: Floats32,
    imaginary: Floats32,
) -> None:
    cols = slice(first[1], first[1] + real.shape[1])
    for i in range(real.shape[0]):
        r = first[0] + i
        _multiply_line(reference[r, cols], secondary[r, cols], valid[r, cols], real[i], imaginary[i])


@njit(cache=True, nogil=True)
def _multiply_line(
    reference: NDArray[Any],
    secondary: NDArray[np.complex64],
    valid: NDArray[np.bool_],
    real: Floats32,
    imaginary: Floats32,
) -> None:
    nothing = np.float32(np.nan)
    for k in range(real.size):
        mr, mi = np.float32(reference[k, 0]), np.float32(reference[k, 1])
        sr, si = secondary[k].real, secondary[k].imag
        real[k] = mr * sr + mi * si if valid[k] else nothing
        imaginary[k] = mi * sr - mr * si if valid[k] else nothing
