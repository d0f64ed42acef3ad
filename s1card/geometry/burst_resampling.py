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
from s1card.geometry.resampling import TABLE_STEPS, InterpolationKernel
from s1card.geometry.tops import Carrier
from s1card.window import Window

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Complex = NDArray[np.complex64]
Samples = NDArray[Any]


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
    signal = np.zeros((samples.shape[0], *window.shape), np.complex64)
    inside = np.zeros(window.shape, np.bool_)
    if not part.is_empty:
        _resample(
            samples,
            (part.row, part.col),
            (valid.row, valid.col, valid.row_end - 1, valid.col_end - 1),
            (carrier.line_interval, carrier.kt, carrier.tref, carrier.fdc),
            (placement.row, placement.col, placement.line, placement.pixel, cycles),
            (window.row, window.col),
            kernel.table,
            kernel.first,
            reramp,
            signal,
            inside,
        )
    return ResampledBurst(signal, inside)


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
    columns = (carrier.line_interval, carrier.kt, carrier.tref, carrier.fdc)
    _deramp(samples, columns, (window.row, window.col), out)
    return out


@njit(cache=True, nogil=True)
def _shifts(
    placement: tuple[int, int, Floats, Floats, Floats], window: tuple[int, int], out: Floats
) -> None:
    node = np.empty(placement[2].shape[1])
    for i in range(out.shape[1]):
        _at_line(placement[2], placement, window[0] + i, window[1], node, out[0, i])
        _at_line(placement[3], placement, window[0] + i, window[1], node, out[1, i])


@njit(cache=True, nogil=True)
def _deramp(
    samples: Samples, carrier: tuple[float, Floats, Floats, Floats], first: tuple[int, int], out: Floats32
) -> None:
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
                    + x2 * (np.float32(-1.9841270e-4) + x2 * (np.float32(2.7557319e-6) + x2 * np.float32(-2.505e-8)))
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
                    + x2 * (np.float32(2.4801587e-5) + x2 * (np.float32(-2.7557319e-7) + x2 * np.float32(2.087e-9)))
                )
            )
        )
        sine[k] = s
        cosine[k] = -d if flip else d


@njit(cache=True, nogil=True)
def _resample(
    samples: Samples,
    part: tuple[int, int],
    valid: tuple[int, int, int, int],
    carrier: tuple[float, Floats, Floats, Floats],
    placement: tuple[int, int, Floats, Floats, Floats],
    window: tuple[int, int],
    table: Floats32,
    first_tap: int,
    reramp: bool,
    signal: Complex,
    inside: NDArray[np.bool_],
) -> None:
    polarizations, rows, cols = signal.shape
    taps = table.shape[1]
    lines_re = np.empty((polarizations, samples.shape[1], cols), np.float32)
    lines_im = np.empty((polarizations, samples.shape[1], cols), np.float32)
    row_re = np.empty((polarizations, samples.shape[2]), np.float32)
    row_im = np.empty((polarizations, samples.shape[2]), np.float32)
    cosine, sine = np.empty(samples.shape[2], np.float32), np.empty(samples.shape[2], np.float32)
    turns = np.empty(samples.shape[2])
    place, node = np.empty(cols), np.empty(placement[2].shape[1])
    index, weights = np.empty(cols, np.int64), np.empty((taps, cols), np.float32)
    for r in range(samples.shape[1]):
        _carrier_turns(carrier, part[0] + r, part[1], turns)
        phasor(turns, cosine, sine)
        for p in range(polarizations):
            _rotate(samples[p, r], cosine, sine, row_re[p], row_im[p])
        _pixel_of_line(placement, part[0] + r, window[1], node, place)
        for k in range(cols):
            place[k] += k + window[1] - part[1]
        _split(place, first_tap, table, index, weights)
        for p in range(polarizations):
            _along(row_re[p], index, weights, lines_re[p, r])
            _along(row_im[p], index, weights, lines_im[p, r])
    pixel, added = np.empty(cols), np.empty(cols)
    cosine, sine, turns = np.empty(cols, np.float32), np.empty(cols, np.float32), np.empty(cols)
    column_re, column_im = np.empty(cols, np.float32), np.empty(cols, np.float32)
    for i in range(rows):
        line = window[0] + i
        _at_line(placement[2], placement, line, window[1], node, place)
        _at_line(placement[3], placement, line, window[1], node, pixel)
        _at_line(placement[4], placement, line, window[1], node, added)
        for k in range(cols):
            y, x = line + place[k], window[1] + k + pixel[k]
            inside[i, k] = y >= valid[0] and x >= valid[1] and y <= valid[2] and x <= valid[3]
            turns[k] = added[k] - (_carrier_at(carrier, y, x) if reramp else 0.0)
            place[k] = y - part[0]
        phasor(turns, cosine, sine)
        _split(place, first_tap, table, index, weights)
        for p in range(polarizations):
            _across(lines_re[p], index, weights, column_re)
            _across(lines_im[p], index, weights, column_im)
            for k in range(cols):
                if inside[i, k]:
                    re, im = column_re[k], column_im[k]
                    signal[p, i, k] = complex(
                        re * cosine[k] - im * sine[k], re * sine[k] + im * cosine[k]
                    )


