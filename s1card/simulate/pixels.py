"""The pixels: fields seen through calibration, with noise, speckle and point targets, line by line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.scene.records import Floats
from s1card.simulate.config import BETA_CONSTANT, GrdConfig
from s1card.simulate.fields import Lattice, class_of, field_at
from s1card.simulate.ground import Ties, ground_line
from s1card.simulate.hashing import TABLE_SIZE, gamma_table, gamma_variate, mix, stream
from s1card.simulate.radiometry import LineRadiometry, vector_before
from s1card.simulate.slopes import LEVEL, Flightpath, beta_over_gamma
from s1card.simulate.targets import Targets, add_targets
from s1card.simulate.terrain import Heights

Counts = NDArray[np.uint16]

_SPECKLE_NONE, _SPECKLE_GAMMA, _SPECKLE_TABLE = 0, 1, 2


class Speckle(NamedTuple):
    """Speckle as numba kernels see it: kind, number of looks, quantiles, seed."""

    kind: int
    looks: float
    table: Floats
    seed: int


class Border(NamedTuple):
    """Columns without signal at both sides; the inner ``noisy`` ones of them hold noise."""

    width: int
    noisy: int


@dataclass(frozen=True, eq=False)
class SceneModel:
    """All that determines the pixels of a scene.

    With a flightpath, slopes towards the sensor are brighter and gamma0 of a field is that of its terrain; without one,
    gamma0 is that of level ground wherever a pixel lies.
    """

    lines: int
    pixels: int
    heights: Heights
    ties: Ties
    lattice: Lattice
    radiometry: tuple[LineRadiometry, ...]
    targets: Targets
    speckle: Speckle
    border: Border
    flightpath: Flightpath = LEVEL
    beta_constant: float = BETA_CONSTANT

    def blocks(self, block_lines: int, threads: int) -> Iterator[tuple[int, Counts]]:
        """First line and pixels (polarizations, lines, pixels) of every block of lines, in order.

        Blocks are made by threads, at most ``threads + 1`` of them in advance.
        """
        starts = iter(range(0, self.lines, block_lines))
        with ThreadPoolExecutor(threads) as pool:
            queue = []
            for first in starts:
                queue.append((first, pool.submit(self.block, first, min(first + block_lines, self.lines))))
                if len(queue) > threads:
                    start, future = queue.pop(0)
                    yield start, future.result()
            for start, future in queue:
                yield start, future.result()

    def block(self, first: int, last: int) -> Counts:
        """Pixels (polarizations, last - first, pixels) of lines first .. last - 1."""
        out = np.empty((len(self.radiometry), last - first, self.pixels), np.uint16)
        classes, gain = np.empty(self.pixels, np.uint8), np.empty(self.pixels)
        for line in range(first, last):
            _ground_line(self.ties, self.heights, self.lattice, self.flightpath, line, classes, gain)
            gain *= self.beta_constant
            for k, radiometry in enumerate(self.radiometry):
                power = np.empty(self.pixels)
                _power_line(radiometry, line, classes, gain, self.border, power)
                _speckle_line(self.speckle, line, k, power)
                add_targets(power, line, self.targets.line, self.targets.pixel, self.targets.peak[k])
                _digital_numbers(power, self.border, out[k, line - first])
        return out


def make_speckle(config: GrdConfig) -> Speckle:
    """The speckle of a configuration."""
    kind = {"none": _SPECKLE_NONE, "gamma": _SPECKLE_GAMMA, "table": _SPECKLE_TABLE}[config.speckle]
    table = gamma_table(config.looks) if config.speckle == "table" else np.ones(1)
    return Speckle(kind, config.looks, table, config.seed)


@njit(cache=True, nogil=True)
def _ground_line(
    ties: Ties,
    heights: Heights,
    lattice: Lattice,
    flightpath: Flightpath,
    line: int,
    classes: NDArray[np.uint8],
    gain: Floats,
) -> None:
    """Class of every pixel, and its amplitude for a gamma0 of 1 over that for a beta0 of 1.

    It is negative where that is for the look-up vectors to say.
    """
    longitude, latitude, height = np.empty(classes.size), np.empty(classes.size), np.empty(classes.size)
    ground_line(ties, heights, line, longitude, latitude, height)
    last_field, last_class = -1, 0
    for pixel in range(classes.size):
        field = field_at(lattice, longitude[pixel], latitude[pixel])
        if field != last_field:
            last_field, last_class = field, class_of(lattice, field)
        classes[pixel] = last_class
        gain[pixel] = -1.0
        if flightpath.place.shape[0]:
            place, direction = flightpath.place[line], flightpath.direction[line]
            ratio = beta_over_gamma(
                heights, place, direction, longitude[pixel], latitude[pixel], height[pixel]
            )
            gain[pixel] = math.sqrt(ratio)


@njit(cache=True, nogil=True)
def _power_line(
    radiometry: LineRadiometry,
    line: int,
    classes: NDArray[np.uint8],
    gain: Floats,
    border: Border,
    power: Floats,
) -> None:
    """Expected power in DN**2: gamma0 K**2 + noise, look-up vectors linear between their lines.

    Where ``gain`` is not negative it stands in for the look-up value K.
    """
    row, weight = vector_before(radiometry.gamma_line, line)
    noisy_row, noisy_weight = vector_before(radiometry.noise_line, line)
    gamma, noise = radiometry.gamma, radiometry.noise
    for pixel in range(power.size):
        k = gain[pixel]
        if k < 0.0:
            k = (1.0 - weight) * gamma[row, pixel] + weight * gamma[row + 1, pixel]
        n = (1.0 - noisy_weight) * noise[noisy_row, pixel] + noisy_weight * noise[noisy_row + 1, pixel]
        signal = radiometry.gamma0[classes[pixel]] * k * k
        if pixel < border.width or pixel >= power.size - border.width:
            signal = 0.0
        power[pixel] = signal + radiometry.azimuth[radiometry.block[pixel], line] * n


@njit(cache=True, nogil=True)
def _speckle_line(speckle: Speckle, line: int, channel: int, power: Floats) -> None:
    """Detected power of signal and noise together: gamma distributed around their sum."""
    if speckle.kind == _SPECKLE_NONE:
        return
    key = stream(speckle.seed, 1000 + channel, line)
    for pixel in range(power.size):
        bits = mix(key + np.uint64(pixel))
        if speckle.kind == _SPECKLE_TABLE:
            power[pixel] *= speckle.table[bits % np.uint64(TABLE_SIZE)]
        else:
            power[pixel] *= gamma_variate(bits, speckle.looks)


@njit(cache=True, nogil=True)
def _digital_numbers(power: Floats, border: Border, out: Counts) -> None:
    """Amplitudes, rounded; 0 stands for no data only and is kept out of the image proper."""
    empty = border.width - border.noisy
    for pixel in range(power.size):
        if pixel < empty or pixel >= power.size - empty:
            out[pixel] = 0
        else:
            out[pixel] = min(65535, max(1, int(math.sqrt(power[pixel]) + 0.5)))
