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
from s1card.geometry.tops import Carrier, Columns, carrier_cycles
from s1card.geometry.weighted_sums import weighted_sums
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Complex = NDArray[np.complex64]
Samples = NDArray[Any]
Mask = NDArray[np.bool_]

Kernel = tuple[Floats32, int, bool]
"""An interpolation kernel as kernels take it: coefficients, first tap, whether the nearest sample is wanted."""

Nodes = tuple[int, int, Floats, Floats, Floats]
"""A placement as kernels take it: first row and column, line and pixel shifts, added phase (cycles)."""


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
        shape = (samples.shape[0], part.rows, window.cols)
        real, imaginary = np.empty(shape, np.float32), np.empty(shape, np.float32)
        _interpolate_lines(samples, corner, columns, nodes, window.col, weights, real, imaginary)
        bounds = (valid.row, valid.col, valid.row_end - 1, valid.col_end - 1)
        first = window.row, window.col
        _interpolate_columns(
            real, imaginary, corner, bounds, columns, nodes, first, weights, reramp, signal, inside
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
    node = np.empty(placement[2].shape[1])
    offset = first[1] - placement[1] * FINE_PIXEL_STEP
    for i in range(out.shape[1]):
        _nodes_at(placement[2], placement[0], first[0] + i, node)
        _between(node, offset, out[0, i])
        _nodes_at(placement[3], placement[0], first[0] + i, node)
        _between(node, offset, out[1, i])


@njit(cache=True, nogil=True)
def _deramp(samples: Samples, carrier: Columns, first: tuple[int, int], out: Floats32) -> None:
    cols = samples.shape[1]
    turns = np.empty(cols)
    cosine, sine = np.empty(cols, np.float32), np.empty(cols, np.float32)
    real, imaginary = np.empty(cols, np.float32), np.empty(cols, np.float32)
    for i in range(samples.shape[0]):
        _carrier_turns(carrier, first[0] + i, first[1], turns)
        phasor(turns, cosine, sine)
        _rotate(samples[i], cosine, sine, real, imaginary)
        for k in range(cols):
            out[i, k, 0], out[i, k, 1] = real[k], imaginary[k]


@njit(cache=True, nogil=True)
def phasor(cycles: Floats, cosine: Floats32, sine: Floats32) -> None:
    """Cosine and sine of phases in cycles, float32, exact to 2e-7.

    The phase is reduced to a quarter turn around 0 or half a turn, and both series are summed to the eleventh power.
    """
    for k in range(cycles.size):
        c = cycles[k] - math.floor(cycles[k] + 0.5)
        flip = abs(c) > 0.25
        half = 0.5 if c > 0.0 else -0.5
        x = np.float32(2.0 * math.pi * (half - c if flip else c))
        x2 = x * x
        s = x * (
            np.float32(1.0)
            + x2
            * (
                np.float32(-1.6666667e-1)
                + x2
                * (
                    np.float32(8.3333333e-3)
                    + x2
                    * (
                        np.float32(-1.9841270e-4)
                        + x2 * (np.float32(2.7557319e-6) + x2 * np.float32(-2.505e-8))
                    )
                )
            )
        )
        d = np.float32(1.0) + x2 * (
            np.float32(-0.5)
            + x2
            * (
                np.float32(4.1666667e-2)
                + x2
                * (
                    np.float32(-1.3888889e-3)
                    + x2
                    * (
                        np.float32(2.4801587e-5)
                        + x2 * (np.float32(-2.7557319e-7) + x2 * np.float32(2.087e-9))
                    )
                )
            )
        )
        sine[k] = s
        cosine[k] = -d if flip else d


@njit(cache=True, nogil=True)
def _interpolate_lines(
    samples: Samples,
    part: tuple[int, int],
    carrier: Columns,
    placement: Nodes,
    first_pixel: int,
    kernel: Kernel,
    real: Floats32,
    imaginary: Floats32,
) -> None:
    """Deramp all lines of a part of the secondary and interpolate them in range: polarizations x lines x cols."""
    polarizations, lines, cols = real.shape
    taps = kernel[0].shape[0]
    width = samples.shape[2]
    row_re, row_im = np.empty(width, np.float32), np.empty(width, np.float32)
    cosine, sine, turns = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width)
    place, node = np.empty(cols), np.empty(placement[2].shape[1])
    index, weights = np.empty(cols, np.int64), np.empty((taps, cols), np.float32)
    fraction = np.empty(cols, np.float32)
    for r in range(lines):
        _carrier_turns(carrier, part[0] + r, part[1], turns)
        phasor(turns, cosine, sine)
        _pixel_of_line(placement, part[0] + r, first_pixel, node, place)
        for k in range(cols):
            place[k] += k + first_pixel - part[1]
        _split(place, kernel, index, fraction, weights)
        for p in range(polarizations):
            _rotate(samples[p, r], cosine, sine, row_re, row_im)
            _along(row_re, row_im, index, weights, real[p, r], imaginary[p, r])


