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
from s1card.simulate.slc.passes import BurstPair, PairPlan, StackedBurst, TopsImage
from s1card.simulate.slc.resampling import along_azimuth, along_range, azimuth_table, range_table
from s1card.simulate.slc.speckle import Filters, excite_reference, excite_secondary
from s1card.simulate.slc.spectrum import (
    Band,
    Floats32,
    azimuth_band,
    compact_filter,
    compact_overlap_table,
    overlap_table,
    range_band,
    spectral_filter,
)
from s1card.simulate.slc.targets import Sighting, add_response
from s1card.simulate.slc.tiles import (
    Columns,
    TileFrame,
    fill_common_part,
    tile_frames,
    tile_geometry,
)
from s1card.simulate.terrain import Heights

Complex = NDArray[np.complex64]
Samples = NDArray[np.int16]

_NORMAL = gaussian.normal_table()
_RANGE_WEIGHTS, _AZIMUTH_WEIGHTS = range_table(), azimuth_table()


@dataclass(frozen=True, eq=False)
class DateModel:
    """What one date adds to the ground: radiometry per image and polarization, and the targets it sees."""

    radiometry: dict[TopsImage, tuple[LineRadiometry, ...]]
    sightings: list[Sighting]


@dataclass(frozen=True)
class Tile:
    """Samples of one date.

    Attributes:
        seen: The burst.
        columns: Its columns.
        samples: (polarizations, lines, columns, 2), in phase and in quadrature.
        moments: Sums of samples and sums of their squares (polarizations, 4).
    """

    seen: StackedBurst
    columns: Columns
    samples: Samples
    moments: Ints


@dataclass(frozen=True, eq=False)
class PairModel:
    """All that determines the samples of a pair, or of a single date where the secondary has no model."""

    plan: PairPlan
    seed: int
    heights: Heights
    span: tuple[float, float]
    lattice: Lattice
    reference: DateModel
    secondary: DateModel | None
    slopes: bool = False

    def frames(self, swath: str, burst: int) -> list[TileFrame]:
        """The tiles of a burst."""
        return tile_frames(self.plan.burst_pair(swath, burst), self.span)

    def tile(self, swath: str, burst: int, frame: TileFrame) -> list[Tile]:
        """Samples of the reference, and of the secondary if there is one, in a tile."""
        work = _TileWork(self, self.plan.burst_pair(swath, burst), frame)
        tiles = [work.reference(self.reference)]
        if self.secondary is not None:
            tiles.append(work.secondary(self.secondary))
        return tiles


class _TileWork:
    """The work on a tile; two windows full of noise are filled again and again."""

    def __init__(self, model: PairModel, pair: BurstPair, frame: TileFrame) -> None:
        self.seed, self.pair, self.frame = model.seed, pair, frame
        self.geometry = tile_geometry(
            pair, frame, model.span, model.heights, model.lattice, slopes=model.slopes
        )
        self.common, self.own = np.empty((2, frame.lines, frame.pixels), np.complex64)

    def reference(self, date: DateModel) -> Tile:
        """Samples of the reference."""
        frame, seen = self.frame, self.pair.reference
        radiometry = date.radiometry[seen.image]
        origin = seen.first_line + frame.first_line, frame.first_pixel
        row, col = -frame.first_line, frame.reference.first - frame.first_pixel
        base = np.empty((len(radiometry), seen.view.lines, frame.reference.count), np.complex64)
        for k, values in enumerate(radiometry):
            self._fill(gaussian.REFERENCE, k)
            ground = self.geometry.codes, self.geometry.gains[0]
            excite_reference(values, origin, ground, self.common, self.own)
            filtered = self._filters().apply(self.own)
            base[k] = filtered[row : row + base.shape[1], col : col + base.shape[2]]
        return _finish(seen, frame.reference, base, date.sightings)

    def secondary(self, date: DateModel) -> Tile:
        """Samples of the secondary."""
        frame, seen = self.frame, self.pair.secondary
        radiometry = date.radiometry[seen.image]
        origin = seen.first_line + frame.first_line, frame.first_pixel + frame.shift
        phasor, share = self._common_part()
        shifts = self.geometry.shift_line, self.geometry.shift_pixel
        whole = np.empty((len(radiometry), frame.lines, frame.pixels), np.complex64)
        for k, values in enumerate(radiometry):
            self._fill(gaussian.SECONDARY, k)
            ground = self.geometry.codes, self.geometry.gains[1]
            excite_secondary(values, origin, ground, shifts, phasor, share, self.common, self.own)
            whole[k] = self._filters().apply(self.own)
        return _finish(seen, frame.secondary, self._resample(whole, seen.view.lines), date.sightings)

    def _fill(self, kind: int, polarization: int) -> None:
        """Fill the noise that both dates share and that of a kind."""
        frame, seen = self.frame, self.pair.reference
        origin = frame.first_line, frame.first_pixel
        for noise, what in ((self.common, gaussian.COMMON), (self.own, kind)):
            channel = gaussian.channel(what, polarization, seen.image.beam.index, seen.burst.index)
            gaussian.fill_noise(_NORMAL, self.seed, channel, origin, noise)

    def _filters(self) -> Filters:
        along, across = bands_of(self.pair.reference.image)
        return Filters(spectral_filter(along, self.frame.lines), compact_filter(across, self.frame.pixels))

    def _common_part(self) -> tuple[Complex, Floats32]:
        shape = self.geometry.codes.shape
        phasor, share = np.empty(shape, np.complex64), np.empty(shape, np.float32)
        along, across = bands_of(self.pair.reference.image)
        tables = overlap_table(along), compact_overlap_table(across)
        widths = along.width, across.width
        fill_common_part(self.geometry.codes, self.geometry.cycles, COHERENCES, tables, widths, phasor, share)
        return phasor, share

    def _resample(self, images: Complex, lines: int) -> Complex:
        """Images (polarizations, lines, pixels) of the window on samples of the secondary."""
        frame = self.frame
        # Lines of 2048 samples would all fall into the same few places of a cache.
        lines_apart = frame.secondary.count + 24
        between = np.empty((images.shape[0], frame.lines, lines_apart), np.complex64)
        between = between[:, :, : frame.secondary.count]
        shift = np.empty((frame.lines, lines_apart), np.float32)[:, : frame.secondary.count]
        shifts = self.geometry.shift_line, self.geometry.shift_pixel
        first = float(frame.secondary.first - frame.shift - frame.first_pixel)
        along_range(images, shifts, _RANGE_WEIGHTS, first, between, shift)
        out = np.empty((images.shape[0], lines, frame.secondary.count), np.complex64)
        parts = between.view(np.float32), out.view(np.float32)
        along_azimuth(parts[0], shift, _AZIMUTH_WEIGHTS, -frame.first_line, parts[1])
        return out


