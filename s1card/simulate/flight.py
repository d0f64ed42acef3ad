"""A platform on its orbit: where it is at a time, and how its orbits are numbered."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s1card.simulate.orbit import PERIOD, CircularOrbit

# An ascending node crossing per platform with its absolute orbit, and the offset of the relative orbit.
_ANCHORS = {
    "S1A": ("2021-01-19T02:22:31.388113", 36201, 73),
    "S1B": ("2021-12-23T03:33:24", 30147, 27),
    "S1C": ("2026-07-06T04:40:00", 9123, 99),
    "S1D": ("2026-07-06T16:30:00", 3600, 42),
}
DESIGNATORS = {"S1A": "2014-016A", "S1B": "2016-025A", "S1C": "2024-238A", "S1D": "2025-251A"}  # COSPAR
_S1C_CHANGE = 8018  # the last absolute orbit of S1C with the offset 172
CYCLE_ORBITS = 175


@dataclass(frozen=True, eq=False)
class OrbitNumbers:
    """Numbers of an orbit and data take, and UTC of the ascending node that begins the orbit."""

    absolute_orbit: int
    relative_orbit: int
    cycle: int
    datatake_id: int
    node_time: np.datetime64


@dataclass(frozen=True, eq=False)
class Flight:
    """A platform on its orbit; times are seconds from ``epoch``."""

    platform: str
    orbit: CircularOrbit
    epoch: np.datetime64
    numbers: OrbitNumbers

    def utc(self, time: float) -> np.datetime64:
        """UTC time, rounded to microseconds."""
        return utc(self.epoch, time)


def number_orbit(platform: str, orbit: CircularOrbit, epoch: np.datetime64, seed: int) -> OrbitNumbers:
    """Numbers of the orbit on which a platform is at an epoch, counted from a real crossing of the platform."""
    node = np.datetime64(epoch + np.timedelta64(round(orbit.ascending_node_time * 1e6), "us"))
    return orbit_numbers(platform, _absolute_orbit(platform, node), node, seed)


def orbit_numbers(platform: str, absolute: int, node: np.datetime64, seed: int) -> OrbitNumbers:
    """All numbers of an absolute orbit that begins at an ascending node."""
    offset = 172 if platform == "S1C" and absolute <= _S1C_CHANGE else _ANCHORS[platform][2]
    return OrbitNumbers(
        absolute,
        (absolute - offset) % CYCLE_ORBITS + 1,
        max(1, (absolute - offset) // CYCLE_ORBITS + 1),
        absolute * 8 + seed % 8,
        node,
    )


def on_relative_orbit(platform: str, numbers: OrbitNumbers, relative_orbit: int, seed: int) -> OrbitNumbers:
    """The numbers nearest to given ones whose relative orbit is the one wanted.

    The circular orbit of the simulation is not tied to the track that a longitude has in reality, so platforms
    counted apart may disagree on it.
    """
    half = CYCLE_ORBITS // 2
    step = (relative_orbit - numbers.relative_orbit + half) % CYCLE_ORBITS - half
    absolute = numbers.absolute_orbit + step
    while orbit_numbers(platform, absolute, numbers.node_time, seed).relative_orbit != relative_orbit:
        absolute += 1
    return orbit_numbers(platform, absolute, numbers.node_time, seed)


def _absolute_orbit(platform: str, node: np.datetime64) -> int:
    anchor, number, _ = _ANCHORS[platform]
    half = np.timedelta64(round(PERIOD / 2.0 * 1e6), "us")
    return max(1, number + revolutions_since(np.datetime64(anchor, "us"), node + half))


def revolutions_since(anchor: np.datetime64, time: np.datetime64) -> int:
    """Whole revolutions between two times."""
    seconds = float((time - anchor) / np.timedelta64(1, "us")) * 1e-6
    return math.floor(seconds / PERIOD)


def utc(epoch: np.datetime64, time: float) -> np.datetime64:
    """UTC time of seconds from an epoch, rounded to microseconds."""
    return np.datetime64(epoch + np.timedelta64(round(time * 1e6), "us"))


def solar_epoch(day: str, longitude: float, ascending: bool) -> np.datetime64:
    """UTC as given, or 18 h (ascending) and 6 h (descending) of local solar time on a day."""
    if "T" in day:
        return np.datetime64(day, "us")
    hours = ((18.0 if ascending else 6.0) - longitude / 15.0) % 24.0
    return np.datetime64(np.datetime64(day, "us") + np.timedelta64(round(hours * 3.6e9), "us"))