@njit(cache=True, nogil=True)
def _interpolate_columns(
    real: Floats32,
    imaginary: Floats32,
    part: tuple[int, int],
    valid: tuple[int, int, int, int],
    carrier: Columns,
    placement: Nodes,
    first: tuple[int, int],
    kernel: Kernel,
    reramp: bool,
    signal: Floats32,
    inside: Mask,
) -> None:
    """Interpolate lines in azimuth and turn the phase: ``signal`` polarizations x rows x cols x 2."""
    polarizations, rows, cols = signal.shape[:3]
    taps = kernel[0].shape[0]
    nodes = placement[2].shape[1]
    line_node, pixel_node, turn_node = np.empty(nodes), np.empty(nodes), np.empty(nodes)
    place, pixel, turns = np.empty(cols), np.empty(cols), np.empty(cols)
    cosine, sine = np.empty(cols, np.float32), np.empty(cols, np.float32)
    out_re, out_im = np.empty(cols, np.float32), np.empty(cols, np.float32)
    index, weights = np.empty(cols, np.int64), np.empty((taps, cols), np.float32)
    fraction = np.empty(cols, np.float32)
    offset = first[1] - placement[1] * FINE_PIXEL_STEP
    for i in range(rows):
        line = first[0] + i
        _nodes_at(placement[2], placement[0], line, line_node)
        _nodes_at(placement[3], placement[0], line, pixel_node)
        _nodes_at(placement[4], placement[0], line, turn_node)
        for j in range(nodes):
            line_node[j] += line
            pixel_node[j] += (placement[1] + j) * FINE_PIXEL_STEP
            if reramp:
                turn_node[j] -= carrier_cycles(carrier, line_node[j], pixel_node[j])
        _between(line_node, offset, place)
        _between(pixel_node, offset, pixel)
        _between(turn_node, offset, turns)
        for k in range(cols):
            y, x = place[k], pixel[k]
            inside[i, k] = y >= valid[0] and x >= valid[1] and y <= valid[2] and x <= valid[3]
            place[k] = y - part[0]
        phasor(turns, cosine, sine)
        _split(place, kernel, index, fraction, weights)
        for p in range(polarizations):
            _across(real[p], imaginary[p], index, weights, out_re, out_im)
            _turn(out_re, out_im, cosine, sine, inside[i], signal[p, i])


@njit(cache=True, nogil=True)
def _turn(
    real: Floats32, imaginary: Floats32, cosine: Floats32, sine: Floats32, inside: Mask, out: Floats32
) -> None:
    """Samples times phasors; 0 where they are not inside."""
    for k in range(real.size):
        kept = np.float32(1.0) if inside[k] else np.float32(0.0)
        out[k, 0] = kept * (real[k] * cosine[k] - imaginary[k] * sine[k])
        out[k, 1] = kept * (real[k] * sine[k] + imaginary[k] * cosine[k])


