"""Back-Geocoding: secondaries resampled onto the reference, burst by burst, with orbits and elevation model."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native import elevation
from s1card.engine.native.context import Context, Parameters
from s1card.engine.native.map_extent import image_extent
from s1card.engine.native.pair import Alignment, CoregisteredPair, PairWindow, Removal
from s1card.engine.native.product import Band, Pixels, Product, Signal
from s1card.engine.native.slc import require_bursts, valid_samples, with_signals
from s1card.engine.native.tile_cache import Tiling
from s1card.errors import DataError, GraphError
from s1card.geometry.baseline import baseline_at
from s1card.geometry.burst_resampling import (
    ResampledBurst,
    deramp_samples,
    needed_window,
    places,
    resample_burst,
)
from s1card.geometry.coregistration import (
    FINE_LINE_STEP,
    FINE_PIXEL_STEP,
    Coregistration,
    Placement,
    seen_in_secondary,
)
from s1card.geometry.dem import Dem
from s1card.geometry.interpolation_kernel import interpolation_kernel
from s1card.geometry.orbit import OrbitTable, tabulate_orbit
from s1card.geometry.radar_grid import SlantRange
from s1card.geometry.tops import SubSwath
from s1card.window import Window

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOT_MATCHED = -1

Floats = NDArray[np.float64]


def apply(sources: Sequence[Product], parameters: Parameters, context: Context) -> Product:
    """The reference (the first source) and all others on its raster: ``i_IW1_VV_ref_12Jun2021``, ``.._sec1_18Jun2021``.

    With ``outputRangeAzimuthOffset`` bands follow with the places in the secondary, with
    ``outputDerampDemodPhase`` with the phase of its azimuth steering; with ``disableReramp`` all images are without it.
    """
    for source in sources:
        require_bursts(source, "Back-Geocoding")
    reference = sources[0]
    dem = _open_dem(reference, parameters, context)
    alignment = Alignment(interpolation_kernel(parameters["resamplingType"]))
    secondaries = [
        Secondary(reference, product, number, dem, alignment) for number, product in enumerate(sources[1:], 1)
    ]
    pairs = tuple(coregistered(secondary, parameters, context) for secondary in secondaries)
    reramp = not parameters["disableReramp"]
    signals = [_reference_signal(signal, reference, reramp) for signal in reference.signals]
    signals += [signal for pair in pairs for signal in pair.signals]
    product = with_signals(replace(reference, name=f"{reference.name}_Stack", pairs=pairs), signals)
    product = replace(product, bands=(*product.bands, *(band for pair in pairs for band in pair.layers)))
    for secondary in secondaries:
        orbit = secondary.product.orbit
        product = product.with_fact(f"Orbit of {secondary.tag}", f"{orbit.source} {orbit.name}".strip())
        product = product.with_measures(**secondary.baseline)
    product = product.with_fact("DEM", f"{dem.name} ({dem.datum})")
    return product.with_fact(
        "Back-Geocoding", f"{parameters['resamplingType']}, {', '.join(p.tag for p in pairs)}"
    )


def _open_dem(reference: Product, parameters: Parameters, context: Context) -> Dem:
    """The elevation model; SNAP's operator takes any external one for heights above EGM96."""
    masked = parameters["maskOutAreaWithoutElevation"]
    wanted = {**parameters, "externalDEMApplyEGM": True, "nodataValueAtSea": masked}
    return elevation.open_dem(wanted, context, image_extent(reference))


def date_of(product: Product) -> str:
    """Date of the first line as SNAP writes it in band names: ``12Jun2021``."""
    bursts = require_bursts(product, "Back-Geocoding")
    time = bursts.epoch + np.timedelta64(round(float(bursts.burst_time[0]) * 1e6), "us")
    year, month, day = str(time.astype("datetime64[D]")).split("-")
    return f"{day}{MONTHS[int(month) - 1]}{year}"


