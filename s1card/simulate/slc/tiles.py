"""A part of a burst pair: its ground, and where and with which phase the secondary sees what the reference sees.

Everything is tabulated on samples of the reference, in a window that reaches beyond the columns wanted by what
filters and shifts need. Lines form a circle, so that the azimuth filter has no beginning and no end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from s1card.scene.records import Floats
from s1card.simulate.fields import Lattice, class_of, coherence_of, field_at
from s1card.simulate.ground import (
    Ties,
    between_nodes,
    ground_coefficients,
    look_at_heights,
    middle_and_half,
    parabola,
    place_at,
    terrain_height,
    tie_line,
    tie_nodes,
)
from s1card.simulate.slc.beams import RANGE_SPACING, WAVELENGTH
from s1card.simulate.slc.carrier import Carrier, carrier_cycles
from s1card.simulate.slc.passes import BurstPair
from s1card.simulate.slc.resampling import AZIMUTH_TAPS, RANGE_TAPS
from s1card.simulate.slc.slopes import LEVEL, slope_gains
from s1card.simulate.slc.spectrum import KERNEL_REACH, Floats32, overlap_at
from s1card.simulate.slc.view import SlantView
from s1card.simulate.terrain import Heights

Complex = NDArray[np.complex64]
Codes = NDArray[np.uint8]

TILE_PIXELS = 2048
_EDGE = RANGE_TAPS // 2 + 4


@dataclass(frozen=True)
class Columns:
    """Columns ``first .. last - 1``."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many there are."""
        return self.last - self.first

    def within(self, pixels: int) -> Columns:
        """Those of them that an image of so many pixels has."""
        return Columns(min(max(self.first, 0), pixels), min(max(self.last, 0), pixels))


@dataclass(frozen=True)
class TileFrame:
    """The window of a tile in the samples of the reference's burst, and the columns that it gives.

    Attributes:
        first_line, lines: Lines of the window; the first is negative.
        first_pixel, pixels: Columns of the window.
        reference, secondary: Columns of the images of both dates.
        shift: Whole number of pixels by which the secondary sees the ground farther in range, about.
    """

    first_line: int
    lines: int
    first_pixel: int
    pixels: int
    reference: Columns
    secondary: Columns
    shift: int


@dataclass(frozen=True, eq=False)
class TileGeometry:
    """What the window of a tile sees, arrays of (lines, pixels).

    Attributes:
        codes: Class of gamma0 times 16 plus index of coherence.
        shift_line, shift_pixel: Place in the secondary minus place in the reference; pixels without ``shift``.
        cycles: Phase of the secondary's base band minus that of the reference's, in cycles.
        gains: DN**2 per gamma0 in reference and secondary; empty where the look-up vectors say it.
    """

    codes: Codes
    shift_line: Floats32
    shift_pixel: Floats32
    cycles: Floats
    gains: tuple[Floats32, Floats32] = (LEVEL, LEVEL)


def tile_frames(pair: BurstPair, span: tuple[float, float]) -> list[TileFrame]:
    """The tiles of a burst pair, whose columns make up the bursts of both dates."""
    lines, pixels = _shifts(pair, span)
    shift = round(float(pixels.mean()))
    vary = math.ceil(float(np.abs(pixels - shift).max())) + 1
    above = math.ceil(float(np.abs(lines).max())) + AZIMUTH_TAPS
    count = next_fast_len(pair.reference.view.lines + 2 * above)
    width = max(pair.reference.view.pixels, pair.secondary.view.pixels - shift)
    edges = [*range(0, width, TILE_PIXELS), width]
    if len(edges) > 2 and edges[-1] - edges[-2] < TILE_PIXELS // 4:
        del edges[-2]
    frames = []
    for first, last in pairwise(edges):
        reference = Columns(first, last).within(pair.reference.view.pixels)
        # The first and the last tile of the secondary take what the shift leaves over.
        moved = Columns(first + shift if first else 0, width + abs(shift) if last == width else last + shift)
        secondary = moved.within(pair.secondary.view.pixels)
        low = min(reference.first, secondary.first - shift) - vary - _EDGE - KERNEL_REACH
        high = max(reference.last, secondary.last - shift) + vary + _EDGE + KERNEL_REACH
        frames.append(TileFrame(-above, count, low, next_fast_len(high - low), reference, secondary, shift))
    return frames