@njit(cache=True, nogil=True)
def _carrier_turns(
    carrier: tuple[float, Floats, Floats, Floats], line: int, first: int, turns: Floats
) -> None:
    """Phase (cycles) of the carrier along a line of the burst, from a column on."""
    interval, kt, tref, fdc = carrier
    t = line * interval
    for k in range(turns.size):
        d = t - tref[first + k]
        turns[k] = -0.5 * kt[first + k] * d * d - fdc[first + k] * t


@njit(cache=True, nogil=True, inline="always")
def _carrier_at(carrier: tuple[float, Floats, Floats, Floats], line: float, pixel: float) -> float:
    """Phase (cycles) of the carrier at a fractional place; columns are interpolated linearly, and extrapolated."""
    interval, kt, tref, fdc = carrier
    j = min(max(int(pixel), 0), kt.size - 2)
    w = pixel - j
    t = line * interval
    d = t - (tref[j] + w * (tref[j + 1] - tref[j]))
    return -0.5 * (kt[j] + w * (kt[j + 1] - kt[j])) * d * d - (fdc[j] + w * (fdc[j + 1] - fdc[j])) * t


@njit(cache=True, nogil=True)
def _rotate(line: Samples, cosine: Floats32, sine: Floats32, real: Floats32, imaginary: Floats32) -> None:
    """Multiply samples (cols x 2) by phasors."""
    for k in range(real.size):
        re, im = np.float32(line[k, 0]), np.float32(line[k, 1])
        real[k] = re * cosine[k] - im * sine[k]
        imaginary[k] = re * sine[k] + im * cosine[k]


@njit(cache=True, nogil=True)
def _at_line(
    layer: Floats,
    placement: tuple[int, int, Floats, Floats, Floats],
    line: float,
    first: int,
    node: Floats,
    out: Floats,
) -> None:
    """A layer of the placement along a reference line, from a pixel on."""
    y = line / FINE_LINE_STEP - placement[0]
    i = min(max(int(y), 0), layer.shape[0] - 2)
    w = y - i
    for j in range(node.size):
        node[j] = layer[i, j] + w * (layer[i + 1, j] - layer[i, j])
    _between(node, first - placement[1] * FINE_PIXEL_STEP, out)


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
def _pixel_of_line(
    placement: tuple[int, int, Floats, Floats, Floats], line: int, first: int, node: Floats, out: Floats
) -> None:
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
def _split(place: Floats, first_tap: int, table: Floats32, index: Ints, weights: Floats32) -> None:
    """Index of the first tap and the weights of all taps of every place."""
    for k in range(place.size):
        floor = math.floor(place[k])
        index[k] = int(floor) + first_tap
        row = int((place[k] - floor) * TABLE_STEPS + 0.5)
        for n in range(table.shape[1]):
            weights[n, k] = table[row, n]


@njit(cache=True, nogil=True)
def _along(line: Floats32, index: Ints, weights: Floats32, out: Floats32) -> None:
    """Weighted sums of neighbouring samples of a line; samples outside count as 0."""
    k = 0
    while k < out.size:
        shift = index[k] - k
        end = k + 1
        while end < out.size and index[end] - end == shift:
            end += 1
        for m in range(k, end):
            out[m] = 0.0
        for n in range(weights.shape[0]):
            begin, stop = max(k, -(shift + n)), min(end, line.size - shift - n)
            for m in range(begin, stop):
                out[m] += weights[n, m] * line[m + shift + n]
        k = end


@njit(cache=True, nogil=True)
def _across(lines: Floats32, index: Ints, weights: Floats32, out: Floats32) -> None:
    """Weighted sums of samples of neighbouring lines in the same column; lines outside count as 0."""
    k = 0
    while k < out.size:
        first = index[k]
        end = k + 1
        while end < out.size and index[end] == first:
            end += 1
        for m in range(k, end):
            out[m] = 0.0
        for n in range(weights.shape[0]):
            if 0 <= first + n < lines.shape[0]:
                for m in range(k, end):
                    out[m] += weights[n, m] * lines[first + n, m]
        k = end