@dataclass(eq=False)
class Secondary:
    """A secondary sub-swath and how its bursts lie on those of the reference."""

    reference: Product
    product: Product
    number: int
    dem: Dem
    alignment: Alignment

    def __post_init__(self) -> None:
        names = f"{self.reference.scene.name}, {self.product.scene.name}"
        if self.product.swath != self.reference.swath:
            raise GraphError(
                f"Back-Geocoding is asked to lay {self.product.swath} on {self.reference.swath}",
                subject=names,
            )
        if not self.polarizations:
            raise DataError("the two scenes have no polarization in common", subject=names)
        if max(self.matches) == NOT_MATCHED:
            raise DataError(
                f"no burst of {self.reference.swath} is seen by both scenes",
                subject=names,
                advice="Take two scenes of the same track and area",
            )

    @property
    def tag(self) -> str:
        """End of band names."""
        return f"sec{self.number}_{date_of(self.product)}"

    def aligned(self, alignment: Alignment) -> Secondary:
        """The same secondary, laid on the reference in another way; what geometry has found is shared."""
        other = copy(self)
        other.alignment = alignment
        return other

    @property
    def baseline(self) -> dict[str, float]:
        """Perpendicular baseline (m) in the middle of the sub-swath, named by it."""
        rows, cols = self.reference.shape
        latitude, longitude = self.reference.tie_grid.position(np.array([rows / 2.0]), np.array([cols / 2.0]))
        found = baseline_at(*self._orbits, float(longitude[0]), float(latitude[0]), self._mean_height)
        return {f"perpendicular_baseline_{self.reference.swath}_{self.tag}": found.perpendicular}

    @cached_property
    def bursts(self) -> SubSwath:
        """Bursts of the secondary."""
        return require_bursts(self.product, "Back-Geocoding")

    @cached_property
    def reference_bursts(self) -> SubSwath:
        """Bursts of the reference."""
        return require_bursts(self.reference, "Back-Geocoding")

    @cached_property
    def polarizations(self) -> tuple[str, ...]:
        """Those that both have, in the order of the reference."""
        there = {signal.polarization for signal in self.product.signals}
        return tuple(s.polarization for s in self.reference.signals if s.polarization in there)

    @cached_property
    def matches(self) -> tuple[int, ...]:
        """Secondary burst of every burst of the reference, `NOT_MATCHED` where there is none."""
        return tuple(self._match(index) for index in range(len(self.reference_bursts.burst_ids)))

    @cached_property
    def _orbits(self) -> tuple[OrbitTable, OrbitTable]:
        """Of reference and secondary, with the epochs of their grids."""
        return (
            tabulate_orbit(self.reference.orbit, self.reference_bursts.epoch),
            tabulate_orbit(self.product.orbit, self.bursts.epoch),
        )

    @cached_property
    def _geometry(self) -> tuple[Coregistration | None, ...]:
        """Geometry of every burst of the reference with its secondary burst."""
        return tuple(
            None
            if match == NOT_MATCHED
            else Coregistration(
                self.reference_bursts.burst(index), self.bursts.burst(match), *self._orbits, self.dem
            )
            for index, match in enumerate(self.matches)
        )

    def _match(self, index: int) -> int:
        """The secondary burst whose middle is nearest in time to where the middle of a reference burst is seen."""
        grid = self.reference_bursts.burst(index)
        half = 0.5 * self.bursts.lines_per_burst * self.bursts.line_interval
        middles = self.bursts.burst_time + half
        time, _ = self._seen_at(index, grid.lines / 2.0, grid.pixels / 2.0)
        nearest = int(np.argmin(np.abs(middles - time)))
        return nearest if abs(middles[nearest] - time) < half else NOT_MATCHED

    def _seen_at(self, index: int, line: float, pixel: float) -> tuple[float, float]:
        """When (s) and at what slant range (m) the secondary sees a place of a reference burst, at mean height."""
        reference = self.reference_bursts.burst(index), self._orbits[0]
        guess = float(np.mean(self.bursts.burst_time))
        return seen_in_secondary(reference, self._orbits[1], (line, pixel), self._mean_height, guess)

    @cached_property
    def _mean_height(self) -> float:
        return float(np.mean(self.reference.annotation.geolocation_grid.height))

    def seen(self, index: int) -> Window:
        """The valid samples of the secondary in a burst of the reference, to the few samples that relief moves them."""
        if self.matches[index] == NOT_MATCHED:
            return Window(0, 0, 0, 0)
        grid, valid = self.reference_bursts.burst(index), self.bursts.valid[self.matches[index]]
        shifts = np.array(
            [
                self._shift(index, line, pixel)
                for line in (0, grid.lines - 1)
                for pixel in (0, grid.pixels - 1)
            ]
        )
        low, high = np.floor(shifts.min(axis=0)).astype(int), np.ceil(shifts.max(axis=0)).astype(int)
        row, col = valid.row - int(low[0]), valid.col - int(low[1])
        row_end, col_end = valid.row_end - int(high[0]), valid.col_end - int(high[1])
        return Window(row, col, row_end - row, col_end - col)

    def _shift(self, index: int, line: float, pixel: float) -> tuple[float, float]:
        """How many lines and pixels a place of the reference at mean height is farther down in the secondary burst."""
        there = self.bursts.burst(self.matches[index])
        axis = there.range_axis
        assert isinstance(axis, SlantRange)
        time, slant_range = self._seen_at(index, line, pixel)
        place = float(there.line(time)), (slant_range - axis.near) / axis.spacing
        return place[0] - line + self.alignment.lines, place[1] - pixel + self.alignment.pixels

    def place(self, window: Window) -> tuple[int, Placement | None]:
        """Index of the burst of the reference that holds a window, and where that lies in the secondary burst."""
        index = window.row // self.reference_bursts.lines_per_burst
        geometry = self._geometry[index]
        local = window.moved(-index * self.reference_bursts.lines_per_burst, 0)
        if geometry is None:
            return index, None
        return index, geometry.place(local).moved(self.alignment.lines, self.alignment.pixels)

    def read(self, window: Window, removal: Removal) -> PairWindow:
        """Reference and secondary in a window inside one burst; see `CoregisteredPair`."""
        index, placement = self.place(window)
        wanted = [s for s in self.reference.signals if s.polarization in self.polarizations]
        reference = np.stack([signal.read(window) for signal in wanted])
        if placement is None:
            nothing = np.zeros((len(wanted), *window.shape), np.complex64)
            return PairWindow(window, reference, nothing, np.zeros(window.shape, np.bool_), None)
        cycles = removed_cycles(placement, removal, self.bursts.wavelength)
        resampled = self.resample(window, index, placement, cycles)
        valid = valid_samples(self.reference_bursts, window) & resampled.is_inside
        if np.isnan(placement.height).any():
            valid &= known_heights(placement, window.moved(-index * self.reference_bursts.lines_per_burst, 0))
        return PairWindow(window, reference, resampled.signal, valid, placement)

    def resample(
        self, window: Window, index: int, placement: Placement, cycles: Floats, *, reramp: bool = True
    ) -> ResampledBurst:
        """The secondary on a window of the reference, with a phase (cycles, at the nodes of the placement) added."""
        local = window.moved(-index * self.reference_bursts.lines_per_burst, 0)
        match = self.matches[index]
        burst = Window(0, 0, self.bursts.lines_per_burst, self.bursts.pixels)
        kernel = self.alignment.kernel
        part = needed_window(placement, local, kernel, burst)
        samples = np.zeros((len(self.polarizations), 0, 0, 2), np.int16)
        if not part.is_empty:
            there = part.moved(match * self.bursts.lines_per_burst, 0)
            samples = np.stack([self._signal(p).read(there) for p in self.polarizations])
        return resample_burst(
            samples,
            part,
            self.bursts.valid[match],
            self.bursts.carriers[match],
            placement,
            local,
            kernel,
            cycles,
            reramp=reramp,
        )

    def _signal(self, polarization: str) -> Signal:
        return next(s for s in self.product.signals if s.polarization == polarization)