def _finish(seen: StackedBurst, columns: Columns, base: Complex, sightings: list[Sighting]) -> Tile:
    """Add the targets to base bands (polarizations, lines, columns), put them on the carrier and round."""
    burst = seen.burst
    for sighting in sightings:
        if (sighting.swath, sighting.burst) == (seen.image.swath, burst.index):
            for part, amplitude in zip(base, sighting.amplitudes, strict=True):
                add_response(part, columns.first, sighting, amplitude, seen.carrier, bands_of(seen.image))
    samples = np.zeros((*base.shape, 2), np.int16)
    moments = np.zeros((base.shape[0], 4), np.int64)
    modulate(base, seen.carrier, columns.first, (burst.first_sample, burst.last_sample), samples, moments)
    return Tile(seen, columns, samples, moments)


def bands_of(image: TopsImage) -> tuple[Band, Band]:
    """Processed spectra in azimuth and range."""
    beam = image.beam.beam
    return azimuth_band(beam.azimuth_filter), range_band(beam.range_filter)


@njit(cache=True, nogil=True)
def modulate(
    base: Complex,
    carrier: Carrier,
    first_pixel: int,
    valid: tuple[Ints, Ints],
    samples: Samples,
    moments: Ints,
) -> None:
    """Put base bands (polarizations, lines, columns) on the carrier and round; only valid samples are filled.

    Args:
        first_pixel: Pixel of the first column.
        valid: First and last valid pixel of every line.
        moments: Sums to be added to.
    """
    for line in range(base.shape[1]):
        if valid[0][line] < 0:
            continue
        begin = max(0, valid[0][line] - first_pixel)
        end = min(base.shape[2], valid[1][line] + 1 - first_pixel)
        for col in range(begin, end):
            cycles = carrier_cycles(carrier, float(line), float(first_pixel + col))
            angle = np.float32(-2.0 * math.pi * (cycles - math.floor(cycles)))
            cosine, sine = math.cos(angle), math.sin(angle)
            for k in range(base.shape[0]):
                value = base[k, line, col]
                real = _rounded(value.real * cosine - value.imag * sine)
                imaginary = _rounded(value.real * sine + value.imag * cosine)
                samples[k, line, col, 0], samples[k, line, col, 1] = real, imaginary
                moments[k, 0] += real
                moments[k, 1] += imaginary
                moments[k, 2] += real * real
                moments[k, 3] += imaginary * imaginary


@njit(cache=True, nogil=True)
def _rounded(value: float) -> int:
    """The nearest 16 bit integer."""
    return math.floor(min(max(value, -32767.0), 32767.0) + 0.5)
