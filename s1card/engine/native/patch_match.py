"""The offset of two complex images of the same ground by the coherence that they have when one is moved.

The images are cut into templates that are so small that the phase hardly changes inside. For every lag the coherence of
every template with the moved image is found by fast correlation, and the squares are averaged: their maximum is where
the images fit best, whatever the phase does from template to template. All templates count the same, however bright.

Around the maximum the correlation is known between the lags as well, as the images are band limited. A template is
always compared with its full number of samples, so that no lag is favoured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy  # loads its parts when they are used
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.offset import Offset

Floats = NDArray[np.float64]
Complex = NDArray[np.complex64]

TEMPLATE = 64  # samples; the phase that height errors and the atmosphere leave changes little in it
SMALLEST = 8  # samples that a template must have
FINE = 16  # steps between lags around the maximum
FINE_REACH = 12  # of these steps to each side: three quarters of a sample


@dataclass(frozen=True)
class Match:
    """Where two images fit best.

    Attributes:
        lines, pixels: How much farther down and right the second one has it.
        coherence: Root mean square of the templates there.
    """

    lines: Offset
    pixels: Offset
    coherence: float


@dataclass(frozen=True, eq=False)
class _Correlation:
    """A template and the image around it.

    Attributes:
        spectrum: Cross spectrum.
        power: Product of the powers, for every lag.
    """

    spectrum: Complex
    power: Floats

    def at_lags(self) -> Floats:
        """Squared coherence at every lag."""
        rows, cols = self.power.shape
        correlation = scipy.fft.ifft2(self.spectrum)[:rows, :cols]
        return np.asarray(np.abs(correlation).astype(np.float64) ** 2 / self.power)

    def around(self, lag: tuple[int, int]) -> Floats:
        """Squared coherence at fractions of a sample around a lag; its own power stands for all of them."""
        rows, cols = (_waves(at, size) for at, size in zip(lag, self.spectrum.shape, strict=True))
        correlation = np.empty((len(rows), len(cols)), np.complex64)
        _transform(self.spectrum, rows, cols, correlation)
        return np.asarray(np.abs(correlation).astype(np.float64) ** 2 / self.power[lag])


@cache
def _waves(lag: int, size: int) -> Complex:
    """What takes a spectrum to the fractions of a sample around a lag: fractions x frequencies."""
    places = lag + np.arange(-FINE_REACH, FINE_REACH + 1) / FINE
    waves = np.exp(2j * math.pi * np.outer(places, scipy.fft.fftfreq(size))) / size
    return np.asarray(waves, np.complex64)


@njit(cache=True, nogil=True)
def _transform(spectrum: Complex, rows: Complex, cols: Complex, out: Complex) -> None:
    """``rows @ spectrum @ cols.T``, in an order of summation that no library changes."""
    line = np.empty(spectrum.shape[1], np.complex64)
    for i in range(out.shape[0]):
        line[:] = np.complex64(0)
        for r in range(spectrum.shape[0]):
            wave = rows[i, r]
            for c in range(line.size):
                line[c] += wave * spectrum[r, c]
        for j in range(out.shape[1]):
            total = np.complex64(0)
            for c in range(line.size):
                total += line[c] * cols[j, c]
            out[i, j] = total


def match(images: Sequence[tuple[Complex, Complex]], reach: tuple[int, int]) -> Match | None:
    """The offset of the second of each two images, which is the same in all of them (polarizations).

    Args:
        images: Of one shape, without azimuth carrier, 0 where there is no data.
        reach: Lines and pixels to which it is looked for. The outer samples of the images are needed for that.

    Returns:
        None where they are too small or empty, or where they fit best at the end of the reach.
    """
    shape = 2 * reach[0] + 1, 2 * reach[1] + 1
    surface, count = np.zeros(shape), 0
    for correlation in _correlations(images, reach):
        surface += correlation.at_lags()
        count += 1
    if count < 2:
        return None
    row, col = (int(k) for k in np.unravel_index(np.argmax(surface), shape))
    if row in (0, shape[0] - 1) or col in (0, shape[1] - 1):
        return None
    fine = np.stack([c.around((row, col)) for c in _correlations(images, reach)])
    return _highest(fine, (row - reach[0], col - reach[1]))


def _correlations(
    images: Sequence[tuple[Complex, Complex]], reach: tuple[int, int]
) -> Iterator[_Correlation]:
    for one, two in images:
        rows, cols = (size - 2 * margin for size, margin in zip(one.shape, reach, strict=True))
        height, width = min(rows // 2, TEMPLATE), min(cols // 2, TEMPLATE)
        if height < SMALLEST or width < SMALLEST:
            return
        for row in range(0, rows - height + 1, height):
            for col in range(0, cols - width + 1, width):
                template = one[row + reach[0] :, col + reach[1] :][:height, :width]
                around = two[row : row + height + 2 * reach[0], col : col + width + 2 * reach[1]]
                power = _power(template, around)
                if power.min() > 0.0:
                    yield _Correlation(_cross_spectrum(template, around), power)


def _cross_spectrum(template: Complex, around: Complex) -> Complex:
    shape = [scipy.fft.next_fast_len(size) for size in around.shape]
    return np.asarray(np.conj(scipy.fft.fft2(template, shape)) * scipy.fft.fft2(around, shape))


def _power(template: Complex, around: Complex) -> Floats:
    """Power of the template times that of the samples it is compared with, for every lag."""
    sums = np.zeros((around.shape[0] + 1, around.shape[1] + 1))
    sums[1:, 1:] = (
        (around.real.astype(np.float64) ** 2 + around.imag.astype(np.float64) ** 2).cumsum(0).cumsum(1)
    )
    height, width = template.shape
    moved = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    own = float(np.sum(template.real.astype(np.float64) ** 2 + template.imag.astype(np.float64) ** 2))
    return np.asarray(own * moved)


def _highest(fine: Floats, lag: tuple[int, int]) -> Match | None:
    """The maximum of the mean of the templates' surfaces, which lie around a lag: of a parabola in both directions."""
    mean = fine.mean(axis=0)
    at = tuple(int(k) for k in np.unravel_index(np.argmax(mean), mean.shape))
    if min(at) == 0 or max(at) == mean.shape[0] - 1:
        return None
    offsets = [_vertex(_along(fine, at, axis), at[axis], lag[axis]) for axis in (0, 1)]
    return Match(offsets[0], offsets[1], float(np.sqrt(mean[at])))


def _along(fine: Floats, at: tuple[int, ...], axis: int) -> Floats:
    """The three values around the maximum in one direction, of every template."""
    if axis == 0:
        return fine[:, at[0] - 1 : at[0] + 2, at[1]]
    return fine[:, at[0], at[1] - 1 : at[1] + 2]


def _vertex(values: Floats, at: int, lag: int) -> Offset:
    """Vertex of the parabola through three mean values; its deviation by how the slopes of the templates scatter."""
    before, middle, after = values.mean(axis=0)
    curvature = 2.0 * middle - before - after
    place = 0.5 * (after - before) / curvature
    pull = 0.5 * (values[:, 2] - values[:, 0])
    scatter = float(np.std(pull, ddof=1)) / math.sqrt(len(values))
    return Offset(lag + (at - FINE_REACH + float(place)) / FINE, scatter / float(curvature) / FINE, 1)
