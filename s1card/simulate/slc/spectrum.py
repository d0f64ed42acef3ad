"""The processed spectrum of an image: its impulse response, and the filter that gives noise this spectrum.

Also how much two spectra have in common that are shifted against each other. Frequencies are cycles per sample,
distances samples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.scene.records import Floats
from s1card.simulate.image_facts import SAMPLING_RATE, Filter
from s1card.simulate.slc.beams import LINE_INTERVAL

Floats32 = NDArray[np.float32]
KERNEL_REACH = 128  # samples to which the range filter of speckle extends
_TABLE = 1024


class Band(NamedTuple):
    """A spectrum ``c + (1 - c) cos(2 pi f / width)`` within ``width``, c = ``coefficient``."""

    width: float
    coefficient: float


def range_band(filter_: Filter) -> Band:
    """The spectrum in range."""
    return Band(filter_.bandwidth / SAMPLING_RATE, filter_.window_coefficient)


def azimuth_band(filter_: Filter) -> Band:
    """The spectrum in azimuth."""
    return Band(filter_.bandwidth * LINE_INTERVAL, filter_.window_coefficient)


def response_at(band: Band, distance: Floats) -> Floats:
    """Impulse response at distances from its peak, which is 1: the inverse transform of the spectrum."""
    x = band.width * distance
    side = (1.0 - band.coefficient) / (2.0 * band.coefficient)
    return np.asarray(np.sinc(x) + side * (np.sinc(x - 1.0) + np.sinc(x + 1.0)))


def spectral_filter(band: Band, size: int) -> Floats32:
    """Filter of circular noise (size): the spectrum itself, of unit gain in power."""
    frequency = np.fft.fftfreq(size)
    inside = np.abs(frequency) < 0.5 * band.width
    weight = band.coefficient + (1.0 - band.coefficient) * np.cos(2.0 * math.pi * frequency / band.width)
    return _of_unit_gain(np.where(inside, weight, 0.0))


def compact_filter(band: Band, size: int) -> Floats32:
    """Filter (size) that reaches no farther than ``KERNEL_REACH`` samples, of unit gain in power.

    What it makes of noise at a sample does not depend on where the noise was cut, but for the reach. Less than
    0.05 % of the power is outside the band.
    """
    distance = np.asarray(np.fft.fftfreq(size, 1.0 / size), np.float64)
    return _of_unit_gain(np.asarray(np.fft.fft(_compact_response(band, distance)).real, np.float64))


def _compact_response(band: Band, distance: Floats) -> Floats:
    """Impulse response that fades out within its reach."""
    near = np.abs(distance) <= KERNEL_REACH
    taper = np.where(near, np.cos(0.5 * math.pi * distance / (KERNEL_REACH + 1)) ** 2, 0.0)
    return np.asarray(response_at(band, distance) * taper)


def _of_unit_gain(weight: Floats) -> Floats32:
    return np.asarray(weight / math.sqrt(float(np.mean(weight**2))), np.float32)


def overlap_table(band: Band) -> Floats32:
    """Correlation of two images whose spectra are apart by k / 1024 of the bandwidth, k = 0 .. 1024.

    The integral of the product of the spectra over that of their square, in closed form.
    """
    c, b = band.coefficient, 1.0 - band.coefficient
    shift = np.arange(_TABLE + 1) / _TABLE
    turn, common = math.pi * shift, 1.0 - shift
    cross = 2.0 * c * b * np.cos(turn) * np.sin(math.pi * common) / math.pi
    square = 0.5 * b * b * (common * np.cos(2.0 * turn) + np.sin(2.0 * math.pi * common) / (2.0 * math.pi))
    overlap = c * c * common + cross + square
    return np.asarray(overlap / overlap[0], np.float32)


def compact_overlap_table(band: Band) -> Floats32:
    """The same for images that the compact filter made: the transform of its squared impulse response."""
    distance = np.arange(-KERNEL_REACH, KERNEL_REACH + 1, dtype=np.float64)
    power = _compact_response(band, distance) ** 2
    shift = band.width * np.arange(_TABLE + 1) / _TABLE
    overlap = np.cos(2.0 * math.pi * np.outer(shift, distance)) @ power
    return np.asarray(overlap / overlap[0], np.float32)


@njit(cache=True, nogil=True)
def overlap_at(table: Floats32, width: float, shift: float) -> float:
    """Correlation at a shift in cycles per sample; a shift is known to whole cycles only."""
    place = abs(shift - math.floor(shift + 0.5)) / width * (table.size - 1)
    k = min(int(place), table.size - 2)
    return float(max(0.0, table[k] + (place - k) * (table[k + 1] - table[k])))