def tile_geometry(
    pair: BurstPair,
    frame: TileFrame,
    span: tuple[float, float],
    heights: Heights,
    lattice: Lattice,
    *,
    slopes: bool = False,
) -> TileGeometry:
    """Search the terrain that the window of a tile sees, and find it in the secondary.

    Args:
        pair: The burst of both dates.
        frame: The window.
        span: Lowest and highest ground, metres.
        heights: Terrain.
        lattice: Fields.
        slopes: Whether slopes differ in brightness.
    """
    shape = frame.lines, frame.pixels
    geometry = TileGeometry(
        np.empty(shape, np.uint8),
        np.empty(shape, np.float32),
        np.empty(shape, np.float32),
        np.empty(shape, np.float64),
    )
    ties, pair_ties = _make_ties(pair, frame, span)
    west = ties.coefficients[..., 0]
    west[...] = heights.left + (west - heights.left) % 360.0
    place = np.empty(shape, np.float32)
    _fill_ground(ties, heights, lattice, geometry.codes, place)
    _fill_pair(
        pair_ties,
        place,
        (pair.reference.carrier, pair.secondary.carrier),
        (frame.first_line, frame.first_pixel, frame.shift),
        (pair.reference.view.near_range - pair.secondary.view.near_range) / RANGE_SPACING,
        geometry.shift_line,
        geometry.shift_pixel,
        geometry.cycles,
    )
    if not slopes:
        return geometry
    views = _window_views(pair, frame, round(float(geometry.shift_line.mean())))
    gains = [slope_gains(ties, heights, place, view) for view in views]
    return replace(geometry, gains=(gains[0], gains[1]))


def _window_views(pair: BurstPair, frame: TileFrame, shift: int) -> tuple[SlantView, SlantView]:
    """The lines of a window in both dates; the ground lies ``shift`` lines farther down in the secondary."""
    size = frame.lines, frame.pixels
    return (
        pair.reference.view.window(frame.first_line, frame.first_pixel, *size),
        pair.secondary.view.window(frame.first_line + shift, frame.first_pixel, *size),
    )


def _make_ties(pair: BurstPair, frame: TileFrame, span: tuple[float, float]) -> tuple[Ties, Ties]:
    """Ties of the ground, and of the secondary: line shift and excess of range (m) as functions of height."""
    view = pair.reference.view.window(frame.first_line, frame.first_pixel, frame.lines, frame.pixels)
    line, line_step = tie_nodes(view.lines)
    pixel, pixel_step = tie_nodes(view.pixels)
    middle, half = middle_and_half(span)
    points = look_at_heights(view, line, pixel, middle, half)
    steps = line_step, pixel_step, middle, half
    return Ties(*steps, ground_coefficients(points)), Ties(
        *steps, _pair_coefficients(pair, view, line, pixel, points)
    )


def _pair_coefficients(
    pair: BurstPair, view: SlantView, line: Floats, pixel: Floats, points: list[Floats]
) -> Floats:
    row = line[:, None] + round((view.first_time - pair.reference.view.first_time) / view.line_interval)
    own_range = view.slant_range(line, pixel)
    shifts, excess = [], []
    for point in points:
        time, distance = pair.secondary.view.look(point)
        shifts.append((time - pair.secondary.view.first_time) / view.line_interval - row)
        excess.append(distance - own_range)
    return np.stack([*parabola(shifts), *parabola(excess)], axis=-1)