@njit(cache=True, nogil=True)
def _carrier_turns(carrier: Columns, line: int, first: int, turns: Floats) -> None:
    """Phase (cycles) of the carrier along a line of the burst, from a column on."""
    interval, kt, tref, fdc = carrier
    t = line * interval
    for k in range(turns.size):
        d = t - tref[first + k]
        turns[k] = -0.5 * kt[first + k] * d * d - fdc[first + k] * t


@njit(cache=True, nogil=True)
def _rotate(line: Samples, cosine: Floats32, sine: Floats32, real: Floats32, imaginary: Floats32) -> None:
    """Multiply samples (cols x 2) by phasors."""
    for k in range(real.size):
        re, im = np.float32(line[k, 0]), np.float32(line[k, 1])
        real[k] = re * cosine[k] - im * sine[k]
        imaginary[k] = re * sine[k] + im * cosine[k]


@njit(cache=True, nogil=True)
def _nodes_at(layer: Floats, row: int, line: float, node: Floats) -> None:
    """A layer of the placement, whose first node is ``row``, at the nodes along a reference line."""
    y = line / FINE_LINE_STEP - row
    i = min(max(int(y), 0), layer.shape[0] - 2)
    w = y - i
    for j in range(node.size):
        node[j] = layer[i, j] + w * (layer[i + 1, j] - layer[i, j])


@njit(cache=True, nogil=True)
def _between(node: Floats, first: int, out: Floats) -> None:
    """Values at all samples from those at every `FINE_PIXEL_STEP`-th; out begins ``first`` samples after node 0."""
    k = 0
    while k < out.size:
        j = (first + k) // FINE_PIXEL_STEP
        end = min((j + 1) * FINE_PIXEL_STEP - first, out.size)
        slope = (node[j + 1] - node[j]) / FINE_PIXEL_STEP
        begin = first - j * FINE_PIXEL_STEP
        for m in range(k, end):
            out[m] = node[j] + (begin + m) * slope
        k = end


@njit(cache=True, nogil=True)
def _pixel_of_line(placement: Nodes, line: int, first: int, node: Floats, out: Floats) -> None:
    """Range shifts on a *secondary* line: those of the reference line that lies on it, column by column."""
    row, col, lines, pixels = placement[0], placement[1], placement[2], placement[3]
    middle = lines.shape[0] // 2
    last = lines.shape[0] - 2
    for j in range(node.size):
        y = (line - lines[middle, j]) / FINE_LINE_STEP - row
        i = min(max(int(y), 0), last)
        shift = lines[i, j] + (y - i) * (lines[i + 1, j] - lines[i, j])
        y = (line - shift) / FINE_LINE_STEP - row
        i = min(max(int(y), 0), last)
        w = min(max(y - i, 0.0), 1.0)
        node[j] = pixels[i, j] + w * (pixels[i + 1, j] - pixels[i, j])
    _between(node, first - col * FINE_PIXEL_STEP, out)


@njit(cache=True, nogil=True)
def _split(place: Floats, kernel: Kernel, index: Ints, fraction: Floats32, weights: Floats32) -> None:
    """Index of the first tap and the weights of all taps of every place; ``fraction`` is scratch."""
    coefficients, first_tap, is_nearest = kernel
    for k in range(place.size):
        floor = math.floor(place[k])
        index[k] = int(floor) + first_tap
        x = np.float32(place[k] - floor - 0.5)
        fraction[k] = x if not is_nearest else (np.float32(0.5) if x >= 0.0 else np.float32(-0.5))
    for n in range(coefficients.shape[0]):
        c, row = coefficients[n], weights[n]
        for k in range(fraction.size):
            x = fraction[k]
            high = c[4] + x * (c[5] + x * (c[6] + x * c[7]))
            row[k] = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * high)))


@njit(cache=True, nogil=True)
def _along(
    real: Floats32,
    imaginary: Floats32,
    index: Ints,
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
    index: Ints,
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
