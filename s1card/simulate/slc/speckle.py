"""Speckle of both dates: noise of the strength of the ground, brought to the processed spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import fft

from s1card.scene.records import Floats, Ints
from s1card.simulate.radiometry import LineRadiometry, vector_before
from s1card.simulate.slc.spectrum import Floats32
from s1card.simulate.slc.tiles import Codes

Complex = NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class Filters:
    """Transfer functions in azimuth (lines) and range (pixels)."""

    azimuth: Floats32
    range: Floats32

    def apply(self, noise: Complex) -> Complex:
        """Filter an image (lines, pixels), which is used up."""
        spectrum = fft.fft2(noise, overwrite_x=True)
        spectrum *= self.range
        spectrum *= self.azimuth[:, None]
        filtered: Complex = fft.ifft2(spectrum, overwrite_x=True)
        return filtered


@njit(cache=True, nogil=True)
def _strength(
    radiometry: LineRadiometry, rows: tuple[int, float, int, float], line: int, pixel: int
) -> tuple[float, float]:
    """DN**2 per gamma0 and noise power at a line and pixel of the image, nearest where they are outside."""
    gamma, noise = radiometry.gamma, radiometry.noise
    row, weight, noisy_row, noisy_weight = rows
    pixel = min(max(pixel, 0), gamma.shape[1] - 1)
    line = min(max(line, 0), radiometry.azimuth.shape[1] - 1)
    k = (1.0 - weight) * gamma[row, pixel] + weight * gamma[row + 1, pixel]
    n = (1.0 - noisy_weight) * noise[noisy_row, pixel] + noisy_weight * noise[noisy_row + 1, pixel]
    return k * k, n * radiometry.azimuth[radiometry.block[pixel], line]


@njit(cache=True, nogil=True)
def _rows(radiometry: LineRadiometry, line: int) -> tuple[int, float, int, float]:
    row, weight = vector_before(radiometry.gamma_line, line)
    noisy_row, noisy_weight = vector_before(radiometry.noise_line, line)
    return row, weight, noisy_row, noisy_weight


@njit(cache=True, nogil=True)
def strengths(radiometry: LineRadiometry, line: Ints, pixel: Ints) -> tuple[Floats, Floats]:
    """DN**2 per gamma0 and noise power at n lines and pixels of the image."""
    gains, noises = np.empty(line.size), np.empty(line.size)
    for k in range(line.size):
        gains[k], noises[k] = _strength(radiometry, _rows(radiometry, line[k]), line[k], pixel[k])
    return gains, noises


@njit(cache=True, nogil=True)
def excite_reference(
    radiometry: LineRadiometry,
    origin: tuple[int, int],
    ground: tuple[Codes, Floats32],
    common: Complex,
    own: Complex,
) -> None:
    """Turn noise of its own into what the reference is filtered from: common reflectivity and thermal noise.

    Args:
        origin: First line (in the stacked image) and pixel of the window.
        ground: Codes of fields, and DN**2 per gamma0 or nothing where the look-up vectors say it.
        common, own: (lines, pixels), as the codes; ``own`` is replaced.
    """
    codes, gains = ground
    for row in range(own.shape[0]):
        line = origin[0] + row
        rows = _rows(radiometry, line)
        for col in range(own.shape[1]):
            gain, noise = _strength(radiometry, rows, line, origin[1] + col)
            if gains.size:
                gain = float(gains[row, col])
            signal = np.float32(np.sqrt(gain * radiometry.gamma0[codes[row, col] >> 4]))
            own[row, col] = signal * common[row, col] + np.float32(np.sqrt(noise)) * own[row, col]


@njit(cache=True, nogil=True)
def excite_secondary(
    radiometry: LineRadiometry,
    origin: tuple[int, int],
    ground: tuple[Codes, Floats32],
    shifts: tuple[Floats32, Floats32],
    phasor: Complex,
    share: Floats32,
    common: Complex,
    own: Complex,
) -> None:
    """The same for the secondary, whose reflectivity is in part its own.

    Args:
        origin: First line (in the stacked image) and pixel of the secondary that the window has without shifts.
        ground: As of the reference.
        shifts: Line and pixel of the secondary beyond that.
        phasor, share: Of the common part.
    """
    codes, gains = ground
    for row in range(own.shape[0]):
        line = origin[0] + row + int(np.round(shifts[0][row, own.shape[1] // 2]))
        rows = _rows(radiometry, line)
        for col in range(own.shape[1]):
            pixel = origin[1] + col + int(np.round(shifts[1][row, col]))
            gain, noise = _strength(radiometry, rows, line, pixel)
            if gains.size:
                gain = float(gains[row, col])
            power = gain * radiometry.gamma0[codes[row, col] >> 4]
            part = share[row, col]
            rest = np.float32(np.sqrt(power * (1.0 - part * part) + noise))
            seen = np.float32(np.sqrt(power) * part) * phasor[row, col]
            own[row, col] = seen * common[row, col] + rest * own[row, col]