def coregistered(secondary: Secondary, parameters: Parameters, context: Context) -> CoregisteredPair:
    """A secondary as later operators see it; the parameters are those of Back-Geocoding."""
    carriers = secondary.bursts.carriers
    return CoregisteredPair(
        secondary.product,
        secondary.tag,
        secondary.polarizations,
        secondary.bursts.wavelength,
        tuple(secondary.seen(index) for index in range(len(secondary.matches))),
        secondary.read,
        tuple(None if match == NOT_MATCHED else carriers[match] for match in secondary.matches),
        secondary.alignment,
        lambda alignment: coregistered(secondary.aligned(alignment), parameters, context),
        tuple(_secondary_signals(secondary, context, not parameters["disableReramp"])),
        tuple(_layers(secondary, parameters, context)),
    )


def removed_cycles(placement: Placement, removal: Removal, wavelength: float) -> Floats:
    """Phase (cycles) that takes a part of the geometric phase from a secondary: two ways of the range difference."""
    flat, topography = removal.value
    difference = np.zeros(placement.height.shape)
    if topography:
        difference += placement.range_difference - placement.flat_difference
    if flat:
        difference += placement.flat_difference
    return np.asarray(2.0 * difference / wavelength)


def known_heights(placement: Placement, window: Window) -> NDArray[np.bool_]:
    """Samples of a window of the reference burst all of whose surrounding nodes have a height."""
    known = np.isfinite(placement.height)
    cells = known[:-1, :-1] & known[1:, :-1] & known[:-1, 1:] & known[1:, 1:]
    row = np.arange(window.row, window.row_end) // FINE_LINE_STEP - placement.row
    col = np.arange(window.col, window.col_end) // FINE_PIXEL_STEP - placement.col
    return cells[np.ix_(row, col)]


