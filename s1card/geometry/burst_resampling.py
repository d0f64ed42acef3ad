"""Resampling of a secondary burst onto the reference: deramp, interpolate, put the carrier back.

A focused TOPS burst is not band limited around zero: its azimuth carrier turns by many cycles per line at the burst
edges. It is taken off, the rest is interpolated, and the carrier of the very place that was interpolated is put back
(ESA, COPE-GSEG-EOPG-TN-14-0025, 2).

Interpolation is separable: every secondary line is interpolated in range first, then the results in azimuth. The range
shift of a line is that of the reference line it lies on, so that the shift at the interpolated place is right to second
order in its change from line to line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.geometry.coregistration import FINE_LINE_STEP, FINE_PIXEL_STEP, Placement
from s1card.geometry.interpolation_kernel import InterpolationKernel
from s1card.geometry.phasor import phasor, turn, turn_where
from s1card.geometry.tops import Carrier, Columns, carrier_along, carrier_cycles
from s1card.geometry.weighted_sums import weighted_sums
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Indices = NDArray[np.int32]
Complex = NDArray[np.complex64]
Samples = NDArray[Any]
Mask = NDArray[np.bool_]

Kernel = tuple[Floats32, int, bool]
"""An interpolation kernel as kernels take it: coefficients, first tap, whether the nearest sample is wanted."""

Nodes = tuple[int, int, Floats, Floats, Floats]
"""A placement as kernels take it: first row and column, line and pixel shifts, added phase (cycles)."""

STRIP = 376
"""Samples of a line that are worked on at a time, so that the weights of all of them stay in the nearest cache."""


@dataclass(frozen=True, eq=False)
class ResampledBurst:
    """A part of a secondary burst on the samples of the reference.

    Attributes:
        signal: polarizations x rows x cols.
        is_inside: rows x cols: whether the place lies on valid samples of the secondary.
    """

    signal: Complex
    is_inside: NDArray[np.bool_]


def needed_window(placement: Placement, window: Window, kernel: InterpolationKernel, burst: Window) -> Window:
    """Samples of the secondary burst (0, 0, lines, pixels) that a window of the reference needs; it may be empty."""
    reach = kernel.taps // 2 + 1
    row = window.row + math.floor(float(placement.line.min())) - reach
    col = window.col + math.floor(float(placement.pixel.min())) - reach
    row_end = window.row_end + math.ceil(float(placement.line.max())) + reach
    col_end = window.col_end + math.ceil(float(placement.pixel.max())) + reach
    return Window(row, col, row_end - row, col_end - col).intersection(burst)


def resample_burst(
    samples: Samples,
    part: Window,
    valid: Window,
    carrier: Carrier,
    placement: Placement,
    window: Window,
    kernel: InterpolationKernel,
    cycles: Floats,
    *,
    reramp: bool = True,
) -> ResampledBurst:
    """A window of the reference burst, filled from the secondary burst.

    Args:
        samples: polarizations x rows x cols x 2 (real, imaginary) of the secondary burst.
        part: Where they lie in the secondary burst.
        valid: Valid samples of the secondary burst.
        carrier: Of the secondary burst.
        placement: Where the window lies in the secondary burst.
        window: Of the reference burst.
        kernel: Interpolation.
        cycles: Phase to be added, cycles, at the nodes of the placement.
        reramp: Whether the carrier is put back.
    """
    signal = np.zeros((samples.shape[0], *window.shape, 2), np.float32)
    inside = np.zeros(window.shape, np.bool_)
    if not part.is_empty:
        columns = carrier.columns
        nodes = (placement.row, placement.col, placement.line, placement.pixel, cycles)
        weights = kernel.coefficients, kernel.first, kernel.is_nearest
        corner = part.row, part.col
        bounds = (valid.row, valid.col, valid.row_end - 1, valid.col_end - 1)
        for strip in window.tiles(window.rows, STRIP):
            first, start = (strip.row, strip.col), strip.col - window.col
            lines = np.empty((samples.shape[0], 2, part.rows, strip.cols), np.float32)
            _interpolate_lines(samples, corner, columns, nodes, strip.col, weights, lines)
            _interpolate_columns(
                lines, corner, bounds, columns, nodes, first, weights, reramp, start, signal, inside
            )
    return ResampledBurst(signal.view(np.complex64)[..., 0], inside)


def places(placement: Placement, window: Window) -> tuple[Floats, Floats]:
    """Line and pixel in the secondary burst of every sample of a window of the reference burst."""
    shift = np.empty((2, *window.shape))
    layers = (placement.row, placement.col, placement.line, placement.pixel, placement.height)
    _shifts(layers, (window.row, window.col), shift)
    line = np.arange(window.row, window.row_end)[:, None] + shift[0]
    pixel = np.arange(window.col, window.col_end)[None, :] + shift[1]
    return line, pixel


def deramp_samples(samples: Samples, carrier: Carrier, window: Window) -> Floats32:
    """Samples (rows x cols x 2) of a window of a burst without its azimuth carrier, float32."""
    out = np.empty(samples.shape, np.float32)
    _deramp(samples, carrier.columns, (window.row, window.col), out)
    return out


@njit(cache=True, nogil=True)
def _shifts(placement: Nodes, first: tuple[int, int], out: Floats) -> None:
    cells, skipped = _cells(first[1], out.shape[2])
    node, values = np.empty(cells + 1), np.empty(cells * FINE_PIXEL_STEP)
    column = first[1] // FINE_PIXEL_STEP - placement[1]
    for i in range(out.shape[1]):
        _nodes_at(placement[2], placement[0], column, first[0] + i, node)
        _between(node, values)
        out[0, i] = values[skipped : skipped + out.shape[2]]
        _nodes_at(placement[3], placement[0], column, first[0] + i, node)
        _between(node, values)
        out[1, i] = values[skipped : skipped + out.shape[2]]


@njit(cache=True, nogil=True)
def _deramp(samples: Samples, carrier: Columns, first: tuple[int, int], out: Floats32) -> None:
    cols = samples.shape[1]
    turns = np.empty(cols)
    cosine, sine = np.empty(cols, np.float32), np.empty(cols, np.float32)
    real, imaginary = np.empty(cols, np.float32), np.empty(cols, np.float32)
    for i in range(samples.shape[0]):
        carrier_along(carrier, first[0] + i, first[1], turns)
        phasor(turns, cosine, sine)
        turn(samples[i], cosine, sine, real, imaginary)
        for k in range(cols):
            out[i, k, 0], out[i, k, 1] = real[k], imaginary[k]


@njit(cache=True, nogil=True)
def _interpolate_lines(
    samples: Samples,
    part: tuple[int, int],
    carrier: Columns,
    placement: Nodes,
    first_pixel: int,
    kernel: Kernel,
    out: Floats32,
) -> None:
    """Deramp all lines of a part of the secondary and interpolate them in range.

    ``out``: polarizations x 2 (real, imaginary) x lines x cols.
    """
    polarizations, _, lines, cols = out.shape
    taps, width = kernel[0].shape[0], samples.shape[2]
    row_re, row_im = np.empty(width, np.float32), np.empty(width, np.float32)
    cosine, sine, turns = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width)
    cells, skipped = _cells(first_pixel, cols)
    node, shift, place = np.empty(cells + 1), np.empty(cells * FINE_PIXEL_STEP), np.empty(cols)
    index, weights = np.empty(cols, np.int32), np.empty((taps, cols), np.float32)
    fraction = np.empty(cols, np.float32)
    for r in range(lines):
        _pixel_of_line(placement, part[0] + r, first_pixel // FINE_PIXEL_STEP - placement[1], node)
        _between(node, shift)
        for k in range(cols):
            place[k] = shift[skipped + k] + (k + first_pixel - part[1])
        _split(place, kernel, index, fraction, weights)
        begin = min(max(index.min(), 0), width)
        end = max(min(index.max() + taps, width), begin)
        carrier_along(carrier, part[0] + r, part[1] + begin, turns[begin:end])
        phasor(turns[begin:end], cosine[begin:end], sine[begin:end])
        for p in range(polarizations):
            turn(
                samples[p, r][begin:end],
                cosine[begin:end],
                sine[begin:end],
                row_re[begin:end],
                row_im[begin:end],
            )
            _along(row_re, row_im, index, weights, out[p, 0, r], out[p, 1, r])


@njit(cache=True, nogil=True)
def _interpolate_columns(
    lines: Floats32,
    part: tuple[int, int],
    valid: tuple[int, int, int, int],
    carrier: Columns,
    placement: Nodes,
    first: tuple[int, int],
    kernel: Kernel,
    reramp: bool,
    start: int,
    signal: Floats32,
    inside: Mask,
) -> None:
    """Interpolate lines in azimuth and turn the phase: ``signal`` polarizations x rows x cols x 2."""
    polarizations, rows, cols = signal.shape[0], signal.shape[1], lines.shape[3]
    taps = kernel[0].shape[0]
    cells, skipped = _cells(first[1], cols)
    line_node, pixel_node, turn_node = np.empty(cells + 1), np.empty(cells + 1), np.empty(cells + 1)
    whole = np.empty((3, cells * FINE_PIXEL_STEP))
    place, pixel, turns = whole[0][skipped:], whole[1][skipped:], whole[2][skipped:]
    place, pixel, turns = place[:cols], pixel[:cols], turns[:cols]
    cosine, sine = np.empty(cols, np.float32), np.empty(cols, np.float32)
    out_re, out_im = np.empty(cols, np.float32), np.empty(cols, np.float32)
    index, weights = np.empty(cols, np.int32), np.empty((taps, cols), np.float32)
    fraction = np.empty(cols, np.float32)
    column = first[1] // FINE_PIXEL_STEP - placement[1]
    for i in range(rows):
        line = first[0] + i
        _nodes_at(placement[2], placement[0], column, line, line_node)
        _nodes_at(placement[3], placement[0], column, line, pixel_node)
        _nodes_at(placement[4], placement[0], column, line, turn_node)
        for j in range(cells + 1):
            line_node[j] += line
            pixel_node[j] += (placement[1] + column + j) * FINE_PIXEL_STEP
            if reramp:
                turn_node[j] -= carrier_cycles(carrier, line_node[j], pixel_node[j])
        _between(line_node, whole[0])
        _between(pixel_node, whole[1])
        _between(turn_node, whole[2])
        kept = inside[i][start : start + cols]
        for k in range(cols):
            y, x = place[k], pixel[k]
            kept[k] = (y >= valid[0]) & (x >= valid[1]) & (y <= valid[2]) & (x <= valid[3])
            place[k] = y - part[0]
        phasor(turns, cosine, sine)
        _split(place, kernel, index, fraction, weights)
        for p in range(polarizations):
            _across(lines[p, 0], lines[p, 1], index, weights, out_re, out_im)
            turn_where(kept, out_re, out_im, cosine, sine, signal[p, i][start : start + cols])


@njit(cache=True, nogil=True)
def _cells(first: int, count: int) -> tuple[int, int]:
    """Cells between nodes that so many samples from ``first`` on touch, and how many samples of them lie before."""
    skipped = first % FINE_PIXEL_STEP
    return -(-(skipped + count) // FINE_PIXEL_STEP), skipped


@njit(cache=True, nogil=True)
def _nodes_at(layer: Floats, row: int, column: int, line: float, node: Floats) -> None:
    """A layer of the placement, whose first node is ``row``, at the nodes along a reference line, from a column on."""
    y = line / FINE_LINE_STEP - row
    i = min(max(int(y), 0), layer.shape[0] - 2)
    w = y - i
    above, below = layer[i][column:], layer[i + 1][column:]
    for j in range(node.size):
        node[j] = above[j] + w * (below[j] - above[j])


@njit(cache=True, nogil=True)
def _between(node: Floats, out: Floats) -> None:
    """Values at all samples of cells, `FINE_PIXEL_STEP` each, from those at the nodes between them."""
    for j in range(out.size // FINE_PIXEL_STEP):
        slope = (node[j + 1] - node[j]) / FINE_PIXEL_STEP
        for m in range(FINE_PIXEL_STEP):
            out[j * FINE_PIXEL_STEP + m] = node[j] + m * slope


@njit(cache=True, nogil=True)
def _pixel_of_line(placement: Nodes, line: int, column: int, node: Floats) -> None:
    """Range shifts on a *secondary* line, at nodes from a column on: those of the reference line that lies on it."""
    row, lines, pixels = placement[0], placement[2], placement[3]
    middle = lines.shape[0] // 2
    last = lines.shape[0] - 2
    for number in range(node.size):
        j = column + number
        y = (line - lines[middle, j]) / FINE_LINE_STEP - row
        i = min(max(int(y), 0), last)
        shift = lines[i, j] + (y - i) * (lines[i + 1, j] - lines[i, j])
        y = (line - shift) / FINE_LINE_STEP - row
        i = min(max(int(y), 0), last)
        w = min(max(y - i, 0.0), 1.0)
        node[number] = pixels[i, j] + w * (pixels[i + 1, j] - pixels[i, j])


@njit(cache=True, nogil=True)
def _split(place: Floats, kernel: Kernel, index: Indices, fraction: Floats32, weights: Floats32) -> None:
    """Index of the first tap and the weights of all taps of every place; ``fraction`` is scratch.

    The polynomials of two taps as far from the middle on either side are the same but for the sign of the place: what
    even powers give is shared, what odd ones give is added to one and taken from the other.
    """
    coefficients, first_tap, is_nearest = kernel
    for k in range(place.size):
        floor = np.floor(place[k])
        index[k] = np.int32(floor) + np.int32(first_tap)
        x = np.float32(place[k] - floor - 0.5)
        fraction[k] = x if not is_nearest else (np.float32(0.5) if x >= 0.0 else np.float32(-0.5))
    taps = coefficients.shape[0]
    for n in range(taps // 2):
        c, left, right = coefficients[n], weights[n], weights[taps - 1 - n]
        for k in range(fraction.size):
            x = fraction[k]
            x2 = x * x
            even = c[0] + x2 * (c[2] + x2 * (c[4] + x2 * c[6]))
            odd = x * (c[1] + x2 * (c[3] + x2 * (c[5] + x2 * c[7])))
            left[k], right[k] = even + odd, even - odd


@njit(cache=True, nogil=True)
def _along(
    real: Floats32,
    imaginary: Floats32,
    index: Indices,
    weights: Floats32,
    out_re: Floats32,
    out_im: Floats32,
) -> None:
    """Weighted sums of neighbouring samples of a line, run by run of equal shifts; 0 where samples are missing."""
    taps, cols = weights.shape
    flat = weights.reshape(-1)
    k = 0
    while k < cols:
        shift = index[k] - k
        end = k + 1
        while end < cols and index[end] - end == shift:
            end += 1
        begin, stop = max(k, -shift), min(end, real.size - taps + 1 - shift)
        out_re[k:end] = 0.0
        out_im[k:end] = 0.0
        if begin < stop:
            first = begin + shift
            weighted_sums(
                real[first:],
                imaginary[first:],
                1,
                taps,
                flat[begin:],
                cols,
                out_re[begin:stop],
                out_im[begin:stop],
            )
        k = end


@njit(cache=True, nogil=True)
def _across(
    real: Floats32,
    imaginary: Floats32,
    index: Indices,
    weights: Floats32,
    out_re: Floats32,
    out_im: Floats32,
) -> None:
    """Weighted sums of samples of neighbouring lines in the same column; 0 where lines are missing."""
    taps, cols = weights.shape
    flat, flat_re, flat_im = weights.reshape(-1), real.reshape(-1), imaginary.reshape(-1)
    k = 0
    while k < cols:
        first = index[k]
        end = k + 1
        while end < cols and index[end] == first:
            end += 1
        out_re[k:end] = 0.0
        out_im[k:end] = 0.0
        if first >= 0 and first + taps <= real.shape[0]:
            place = first * cols + k
            weighted_sums(
                flat_re[place:],
                flat_im[place:],
                cols,
                taps,
                flat[k:],
                cols,
                out_re[k:end],
                out_im[k:end],
            )
        k = end
