"""TopoPhaseRemoval: the phase of the terrain taken from an interferogram, with orbits and elevation model.

The range from both orbits to the ground that a sample sees is found exactly, as in Back-Geocoding, and so is that to
the ellipsoid at the same sample: their difference is removed. Of a multilooked interferogram the terrain in the middle
of every block counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native import elevation
from s1card.engine.native.back_geocoding import removed_cycles
from s1card.engine.native.complex_layers import ReadLayer, signal_of_layers
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.geometric_phase import Ground, ground_layers, view_of
from s1card.engine.native.map_extent import image_extent
from s1card.engine.native.multilook import single_look_grid
from s1card.engine.native.pair import CoregisteredPair, Removal
from s1card.engine.native.product import Band, Product, Signal
from s1card.engine.native.tile_cache import TILE_COLS, TILE_ROWS, Tiling
from s1card.errors import GraphError
from s1card.geometry.coregistration import Coregistration, Placement
from s1card.geometry.dem import Dem
from s1card.geometry.fine_lattice import at_samples
from s1card.geometry.orbit import tabulate_orbit
from s1card.geometry.phasor import phasor
from s1card.geometry.radar_grid import RadarGrid
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

TOPOGRAPHY_NAME = "topo_phase"


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """Interferograms ``i_ifg_VV_12Jun2021_18Jun2021``, ``q_ifg_..``, shown as ``Phase_ifg_srd_VV_..``.

    Further bands as asked for: ``topo_phase_VV_..`` (radians), ``elevation``, ``orthorectifiedLat``,
    ``orthorectifiedLon``. All other bands of the source are kept. Samples whose height is unknown have no data.
    """
    source = sources[0]
    _require_interferograms(source)
    wanted = {**parameters, "externalDEMApplyEGM": True, "nodataValueAtSea": False}
    dem = elevation.open_dem(wanted, context, image_extent(source))
    signals: list[Signal] = []
    bands: list[Band] = []
    for pair, images in _by_pair(source):
        ground = [g for g in _wanted(parameters) if not bands or g is Ground.TOPOGRAPHY]
        made = PairTerrain(source, pair, dem, tuple(images), tuple(ground))
        read = context.tiles.add(made.tiling, made.make)
        signals += [signal_of_layers(_renamed(s), read, 2 * k) for k, s in enumerate(images)]
        bands += made.bands(read)
    product = replace(
        source,
        name=f"{source.name}_DInSAR",
        bands=(*(b for s in signals for b in s.bands), *_kept(source, bands), *bands),
        signals=tuple(signals),
    )
    product = product.with_fact("DEM", f"{dem.name} ({dem.datum})")
    return product.with_fact("TopoPhaseRemoval", "topographic phase removed")


def _require_interferograms(source: Product) -> None:
    name = source.scene.name
    if not any(signal.is_interferogram for signal in source.signals):
        raise GraphError(
            "TopoPhaseRemoval needs an interferogram", subject=name, advice="Place Interferogram before it"
        )
    if any(signal.is_topography_removed for signal in source.signals):
        raise GraphError(
            "the topographic phase has been removed from this interferogram",
            subject=name,
            advice="Leave TopoPhaseRemoval out, or set subtractTopographicPhase of Interferogram to false",
        )


def _wanted(parameters: Parameters) -> list[Ground]:
    asked = {
        Ground.TOPOGRAPHY: parameters["outputTopoPhaseBand"],
        Ground.ELEVATION: parameters["outputElevationBand"],
        Ground.LATITUDE: parameters["outputLatLonBands"],
        Ground.LONGITUDE: parameters["outputLatLonBands"],
    }
    return [ground for ground, wanted in asked.items() if wanted]


def _by_pair(source: Product) -> list[tuple[CoregisteredPair, list[Signal]]]:
    """The interferograms of every secondary, told by the date in their names."""
    images = [signal for signal in source.signals if signal.is_interferogram]
    groups = [
        (pair, [signal for signal in images if signal.name.endswith(pair.tag.partition("_")[2])])
        for pair in source.pairs
    ]
    return [(pair, found) for pair, found in groups if found]


def _dates(signal: Signal) -> str:
    return "_".join(signal.name.split("_")[-2:])


def _renamed(signal: Signal) -> Signal:
    """SNAP leaves the sub-swath out of the names from here on."""
    end = f"{signal.polarization}_{_dates(signal)}"
    return replace(signal, name=f"ifg_{end}", virtual_name=f"ifg_srd_{end}", is_topography_removed=True)


def _kept(source: Product, made: Sequence[Band]) -> list[Band]:
    """Bands of the source that are neither of its interferograms nor made anew."""
    names = {band.name for band in made}
    names |= {band.name for signal in source.signals if signal.is_interferogram for band in signal.bands}
    return [band for band in source.bands if band.name not in names]


@dataclass(frozen=True, eq=False)
class PairTerrain:
    """What is computed of a pair, as layers of tiles: parts of its interferograms, then layers of the ground.

    Attributes:
        source: Image, or stack of bursts.
        pair: Tells orbit and wavelength of the secondary.
        dem: Terrain.
        images: Interferograms of the pair.
        ground: Further layers.
    """

    source: Product
    pair: CoregisteredPair
    dem: Dem
    images: tuple[Signal, ...]
    ground: tuple[Ground, ...]

    @property
    def tiling(self) -> Tiling:
        """How the raster is cut: tiles cover as many single-look samples, however many looks there are."""
        looks = self.source.looks
        rows, cols = max(1, TILE_ROWS // looks.lines), max(1, TILE_COLS // looks.pixels)
        return Tiling(self.source.shape, self._period, rows, cols)

    @property
    def _period(self) -> int:
        """Lines of a burst, or of the image."""
        bursts = self.source.bursts
        return self.source.shape[0] if bursts is None else bursts.lines_per_burst

    @cached_property
    def _grids(self) -> tuple[RadarGrid, ...]:
        """Single-look grids of the bursts, or of the image."""
        bursts = self.source.bursts
        if bursts is None:
            return (single_look_grid(self.source.radar_grid, self.source.looks),)
        return tuple(bursts.burst(index) for index in range(len(bursts.burst_ids)))

    @cached_property
    def _geometry(self) -> tuple[Coregistration, ...]:
        secondary = self.pair.secondary
        other = secondary.radar_grid
        orbit = tabulate_orbit(secondary.orbit, other.epoch)
        return tuple(
            Coregistration(grid, other, tabulate_orbit(self.source.orbit, grid.epoch), orbit, self.dem)
            for grid in self._grids
        )

    def make(self, window: Window) -> Floats32:
        """All layers in a window inside one burst; NaN where there is no data."""
        segment = window.row // self._period
        local = window.moved(-segment * self._period, 0)
        placement = self._geometry[segment].place(self.source.looks.under(local))
        cycles, known = self._phase(placement, local)
        out = np.empty((2 * len(self.images) + len(self.ground), *window.shape), np.float32)
        for k, image in enumerate(self.images):
            valid = image.valid(window) & known
            _turn_back(image.read(window), valid, cycles, out[2 * k], out[2 * k + 1])
        if self.ground:
            view = view_of(self.source, self._grids[segment], self.pair.wavelength)
            out[2 * len(self.images) :] = ground_layers(
                self.ground, placement, local, view, self.source.looks
            )
        return out

    def _phase(self, placement: Placement, window: Window) -> tuple[Floats, NDArray[np.bool_]]:
        """Topographic phase (cycles) at the samples of a window, and where it is known."""
        first, block = (placement.row, placement.col), (self.source.looks.lines, self.source.looks.pixels)
        cycles = removed_cycles(placement, Removal.TOPOGRAPHY, self.pair.wavelength)
        known = np.ones(window.shape, np.bool_)
        if np.isnan(placement.height).any():
            known = np.isfinite(at_samples(placement.height, first, window, block))
        return at_samples(cycles, first, window, block), known

    def bands(self, read: ReadLayer) -> list[Band]:
        """Layers of the ground; the phase once for every interferogram, as SNAP has it, though it is the same."""
        bands = []
        for layer, ground in enumerate(self.ground, 2 * len(self.images)):
            name, unit, description = ground.value
            band = Band(name, unit, partial(_layer, read, layer), description=description)
            bands += [band] if ground is not Ground.TOPOGRAPHY else [self._of(band, s) for s in self.images]
        return bands

    @staticmethod
    def _of(band: Band, image: Signal) -> Band:
        name = f"{TOPOGRAPHY_NAME}_{image.polarization}_{_dates(image)}"
        return replace(band, name=name, polarization=image.polarization)


def _layer(read: ReadLayer, layer: int, window: Window) -> Any:
    return read(window, layer)


@njit(cache=True, nogil=True)
def _turn_back(
    samples: NDArray[Any], valid: NDArray[np.bool_], cycles: Floats, real: Floats32, imaginary: Floats32
) -> None:
    """Samples (rows x cols x 2) times the conjugate phasor; NaN where they are not valid."""
    cosine, sine = np.empty(cycles.shape[1], np.float32), np.empty(cycles.shape[1], np.float32)
    for i in range(cycles.shape[0]):
        phasor(cycles[i], cosine, sine)
        _turn_line(samples[i], valid[i], cosine, sine, real[i], imaginary[i])


@njit(cache=True, nogil=True)
def _turn_line(
    samples: NDArray[Any],
    valid: NDArray[np.bool_],
    cosine: Floats32,
    sine: Floats32,
    real: Floats32,
    imaginary: Floats32,
) -> None:
    nothing = np.float32(np.nan)
    for k in range(real.size):
        re, im = samples[k, 0], samples[k, 1]
        real[k] = re * cosine[k] + im * sine[k] if valid[k] else nothing
        imaginary[k] = im * cosine[k] - re * sine[k] if valid[k] else nothing