def _reference_signal(signal: Signal, reference: Product, reramp: bool) -> Signal:
    """An image of the reference under its new name, with or without its azimuth carrier."""
    name = f"{signal.name}_ref_{date_of(reference)}"
    if reramp:
        return replace(signal, name=name)
    bursts = require_bursts(reference, "Back-Geocoding")
    return replace(signal, name=name, dtype="float32", read=partial(_deramped, signal, bursts))


def _deramped(signal: Signal, bursts: SubSwath, window: Window) -> Pixels:
    out = np.empty((*window.shape, 2), np.float32)
    for index in bursts.around(window):
        part = bursts.window(index).intersection(window)
        local = part.moved(-index * bursts.lines_per_burst, 0)
        there = part.slices_in(window)
        out[there] = deramp_samples(signal.read(part), bursts.carriers[index], local)
    return out


def _secondary_signals(secondary: Secondary, context: Context, reramp: bool) -> list[Signal]:
    """Images of a secondary, computed in tiles that all its bands share."""
    tiling = Tiling(secondary.reference_bursts.shape, secondary.reference_bursts.lines_per_burst)

    def make(window: Window) -> NDArray[np.complex64]:
        if reramp:
            pair = secondary.read(window, Removal.NONE)
            return np.where(pair.is_valid, pair.secondary, np.complex64(0))
        index, placement = secondary.place(window)
        if placement is None:
            return np.zeros((len(secondary.polarizations), *window.shape), np.complex64)
        resampled = secondary.resample(
            window, index, placement, np.zeros(placement.height.shape), reramp=False
        )
        return resampled.signal

    read = context.tiles.add(tiling, make)

    def samples(layer: int, window: Window) -> Pixels:
        return read(window, layer).view(np.float32).reshape(*window.shape, 2)

    def valid(layer: int, window: Window) -> NDArray[np.bool_]:
        return np.asarray(read(window, layer) != 0)

    swath = secondary.reference.swath
    return [
        Signal(f"{swath}_{p}_{secondary.tag}", p, partial(samples, k), partial(valid, k))
        for k, p in enumerate(secondary.polarizations)
    ]


def _layers(secondary: Secondary, parameters: Parameters, context: Context) -> list[Band]:
    """Places in the secondary, and the phase of its steering there, as bands."""
    wanted = {
        "azOffset": parameters["outputRangeAzimuthOffset"],
        "rgOffset": parameters["outputRangeAzimuthOffset"],
        "derampDemodPhase": parameters["outputDerampDemodPhase"],
    }
    if not any(wanted.values()):
        return []
    tiling = Tiling(secondary.reference_bursts.shape, secondary.reference_bursts.lines_per_burst)
    read = context.tiles.add(tiling, partial(_places, secondary))
    units = {"azOffset": "lines", "rgOffset": "pixels", "derampDemodPhase": "radians"}
    what = {
        "azOffset": "line of the secondary",
        "rgOffset": "pixel of the secondary",
        "derampDemodPhase": "phase of the azimuth steering",
    }

    def layer(number: int, window: Window) -> Pixels:
        return read(window, number).astype(np.float32)

    return [
        Band(f"{name}_{secondary.tag}", units[name], partial(layer, k), description=what[name])
        for k, name in enumerate(wanted)
        if wanted[name]
    ]


def _places(secondary: Secondary, window: Window) -> Floats:
    """Line and pixel (of the stacked bursts) and carrier phase of the secondary: 3 x rows x cols."""
    index, placement = secondary.place(window)
    out = np.full((3, *window.shape), np.nan)
    if placement is None:
        return out
    bursts, match = secondary.bursts, secondary.matches[index]
    local = window.moved(-index * secondary.reference_bursts.lines_per_burst, 0)
    line, pixel = places(placement, local)
    out[0], out[1] = line + match * bursts.lines_per_burst, pixel
    out[2] = bursts.carriers[match].phase(line, pixel)
    if np.isnan(placement.height).any():
        out[:, ~known_heights(placement, local)] = np.nan
    return out
