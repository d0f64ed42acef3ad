"""Calibration and thermal noise as the product annotates them, and as the pixels feel them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.scene.records import (
    Calibration,
    CalibrationVector,
    Floats,
    Floats32,
    Ints,
    Noise,
    NoiseAzimuthVector,
    NoiseRangeVector,
)
from s1card.simulate.acquisition import Acquisition
from s1card.simulate.config import GrdConfig

NODE_STEP = 40  # pixels between nodes of the look-up vectors
VECTOR_STEP = 1.0  # seconds between look-up vectors
SCALLOP_LINES = 620.0
SCALLOP_DEPTH = 0.1
# Noise equivalent sigma0 in dB in the middle of the first sub-swath; it falls a little from one to the next.
NESZ_DB = -23.5


class LineRadiometry(NamedTuple):
    """Radiometry of one polarization as numba kernels see it.

    ``gamma_line`` (n): lines of the calibration vectors; ``gamma`` (n, pixels): square root of DN**2 over
    gamma0; ``noise_line`` (m), ``noise`` (m, pixels): range noise power; ``azimuth`` (blocks, lines): its
    factor; ``block`` (pixels): block of a pixel; ``gamma0``: one value per class.
    """

    gamma_line: Floats
    gamma: Floats
    noise_line: Floats
    noise: Floats
    azimuth: Floats
    block: NDArray[np.uint8]
    gamma0: Floats


def make_calibration(config: GrdConfig, acquisition: Acquisition) -> Calibration:
    """Look-up vectors of a constant beta0, at the ellipsoid incidence angle on the reference height."""
    lines, pixel = vector_lines(acquisition), node_pixels(acquisition.pixels, ())
    theta = _incidence_of_nodes(acquisition, lines, pixel)
    vectors = tuple(
        calibration_vector(
            acquisition.utc(float(acquisition.line_time(line))),
            int(line),
            pixel,
            config.beta_constant,
            theta[k],
        )
        for k, line in enumerate(lines)
    )
    return Calibration(*_span(acquisition), 1.0, vectors)


def calibration_vector(
    time: np.datetime64, line: int, pixel: Ints, beta: float, theta: Floats
) -> CalibrationVector:
    """Look-up values of a constant beta0: sigma0 = beta0 sin(theta), gamma0 = sigma0 / cos(theta), theta in radians."""
    sigma = beta / np.sqrt(np.sin(theta))
    gamma = sigma * np.sqrt(np.cos(theta))
    flat = as_lut(np.full(pixel.size, beta))
    return CalibrationVector(time, line, pixel, as_lut(sigma), flat, as_lut(gamma), flat)


def make_noise(config: GrdConfig, acquisition: Acquisition, polarization: str) -> Noise:
    """Thermal noise of a polarization: a valley per sub-swath across, scallops of the bursts along.

    Without azimuth vectors (IPF before 2.90, stripmap) the scallops are missing.
    """
    lines = vector_lines(acquisition)
    bounds = swath_bounds(config)
    pixel = node_pixels(acquisition.pixels, tuple(first for first, _ in bounds[1:]))
    sigma = config.beta_constant**2 / np.sin(_incidence_of_nodes(acquisition, lines, pixel))
    profile = 10.0 ** (_nesz_db(bounds, pixel) / 10.0) * channel_noise(polarization)
    drift = 1.0 + 0.004 * np.arange(lines.size) / max(1, lines.size - 1)
    values = sigma * profile * drift[:, None]
    vectors = tuple(
        NoiseRangeVector(
            acquisition.utc(float(acquisition.line_time(line))), int(line), pixel, as_lut(values[k])
        )
        for k, line in enumerate(lines)
    )
    scalloped = config.has_azimuth_noise and config.mode_facts.is_tops
    azimuth = _azimuth_vectors(config, bounds) if scalloped else ()
    return Noise(*_span(acquisition), vectors, azimuth)


def channel_noise(polarization: str) -> float:
    """How much noisier a receiving channel is than that of the co-polarization."""
    return 1.0 if polarization in ("VV", "HH") else 1.12


def swath_bounds(config: GrdConfig) -> list[tuple[int, int]]:
    """First and last pixel of every sub-swath."""
    cuts = [0, *(round(cut * config.pixels) for cut in config.mode_facts.cuts), config.pixels]
    return [(first, last - 1) for first, last in pairwise(cuts)]


def line_radiometry(
    lines: int, pixels: int, calibration: Calibration, noise: Noise | None, gamma0: Floats
) -> LineRadiometry:
    """What the annotation means for every pixel: vectors linear in pixel, spread over all of them.

    Args:
        noise: None for pixels without noise.
        gamma0: One value per class.
    """
    pixel = np.arange(pixels)
    gamma = np.stack([np.interp(pixel, v.pixel, v.gamma.astype(float)) for v in calibration.vectors])
    gamma_line = np.array([float(vector.line) for vector in calibration.vectors])
    block = np.zeros(pixels, np.uint8)
    if noise is None:
        silent = np.zeros((2, pixels))
        return LineRadiometry(
            gamma_line, gamma, np.array([0.0, 1.0]), silent, np.ones((1, lines)), block, gamma0
        )
    power = np.stack([np.interp(pixel, v.pixel, v.value.astype(float)) for v in noise.range_vectors])
    noise_line = np.array([float(vector.line) for vector in noise.range_vectors])
    azimuth = np.ones((max(1, len(noise.azimuth_vectors)), lines))
    for k, vector in enumerate(noise.azimuth_vectors):
        azimuth[k] = np.interp(np.arange(lines), vector.line, vector.value.astype(float))
        block[vector.first_pixel : vector.last_pixel + 1] = k
    return LineRadiometry(gamma_line, gamma, noise_line, power, azimuth, block, np.ascontiguousarray(gamma0))


@njit(cache=True, nogil=True)
def vector_before(lines: Floats, line: float) -> tuple[int, float]:
    """The last vector not after a line (but never the last of all), and the weight of the one behind it."""
    index = 0
    while index < lines.size - 2 and lines[index + 1] <= line:
        index += 1
    return index, (line - lines[index]) / (lines[index + 1] - lines[index])


def vector_lines(acquisition: Acquisition) -> Ints:
    """Lines of the look-up vectors, about a second apart, first and last line among them."""
    count = math.ceil((acquisition.lines - 1) * acquisition.line_interval / VECTOR_STEP) + 1
    return np.asarray(np.round(np.linspace(0, acquisition.lines - 1, max(2, count))), np.int64)


def node_pixels(pixels: int, starts: tuple[int, ...]) -> Ints:
    """Pixels of the nodes: every 40th, the last, and both sides of every start of a sub-swath."""
    edges = [edge for start in starts for edge in (start - 1, start)]
    return np.unique(np.array([*range(0, pixels, NODE_STEP), pixels - 1, *edges], np.int64))


def as_lut(values: Floats) -> Floats32:
    """Look-up values as float32 after a trip through the text of the annotation."""
    return np.array([f"{value:.6e}" for value in values]).astype(np.float32)


def _span(acquisition: Acquisition) -> tuple[np.datetime64, np.datetime64]:
    first, last = acquisition.line_time(np.array([0, acquisition.lines - 1]))
    return acquisition.utc(float(first)), acquisition.utc(float(last))


def _incidence_of_nodes(acquisition: Acquisition, lines: Ints, pixel: Ints) -> Floats:
    """Incidence angles (lines, pixels) in radians."""
    grid = np.meshgrid(lines.astype(float), pixel.astype(float), indexing="ij")
    return np.radians(acquisition.incidence(*grid))


def _nesz_db(bounds: list[tuple[int, int]], pixel: Ints) -> Floats:
    """Noise equivalent sigma0 in dB of all sub-swaths."""
    level = np.empty(pixel.size)
    for k, (first, last) in enumerate(bounds):
        inside = (pixel >= first) & (pixel <= last)
        level[inside] = nesz_db(k, 2.0 * (pixel[inside] - first) / (last - first) - 1.0)
    return level


def nesz_db(index: int, place: Floats) -> Floats:
    """Noise equivalent sigma0 in dB at places from -1 to 1 across a sub-swath: up by 3.5 dB towards both edges."""
    return np.asarray(NESZ_DB - 0.8 * index + 3.5 * place**2)


def _azimuth_vectors(config: GrdConfig, bounds: list[tuple[int, int]]) -> tuple[NoiseAzimuthVector, ...]:
    line = np.unique(np.array([*range(0, config.lines, 10), config.lines - 1], np.int64))
    vectors = []
    for k, (first, last) in enumerate(bounds):
        phase = (line / SCALLOP_LINES + 0.31 * k) % 1.0
        value = as_lut(1.0 + SCALLOP_DEPTH * (2.0 * phase - 1.0) ** 2)
        swath = config.mode_facts.swaths[k]
        vectors.append(NoiseAzimuthVector(swath, 0, config.lines - 1, first, last, line, value))
    return tuple(vectors)