def _shifts(pair: BurstPair, span: tuple[float, float]) -> tuple[Floats, Floats]:
    """Shifts of lines and pixels on a coarse grid, at the lowest and the highest ground."""
    view = pair.reference.view
    line, pixel = np.meshgrid(
        np.linspace(0.0, view.lines - 1.0, 3), np.linspace(0.0, view.pixels - 1.0, 9), indexing="ij"
    )
    found = [pair.secondary.view.image_position(view.ground(line, pixel, height)) for height in span]
    return (
        np.stack([at_line - line for at_line, _ in found]),
        np.stack([at_pixel - pixel for _, at_pixel in found]),
    )


@njit(cache=True, nogil=True)
def _fill_ground(ties: Ties, heights: Heights, lattice: Lattice, codes: Codes, place: Floats32) -> None:
    """Fill the codes of fields, and the height of the ground as a place in the span of the ties.

    The search starts where the two pixels before lead to.
    """
    c = np.empty(6)
    last_field, code = -1, 0
    for row in range(codes.shape[0]):
        nodes = tie_line(ties, row)
        height = before = ties.middle
        for col in range(codes.shape[1]):
            between_nodes(nodes, col / ties.pixel_step, c)
            height, before = terrain_height(ties, heights, c, 2.0 * height - before), height
            s = (height - ties.middle) / ties.half
            longitude, latitude = place_at(c, s)
            field = field_at(lattice, longitude, latitude)
            if field != last_field:
                last_field = field
                code = class_of(lattice, field) * 16 + coherence_of(lattice, field)
            codes[row, col] = code
            place[row, col] = s


@njit(cache=True, nogil=True)
def _fill_pair(
    ties: Ties,
    place: Floats32,
    carriers: tuple[Carrier, Carrier],
    origin: tuple[int, int, int],
    offset: float,
    shift_line: Floats32,
    shift_pixel: Floats32,
    cycles: Floats,
) -> None:
    """Fill shifts and phase from the ties, at the heights of the ground.

    Args:
        origin: First line and pixel of the window, whole shift in pixels.
        offset: Pixels by which the range gate of the secondary opens earlier.
    """
    c = np.empty(6)
    for row in range(place.shape[0]):
        nodes = tie_line(ties, row)
        for col in range(place.shape[1]):
            between_nodes(nodes, col / ties.pixel_step, c)
            s = place[row, col]
            lines, excess = place_at(c, s)
            pixels = offset + excess / RANGE_SPACING
            line, pixel = float(origin[0] + row), float(origin[1] + col)
            shift_line[row, col] = lines
            shift_pixel[row, col] = pixels - origin[2]
            cycles[row, col] = (
                carrier_cycles(carriers[1], line + lines, pixel + pixels)
                - carrier_cycles(carriers[0], line, pixel)
                - 2.0 * excess / WAVELENGTH
            )


@njit(cache=True, nogil=True)
def fill_common_part(
    codes: Codes,
    cycles: Floats,
    coherences: Floats,
    tables: tuple[Floats32, Floats32],
    widths: tuple[float, float],
    phasor: Complex,
    share: Floats32,
) -> None:
    """Fill the phasor of the secondary and the share of what both dates see in its amplitude.

    The spectra of both dates are shifted against each other by the gradient of the phase, which alone makes images
    less coherent. The share makes up for that, as far as it can, so that the coherence is that of the field.

    Args:
        coherences: By index.
        tables, widths: Common part of shifted spectra, and bandwidth, in azimuth and range.
    """
    rows, cols = codes.shape
    for row in range(rows):
        above, below = max(row - 1, 0), min(row + 1, rows - 1)
        for col in range(cols):
            left, right = max(col - 1, 0), min(col + 1, cols - 1)
            along = (cycles[below, col] - cycles[above, col]) / (below - above)
            across = (cycles[row, right] - cycles[row, left]) / (right - left)
            overlap = overlap_at(tables[0], widths[0], along) * overlap_at(tables[1], widths[1], across)
            wanted = coherences[codes[row, col] & 15]
            share[row, col] = min(1.0, wanted / max(overlap, 1e-3))
            angle = np.float32(2.0 * math.pi * (cycles[row, col] - math.floor(cycles[row, col])))
            phasor[row, col] = complex(math.cos(angle), math.sin(angle))
