"""The sub-swaths of interferometric wide swath: constants as real products state them (IPF 3.61, 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from s1card.scene.records import SPEED_OF_LIGHT
from s1card.simulate.image_facts import RADAR_FREQUENCY, SAMPLING_RATE, Beam, Filter

LINE_INTERVAL = 2.055556299999998e-03
RANGE_SPACING = SPEED_OF_LIGHT / 2.0 / SAMPLING_RATE
WAVELENGTH = SPEED_OF_LIGHT / RADAR_FREQUENCY
BURST_CYCLE = 2.758273
"""Seconds in which the antenna runs through all sub-swaths once."""
PREAMBLE = 2.299849
"""Seconds from the ascending node of relative orbit 1 to the beginning of burst 1 (ESA, DI-MPC-IPFDPM, table 9-7)."""


@dataclass(frozen=True)
class TopsBeam:
    """A sub-swath of a TOPS acquisition at full width.

    Attributes:
        beam: What the annotation says of instrument and processor.
        index: 1 .. 3.
        steering_rate: Of the antenna in azimuth, degrees per second.
        lines, pixels: Size of a burst.
        start_time: Two-way slant range time of pixel 0, seconds.
        first_line, last_line: First and last valid line of a burst.
        first_pixel, last_pixel: First and last valid pixel.
        cycle_place: Where in the cycle of the antenna the middle of a burst lies, 0 .. 1.
        sensing_lead: Seconds from the first pulse of a burst to its zero-Doppler middle.
    """

    beam: Beam
    index: int
    steering_rate: float
    lines: int
    pixels: int
    start_time: float
    first_line: int
    last_line: int
    first_pixel: int
    last_pixel: int
    cycle_place: float
    sensing_lead: float


def _beam(number: int, index: int, prf: float, rank: int, across: Filter, along: tuple[float, float]) -> Beam:
    bandwidth, coefficient = along
    return Beam(f"IW{index}", number, prf, rank, across, Filter(coefficient, bandwidth, bandwidth, bandwidth))


BEAMS = {
    "IW1": TopsBeam(
        _beam(10, 1, 1.717128973878037e03, 9, Filter(0.75, 5.650445548389234e07, 5.65e07, 5.65e07), (327.0, 0.7)),
        1, 1.590368784, 1507, 23055, 5.334431164884956e-03, 21, 1487, 239, 20703, 0.147, 0.4004,
    ),
    "IW2": TopsBeam(
        _beam(11, 2, 1.451627112193990e03, 8, Filter(0.75, 4.831229516834000e07, 4.83e07, 4.83e07), (313.0, 0.75)),
        2, 0.979863325, 1519, 26818, 5.644353088882477e-03, 26, 1493, 221, 24674, 0.493, 0.5260,
    ),
    "IW3": TopsBeam(
        _beam(12, 3, 1.685817302492702e03, 10, Filter(0.75, *(4.278991840322842e07,) * 3), (314.0, 0.75)),
        3, 1.397440818, 1524, 25769, 6.015320711278467e-03, 30, 1496, 197, 23882, 0.840, 0.4067,
    ),
}  # fmt: skip
