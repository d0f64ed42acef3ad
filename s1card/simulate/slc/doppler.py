"""Azimuth FM rates and Doppler centroids as annotated: lists that begin before the first burst."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Polynomial

from s1card.scene.records import Floats, RangePolynomial
from s1card.simulate.flight import Flight
from s1card.simulate.image_facts import SAMPLING_RATE, DopplerEstimate
from s1card.simulate.slc.beams import BURST_CYCLE, LINE_INTERVAL, WAVELENGTH
from s1card.simulate.slc.view import SlantView

# Spread (standard deviation) of the coefficients of Doppler centroids: what all entries have in common, what
# differs from entry to entry, what differs from date to date. Hz, Hz/s, Hz/s**2.
_COMMON = np.array([15.0, 1.0e4, 1.0e7])
_ENTRY = np.array([6.0, 4.0e3, 4.0e6])
_DATE = np.array([1.0, 1.0e3, 1.0e6])
_FM_RATE_LATE = 0.0157  # seconds by which an FM rate is annotated after the middle of its burst
_DOPPLER_ORIGIN = 3.7e-6  # seconds from the near edge of the scene to the origin of Doppler polynomials


def fm_rates(
    flight: Flight, view: SlantView, near_time: float, middles: list[float]
) -> list[RangePolynomial]:
    """FM rates (Hz/s) at the middles (s) of bursts and one cycle before and behind them.

    The rate is that of the true orbit over the reference height, -2 / wavelength times the second derivative of
    the range, fitted by a parabola.
    """
    times = [middles[0] - BURST_CYCLE, *middles, middles[-1] + BURST_CYCLE]
    pixel = np.linspace(0.0, view.pixels - 1.0, 9)
    rates = []
    for time in times:
        line = np.full(pixel.shape, (time - view.first_time) / LINE_INTERVAL)
        points = view.ground(line, pixel, view.reference_height)
        sight = view.orbit.position(time) - points
        velocity, acceleration = view.orbit.velocity(time), view.orbit.acceleration(time)
        bend = (velocity @ velocity + sight @ acceleration) / np.linalg.norm(sight, axis=-1)
        fit = Polynomial.fit(pixel / SAMPLING_RATE, -2.0 / WAVELENGTH * bend, 2).convert()
        coefficients = as_written(np.real(fit.coef), ".15e")
        rates.append(RangePolynomial(flight.utc(time + _FM_RATE_LATE), near_time, coefficients))
    return rates


def doppler_estimates(
    flight: Flight, near_time: float, middles: list[float], first: int, seeds: tuple[int, int]
) -> list[DopplerEstimate]:
    """Doppler centroids (Hz) at times (s) of bursts and one cycle before and behind them.

    They are the same for all sub-swaths. Entries that follow one another differ by some 10 Hz, dates by some 2 Hz.

    Args:
        near_time: Two-way slant range time of the near edge of the scene, seconds.
        first: Index of the first burst in the data take.
        seeds: Of the scene, and of the date.
    """
    origin = float(f"{near_time + _DOPPLER_ORIGIN:.15e}")
    times = [middles[0] - BURST_CYCLE, *middles, middles[-1] + BURST_CYCLE]
    estimates = []
    for k, time in enumerate(times):
        coefficients = _coefficients(first + k, seeds)
        data, geometry = as_written(coefficients, ".6e"), as_written(0.1 * coefficients, ".6e")
        utc = flight.utc(time)
        start, stop = flight.utc(time - 0.5 * BURST_CYCLE), flight.utc(time + 0.5 * BURST_CYCLE)
        estimates.append(
            DopplerEstimate(
                RangePolynomial(utc, origin, data), RangePolynomial(utc, origin, geometry), start, stop
            )
        )
    return estimates


def nearest(polynomials: list[RangePolynomial], time: np.datetime64) -> RangePolynomial:
    """The polynomial nearest to a UTC time."""
    return min(polynomials, key=lambda polynomial: abs(polynomial.azimuth_time - time))


def as_written(values: Floats, form: str) -> Floats:
    """Numbers after a trip through the text of the annotation."""
    return np.array([float(format(value, form)) for value in values])


def _coefficients(entry: int, seeds: tuple[int, int]) -> Floats:
    scene, date = seeds
    normal = [
        np.random.default_rng(key).standard_normal(3)
        for key in ([scene, 505], [scene, 506, entry], [scene, 507, entry, date])
    ]
    return np.asarray(normal[0] * _COMMON + normal[1] * _ENTRY + normal[2] * _DATE)
