"""The samples of both dates, tile by tile: speckle and targets in the base band, the carrier, rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.scene.records import Ints
from s1card.simulate.fields import COHERENCES, Lattice
from s1card.simulate.radiometry import LineRadiometry
from s1card.simulate.slc import gaussian
from s1card.simulate.slc.carrier import Carrier, carrier_cycles
from s1card.simulate.slc.passes import PairPlan, TopsImage
from s1card.simulate.slc.resampling import along_azimuth, along_range, azimuth_table, range_table
from s1card.simulate.slc.speckle import Filters, excite_reference, excite_secondary
from s1card.simulate.slc.spectrum import (
    Band,
    Floats32,
    azimuth_band,
    compact_filter,
    overlap_table,
    range_band,
    spectral_filter,
)
from s1card.simulate.slc.targets import Sighting, add_response, indices_of
from s1card.simulate.slc.tiles import (
    BurstPair,
    Columns,
    TileFrame,
    TileGeometry,
    fill_common_part,
    tile_frames,
    tile_geometry,
)
from s1card.simulate.terrain import Heights

Complex = NDArray[np.complex64]
Samples = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class DateModel:
    """What one date adds to the ground: radiometry per image and polarization, and the targets it sees."""

    radiometry: dict[TopsImage, tuple[LineRadiometry, ...]]
    sightings: list[Sighting]


@dataclass(frozen=True)
class Tile:
    """Samples of one date: (polarizations, lines, columns, 2), in phase and in quadrature."""

    image: TopsImage
    place: int
    columns: Columns
    samples: Samples


@dataclass(frozen=True, eq=False)
class PairModel:
    """All that determines the samples of a pair."""

    plan: PairPlan
    heights: Heights
    span: tuple[float, float]
    lattice: Lattice
    reference: DateModel
    secondary: DateModel
    normal: Floats32
    range_weights: Floats32
    azimuth_weights: Floats32

    def burst_pair(self, swath: str, burst: int) -> BurstPair:
        """Geometry and carriers of a burst in both dates."""
        image, place = self.plan.reference.burst(swath, burst)
        other, other_place = self.plan.secondary.burst(swath, burst)
        return BurstPair(
            image.bursts[place].view,
            other.bursts[other_place].view,
            image.carriers[place],
            other.carriers[other_place],
        )

    def frames(self, swath: str, burst: int) -> list[TileFrame]:
        """The tiles of a burst."""
        return tile_frames(self.burst_pair(swath, burst), self.span)

    def tile(self, swath: str, burst: int, frame: TileFrame) -> tuple[Tile, Tile]:
        """Samples of reference and secondary in a tile."""
        geometry = tile_geometry(self.burst_pair(swath, burst), frame, self.span, self.heights, self.lattice)
        work = _TileWork(self, swath, burst, frame, geometry)
        return work.reference(), work.secondary()


def make_model(
    plan: PairPlan,
    heights: Heights,
    span: tuple[float, float],
    lattice: Lattice,
    reference: DateModel,
    secondary: DateModel,
) -> PairModel:
    """The model with the tables that all tiles share."""
    tables = gaussian.normal_table(), range_table(), azimuth_table()
    return PairModel(plan, heights, span, lattice, reference, secondary, *tables)


@dataclass(frozen=True, eq=False)
class _TileWork:
    model: PairModel
    swath: str
    burst: int
    frame: TileFrame
    geometry: TileGeometry

    def reference(self) -> Tile:
        """Samples of the reference."""
        model, frame = self.model, self.frame
        image, place = model.plan.reference.burst(self.swath, self.burst)
        origin = place * image.beam.lines + frame.first_line, frame.first_pixel
        bases = []
        for k, radiometry in enumerate(model.reference.radiometry[image]):
            own = self._noise(gaussian.REFERENCE, k)
            excite_reference(radiometry, origin, self.geometry.codes, self._noise(gaussian.COMMON, k), own)
            filtered = self._filters(image).apply(own)
            row, col = -frame.first_line, frame.reference.first - frame.first_pixel
            bases.append(
                np.ascontiguousarray(
                    filtered[row : row + image.beam.lines, col : col + frame.reference.count]
                )
            )
        return self._finish(image, place, frame.reference, bases, model.reference.sightings)

    def secondary(self) -> Tile:
        """Samples of the secondary."""
        model, frame = self.model, self.frame
        image, place = model.plan.secondary.burst(self.swath, self.burst)
        origin = place * image.beam.lines + frame.first_line, frame.first_pixel + frame.shift
        phasor, share = self._common_part(image)
        shifts = self.geometry.shift_line, self.geometry.shift_pixel
        bases = []
        for k, radiometry in enumerate(model.secondary.radiometry[image]):
            own, common = self._noise(gaussian.SECONDARY, k), self._noise(gaussian.COMMON, k)
            excite_secondary(radiometry, origin, self.geometry.codes, shifts, phasor, share, common, own)
            del common
            bases.append(self._resample(self._filters(image).apply(own), image.beam.lines))
        return self._finish(image, place, frame.secondary, bases, model.secondary.sightings)

    def _noise(self, kind: int, polarization: int) -> Complex:
        frame, config = self.frame, self.model.plan.config
        noise = np.empty((frame.lines, frame.pixels), np.complex64)
        channel = gaussian.channel(kind, polarization, int(self.swath[-1]), self.burst)
        gaussian.fill_noise(
            self.model.normal, config.seed, channel, frame.first_line, frame.first_pixel, noise
        )
        return noise

    def _filters(self, image: TopsImage) -> Filters:
        along, across = bands_of(image)
        return Filters(spectral_filter(along, self.frame.lines), compact_filter(across, self.frame.pixels))

    def _common_part(self, image: TopsImage) -> tuple[Complex, Floats32]:
        shape = self.geometry.codes.shape
        phasor, share = np.empty(shape, np.complex64), np.empty(shape, np.float32)
        along, across = bands_of(image)
        tables = overlap_table(along), overlap_table(across)
        widths = along.width, across.width
        fill_common_part(self.geometry.codes, self.geometry.cycles, COHERENCES, tables, widths, phasor, share)
        return phasor, share

    def _resample(self, image: Complex, lines: int) -> Complex:
        """The image on samples of the secondary."""
        frame, geometry = self.frame, self.geometry
        between = np.empty((frame.lines, frame.secondary.count), np.complex64)
        shift = np.empty(between.shape, np.float32)
        first = float(frame.secondary.first - frame.shift - frame.first_pixel)
        along_range(
            image, geometry.shift_line, geometry.shift_pixel, self.model.range_weights, first, between, shift
        )
        out = np.empty((lines, frame.secondary.count), np.complex64)
        along_azimuth(between, shift, self.model.azimuth_weights, float(-frame.first_line), out)
        return out

    def _finish(
        self, image: TopsImage, place: int, columns: Columns, bases: list[Complex], sightings: list[Sighting]
    ) -> Tile:
        burst, carrier = image.bursts[place], image.carriers[place]
        samples = np.zeros((len(bases), burst.view.lines, columns.count, 2), np.int16)
        for sighting in indices_of(sightings, self.swath, self.burst):
            for base, amplitude in zip(bases, sighting.amplitudes, strict=True):
                add_response(base, columns.first, sighting, amplitude, carrier, bands_of(image))
        modulate(np.stack(bases), carrier, columns.first, burst.first_sample, burst.last_sample, samples)
        return Tile(image, place, columns, samples)


def bands_of(image: TopsImage) -> tuple[Band, Band]:
    """Processed spectra in azimuth and range."""
    beam = image.beam.beam
    return azimuth_band(beam.azimuth_filter), range_band(beam.range_filter)


@njit(cache=True, nogil=True)
def modulate(
    base: Complex, carrier: Carrier, first_pixel: int, first: Ints, last: Ints, samples: Samples
) -> None:
    """Put base bands (polarizations, lines, columns) on the carrier and round; only valid samples are filled.

    Args:
        first_pixel: Pixel of the first column.
        first, last: First and last valid pixel of every line.
    """
    for line in range(base.shape[1]):
        if first[line] < 0:
            continue
        begin = max(0, first[line] - first_pixel)
        end = min(base.shape[2], last[line] + 1 - first_pixel)
        for col in range(begin, end):
            cycles = carrier_cycles(carrier, float(line), float(first_pixel + col))
            angle = np.float32(-2.0 * math.pi * (cycles - math.floor(cycles)))
            cosine, sine = math.cos(angle), math.sin(angle)
            for k in range(base.shape[0]):
                value = base[k, line, col]
                real = value.real * cosine - value.imag * sine
                imaginary = value.real * sine + value.imag * cosine
                samples[k, line, col, 0] = round(min(max(real, -32767.0), 32767.0))
                samples[k, line, col, 1] = round(min(max(imaginary, -32767.0), 32767.0))
