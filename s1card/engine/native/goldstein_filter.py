"""Goldstein and Werner's adaptive filter of interferograms (1998, doi:10.1029/1998GL900033, eq. 2).

The spectrum Z of a patch of the interferogram is multiplied by a power of its own smoothed modulus, ``Z |Z|**alpha``,
so that the fringes of the patch, which fill few frequencies, stand out against noise, which fills all. As in SNAP,
patches overlap by three quarters and are joined with weights that fall from their middle to their edges, and the
smoothing window is cut at the first and last frequency. The modulus is related to its mean in the patch: without that,
a patch with one bright target, whose spectrum is flat, would outweigh all others around, and its noise would stay.

Patches begin at every quarter of their size from the first sample of a segment (an image or burst) on; one more ends at
its last sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are used
from numba import njit
from numpy.typing import NDArray

from s1card.window import Window

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Ints = NDArray[np.int64]

BATCH = 1 << 20
"""Samples that are transformed at a time, about."""


@dataclass(frozen=True)
class Goldstein:
    """The filter.

    Attributes:
        alpha: Exponent.
        size: Edge of a patch, samples.
        smoothing: Edge of the window in which the modulus of the spectrum is averaged.
    """

    alpha: float
    size: int
    smoothing: int

    @property
    def step(self) -> int:
        """Distance of patches."""
        return self.size // 4

    def starts(self, length: int) -> Ints:
        """First samples of the patches along a segment; one patch reaches beyond a segment that is shorter."""
        last = max(length - self.size, 0)
        starts = np.arange(0, last + 1, self.step)
        return starts if starts[-1] == last else np.append(starts, last)

    def reach(self, window: Window, shape: tuple[int, int]) -> Window:
        """The samples of a segment (of ``shape``) that the result in a window depends on."""
        return window.grown(self.size - 1).intersection(Window(0, 0, *shape))

    def filter(self, samples: Complex, around: Window, window: Window, shape: tuple[int, int]) -> Complex:
        """The filtered interferogram in a window of a segment.

        Args:
            samples: Of ``around``, 0 where there is no data.
            around: At least `reach` of the window.
            window: Where the result is wanted.
            shape: Lines and pixels of the segment.
        """
        rows, cols = (
            self._over(window.row, window.rows, shape[0]),
            self._over(window.col, window.cols, shape[1]),
        )
        total = np.zeros(window.shape, np.complex128)
        for row in rows:
            for part in self._batches(cols):
                patches = self._patches(samples, around, int(row), part)
                self._filter_patches(patches)
                _add_patches(patches, self._weight, int(row) - window.row, part - window.col, total)
        total /= self._weights(rows, window.row, window.rows)[:, None]
        total /= self._weights(cols, window.col, window.cols)[None, :]
        return total

    def _over(self, first: int, count: int, length: int) -> Ints:
        """Starts of the patches that touch ``count`` samples from ``first`` on."""
        starts = self.starts(length)
        return starts[(starts < first + count) & (starts + self.size > first)]

    def _batches(self, starts: Ints) -> Iterator[Ints]:
        count = max(1, BATCH // self.size**2)
        for k in range(0, starts.size, count):
            yield starts[k : k + count]

    def _patches(self, samples: Complex, around: Window, row: int, cols: Ints) -> Complex:
        """Patches that begin in a row, 0 beyond the samples."""
        patches = np.zeros((cols.size, self.size, self.size), np.complex128)
        for patch, col in zip(patches, cols, strict=True):
            place = Window(row, int(col), self.size, self.size)
            there = place.intersection(around)
            patch[there.slices_in(place)] = samples[there.slices_in(around)]
        return patches

    def _filter_patches(self, patches: Complex) -> None:
        """Filter patches in place."""
        spectrum = scipy.fft.fft2(patches, norm="forward")
        gain = np.empty(spectrum.shape)
        _smooth_modulus(spectrum, self.smoothing, gain)
        spectrum *= np.power(gain, self.alpha, out=gain)
        patches[:] = scipy.fft.ifft2(spectrum, norm="forward", overwrite_x=True)

    @property
    def _weight(self) -> Floats:
        """Weight along an edge of a patch: a triangle."""
        half = self.size / 2.0
        return np.asarray(1.0 - np.abs(np.arange(self.size) - half + 0.5) / half)

    def _weights(self, starts: Ints, first: int, count: int) -> Floats:
        """Sum of the weights at ``count`` samples from ``first`` on."""
        total = np.zeros(count)
        for start in starts:
            begin, end = max(int(start), first), min(int(start) + self.size, first + count)
            total[begin - first : end - first] += self._weight[begin - start : end - start]
        return total


@njit(cache=True, nogil=True)
def _smooth_modulus(spectrum: Complex, window: int, out: Floats) -> None:
    """Mean modulus over ``window`` x ``window`` frequencies of every patch, over that of all of them."""
    size = spectrum.shape[1]
    half = window // 2
    along, modulus = np.empty((size, size)), np.empty(size)
    share = np.empty(size)
    for j in range(size):
        share[j] = 1.0 / (min(j + half + 1, size) - max(j - half, 0))
    for p in range(spectrum.shape[0]):
        total = 0.0
        for i in range(size):
            total += _modulus(spectrum[p, i], modulus)
            along[i] = 0.0
            for k in range(-half, half + 1):
                first, end = max(0, -k), min(size, size - k)
                _add(modulus[first + k : end + k], along[i, first:end])
        scale = size * size / total if total > 0.0 else 0.0
        for i in range(size):
            out[p, i] = 0.0
            for k in range(max(i - half, 0), min(i + half + 1, size)):
                _add(along[k], out[p, i])
            _scale(share, scale * share[i], out[p, i])


@njit(cache=True, nogil=True)
def _modulus(values: Complex, out: Floats) -> float:
    """Moduli and their sum."""
    for j in range(values.size):
        out[j] = math.sqrt(values[j].real * values[j].real + values[j].imag * values[j].imag)
    total = 0.0
    for j in range(out.size):
        total += out[j]
    return total


@njit(cache=True, nogil=True)
def _add(values: Floats, total: Floats) -> None:
    for j in range(total.size):
        total[j] += values[j]


@njit(cache=True, nogil=True)
def _scale(share: Floats, scale: float, out: Floats) -> None:
    for j in range(out.size):
        out[j] *= scale * share[j]


@njit(cache=True, nogil=True)
def _add_patches(patches: Complex, weight: Floats, row: int, cols: Ints, total: Complex) -> None:
    """Add weighted patches that begin at a row and columns of ``total``, and may reach beyond it."""
    size = patches.shape[1]
    for p in range(patches.shape[0]):
        begin, end = max(cols[p], 0), min(cols[p] + size, total.shape[1])
        for i in range(max(row, 0), min(row + size, total.shape[0])):
            across = patches[p, i - row, begin - cols[p] : end - cols[p]]
            _add_line(across, weight[begin - cols[p] : end - cols[p]], weight[i - row], total[i, begin:end])


@njit(cache=True, nogil=True)
def _add_line(line: Complex, weight: Floats, factor: float, total: Complex) -> None:
    for j in range(total.size):
        total[j] += line[j] * (factor * weight[j])
