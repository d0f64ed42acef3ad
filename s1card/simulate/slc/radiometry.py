"""Calibration and thermal noise of a TOPS image as annotated; lines count in the stack of its bursts."""

from __future__ import annotations

import math

import numpy as np

from s1card.scene.records import Calibration, Floats, Ints, Noise, NoiseAzimuthVector, NoiseRangeVector
from s1card.simulate.flight import Flight
from s1card.simulate.radiometry import (
    VECTOR_STEP,
    as_lut,
    calibration_vector,
    channel_noise,
    nesz_db,
    node_pixels,
)
from s1card.simulate.slc.beams import BURST_CYCLE, LINE_INTERVAL
from s1card.simulate.slc.passes import TopsImage

BETA_CONSTANT = 237.0
SCALLOP_DEPTH = 0.17
_DRIFT = 0.004  # of the noise from burst to burst
_LINES_BEFORE_FROM = (2, 43)  # version from which vectors may lie before the first line
AZIMUTH_STEP = 10  # lines between values of the azimuth noise


def make_calibration(flight: Flight, image: TopsImage, start: float, stop: float) -> Calibration:
    """Look-up vectors of a constant beta0, every second from before the first line to behind the last.

    Args:
        start, stop: Times of the first and last line of all images of the product, seconds.
    """
    pixel = node_pixels(image.pixels, ())
    vectors = []
    for time in start + VECTOR_STEP * np.arange(math.ceil((stop - start) / VECTOR_STEP) + 2):
        theta = np.radians(_incidence(image, float(time), pixel))
        line = _stacked_line(image, float(time))
        vectors.append(calibration_vector(flight.utc(float(time)), line, pixel, BETA_CONSTANT, theta))
    return Calibration(flight.utc(image.first_time), flight.utc(image.last_time), 1.0, tuple(vectors))


def make_noise(flight: Flight, image: TopsImage, polarization: str, ipf_version: tuple[int, int]) -> Noise:
    """A valley across the sub-swath, a vector at the beginning of every burst and at the last line.

    The first vector belongs to the burst before the first (but not in the oldest products). Before IPF 2.90 the
    scallops of the bursts are not annotated, and there are none.
    """
    pixel = node_pixels(image.pixels, ())
    place = np.asarray(2.0 * pixel / (image.pixels - 1.0) - 1.0, np.float64)
    level = 10.0 ** (nesz_db(image.beam.index - 1, place) / 10.0) * channel_noise(polarization)
    count = len(image.bursts)
    first = 0 if ipf_version < _LINES_BEFORE_FROM else -1
    places = [(_burst_time(image, k), k * image.beam.lines) for k in range(first, count)]
    vectors = []
    for time, line in (*places, (image.last_time, image.lines - 1)):
        sigma = BETA_CONSTANT**2 / np.sin(np.radians(_incidence(image, time, pixel)))
        value = as_lut(sigma * level * (1.0 + _DRIFT * line / image.beam.lines))
        vectors.append(NoiseRangeVector(flight.utc(time), line, pixel, value))
    azimuth = (_azimuth_vector(image),) if ipf_version >= (2, 90) else ()
    return Noise(flight.utc(image.first_time), flight.utc(image.last_time), tuple(vectors), azimuth)


def _azimuth_vector(image: TopsImage) -> NoiseAzimuthVector:
    line = np.unique(np.array([*range(0, image.lines, AZIMUTH_STEP), image.lines - 1], np.int64))
    place = 2.0 * (line % image.beam.lines) / (image.beam.lines - 1.0) - 1.0
    value = as_lut(np.asarray(1.0 + SCALLOP_DEPTH * place**2, np.float64))
    return NoiseAzimuthVector(image.swath, 0, image.lines - 1, 0, image.pixels - 1, line, value)


def _incidence(image: TopsImage, time: float, pixel: Ints) -> Floats:
    """Incidence angles (degrees) of pixels at a time, on the reference height."""
    view = image.bursts[0].view
    line = np.full(pixel.shape, (time - view.first_time) / LINE_INTERVAL)
    return view.incidence(line, pixel.astype(float))


def _burst_time(image: TopsImage, place: int) -> float:
    """Time of the first line of a burst; bursts go on before the first and behind the last."""
    last = len(image.bursts) - 1
    inside = min(max(place, 0), last)
    return image.bursts[inside].view.first_time + (place - inside) * BURST_CYCLE


def _stacked_line(image: TopsImage, time: float) -> int:
    """Line of a time in the burst that began last, as ESA counts: also in bursts that are not in the image."""
    place = math.ceil((time - image.first_time) / BURST_CYCLE) + 1
    while _burst_time(image, place) > time:
        place -= 1
    return place * image.beam.lines + math.floor((time - _burst_time(image, place)) / LINE_INTERVAL)
