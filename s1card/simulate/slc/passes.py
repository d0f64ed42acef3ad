"""The passes of a pair: when every burst was taken, where it lies in range, what its spectrum is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from s1card.scene.records import SPEED_OF_LIGHT, Ints, RangePolynomial
from s1card.simulate.flight import Flight
from s1card.simulate.image_facts import SAMPLING_RATE, DopplerEstimate
from s1card.simulate.orbit import PERIOD
from s1card.simulate.slc.beams import BURST_CYCLE, LINE_INTERVAL, PREAMBLE, RANGE_SPACING, TopsBeam
from s1card.simulate.slc.carrier import Carrier, make_carrier, steering_doppler_rate
from s1card.simulate.slc.config import SlcPairConfig
from s1card.simulate.slc.doppler import doppler_estimates, fm_rates, nearest
from s1card.simulate.slc.flights import (
    flight_of_other_track,
    reference_flight,
    scene_centre,
    secondary_flight,
)
from s1card.simulate.slc.layout import Extent, Layout, make_layout
from s1card.simulate.slc.view import SlantView

_CYCLE_MIDDLE = 0.493  # place in the cycle of the antenna of the middle of the second sub-swath


@dataclass(frozen=True, eq=False)
class Burst:
    """One burst of a date.

    Attributes:
        index: In the data take, counted from 0: burst k of the reference sees the ground of burst k of the secondary.
        view: Its geometry; the time of line 0 is a whole number of microseconds, as annotated.
        sensing_time: Of the first pulse, seconds from the epoch.
        first_sample, last_sample: First and last valid pixel of every line; -1 where there is none.
        burst_id, absolute_id: ESA's numbers of the burst on its track and since launch.
    """

    index: int
    view: SlantView
    sensing_time: float
    first_sample: Ints
    last_sample: Ints
    burst_id: int
    absolute_id: int

    @property
    def middle_time(self) -> float:
        """Zero-Doppler time of the middle, seconds from the epoch."""
        return self.view.first_time + 0.5 * self.view.lines * LINE_INTERVAL

    def sees(self, line: float, pixel: float) -> bool:
        """Whether a place in the burst is among its valid samples."""
        row = round(line)
        if not 0 <= row < self.view.lines or self.first_sample[row] < 0:
            return False
        return bool(self.first_sample[row] <= pixel <= self.last_sample[row])


@dataclass(frozen=True, eq=False)
class TopsImage:
    """One sub-swath of a product: its bursts, stacked without gaps.

    Attributes:
        beam: The sub-swath.
        near_time: Two-way slant range time of pixel 0, seconds.
        bursts: In order of time.
        fm_rates, dopplers: As annotated: one entry before the first burst, one behind the last.
        carriers: One per burst, by the entries nearest to its middle.
    """

    beam: TopsBeam
    near_time: float
    bursts: tuple[Burst, ...]
    fm_rates: list[RangePolynomial]
    dopplers: list[DopplerEstimate]
    carriers: tuple[Carrier, ...]

    @property
    def swath(self) -> str:
        """For example ``IW1``."""
        return self.beam.beam.swath

    @property
    def lines(self) -> int:
        """Lines of the stacked raster."""
        return len(self.bursts) * self.beam.lines

    @property
    def pixels(self) -> int:
        """Pixels of a line."""
        return self.bursts[0].view.pixels

    @property
    def first_time(self) -> float:
        """Time of the first line, seconds from the epoch."""
        return self.bursts[0].view.first_time

    @property
    def last_time(self) -> float:
        """Time of the last line, seconds from the epoch."""
        return float(self.bursts[-1].view.line_time(self.beam.lines - 1))


@dataclass(frozen=True, eq=False)
class StackedBurst:
    """A burst in the image that holds it, at a place counted from 0."""

    image: TopsImage
    place: int

    @property
    def burst(self) -> Burst:
        """The burst."""
        return self.image.bursts[self.place]

    @property
    def view(self) -> SlantView:
        """Its geometry."""
        return self.burst.view

    @property
    def carrier(self) -> Carrier:
        """Its carrier."""
        return self.image.carriers[self.place]

    @property
    def first_line(self) -> int:
        """Its first line in the stacked image."""
        return self.place * self.image.beam.lines


@dataclass(frozen=True, eq=False)
class Pass:
    """One date: the flight, and per product (slice) the sub-swaths."""

    flight: Flight
    slices: tuple[tuple[TopsImage, ...], ...]

    @property
    def first_time(self) -> float:
        """Time of the first line of all images, seconds from the epoch."""
        return min(image.first_time for images in self.slices for image in images)

    @property
    def swaths(self) -> tuple[str, ...]:
        """Sub-swaths, near to far."""
        return tuple(image.swath for image in self.slices[0])

    @property
    def bursts(self) -> list[tuple[str, int]]:
        """All bursts: sub-swath and index in the data take."""
        return [
            (swath, burst.index)
            for swath in self.swaths
            for image in self.images(swath)
            for burst in image.bursts
        ]

    def images(self, swath: str) -> list[TopsImage]:
        """The images of a sub-swath, by slice."""
        return [image for images in self.slices for image in images if image.swath == swath]

    def burst(self, swath: str, index: int) -> StackedBurst:
        """A burst of the data take in the image that holds it."""
        for image in self.images(swath):
            first = image.bursts[0].index
            if first <= index < first + len(image.bursts):
                return StackedBurst(image, index - first)
        raise KeyError((swath, index))


@dataclass(frozen=True, eq=False)
class BurstPair:
    """A burst of the reference, and the burst of the secondary that sees the same ground."""

    reference: StackedBurst
    secondary: StackedBurst


@dataclass(frozen=True, eq=False)
class PairPlan:
    """Both passes of a pair."""

    config: SlcPairConfig
    reference: Pass
    secondary: Pass

    def burst_pair(self, swath: str, index: int) -> BurstPair:
        """A burst of the data take in both dates."""
        return BurstPair(self.reference.burst(swath, index), self.secondary.burst(swath, index))


@dataclass(frozen=True)
class _Timing:
    """When the bursts of a pass begin: times (s) by sub-swath; and near edge of the range grid, two-way seconds."""

    starts: dict[str, list[float]]
    near_time: float
    is_secondary: bool


def plan_pair(config: SlcPairConfig) -> PairPlan:
    """The passes of a configuration.

    Raises:
        UsageError: No orbit sees the wanted place, or has the wanted baseline.
    """
    layout = make_layout(config)
    flight = reference_flight(config, layout.centre_time)
    timing = _Timing(
        _burst_starts(config, layout, flight), _near_time(config, layout, flight), is_secondary=False
    )
    reference = _make_pass(config, layout, flight, timing)
    if config.fault == "other-track":
        other = flight_of_other_track(config, flight, layout.centre_time)
        moved = _burst_starts(config, layout, other)
        timing = _Timing(moved, _near_time(config, layout, other), is_secondary=True)
    else:
        other = secondary_flight(config, flight)
        gate = timing.near_time + config.range_shift / SAMPLING_RATE
        timing = _Timing(_moved_starts(config, timing.starts), gate, is_secondary=True)
    return PairPlan(config, reference, _make_pass(config, layout, other, timing))


def _near_time(config: SlcPairConfig, layout: Layout, flight: Flight) -> float:
    """Two-way slant range time of the first sample of the range grid: the scene centre is in its middle."""
    distance = float(np.linalg.norm(scene_centre(config) - flight.orbit.position(0.0)))
    return 2.0 * distance / SPEED_OF_LIGHT - layout.middle / SAMPLING_RATE


def _moved_starts(config: SlcPairConfig, starts: dict[str, list[float]]) -> dict[str, list[float]]:
    """Times at which the bursts of the secondary begin, so many lines earlier; or behind those of the reference."""
    late = (config.bursts + 2) * BURST_CYCLE if config.fault == "no-overlap" else 0.0
    move = late - config.missync * LINE_INTERVAL
    return {swath: [round(time + move, 6) for time in times] for swath, times in starts.items()}


def _cycles(flight: Flight, time: float) -> float:
    """Cycles of the antenna since burst 1 of the track, at a time in seconds from the epoch.

    The antenna runs through the sub-swaths in cycles that start anew with the repeat cycle of the orbit (ESA,
    DI-MPC-IPFDPM, eq. 9-89).
    """
    return (_since_node(flight, time) + (flight.numbers.relative_orbit - 1) * PERIOD - PREAMBLE) / BURST_CYCLE


def _since_node(flight: Flight, time: float) -> float:
    return time - float((flight.numbers.node_time - flight.epoch) / np.timedelta64(1, "us")) * 1e-6


def _burst_starts(config: SlcPairConfig, layout: Layout, flight: Flight) -> dict[str, list[float]]:
    """Times of the first lines, on one grid of lines and on the beat of the antenna, rounded to microseconds.

    The middle of the scene is that of the second sub-swath, as near to time 0 as the beat allows.
    """
    now = _cycles(flight, 0.0)
    first = round(now - 0.5 * (config.bursts - 1) - _CYCLE_MIDDLE)
    starts = {
        swath: [
            (first + k + layout.extents[swath].beam.cycle_place - now) * BURST_CYCLE
            - 0.5 * layout.extents[swath].beam.lines * LINE_INTERVAL
            for k in range(config.bursts)
        ]
        for swath in config.swaths
    }
    origin = round(min(times[0] for times in starts.values()), 6)
    return {
        swath: [round(origin + round((time - origin) / LINE_INTERVAL) * LINE_INTERVAL, 6) for time in times]
        for swath, times in starts.items()
    }


def _make_pass(config: SlcPairConfig, layout: Layout, flight: Flight, timing: _Timing) -> Pass:
    """The slices of a date; the dates are cut at different bursts where their number is odd."""
    half = config.bursts / config.slices
    cut = math.floor(half) if timing.is_secondary else math.ceil(half)
    cuts = [0, config.bursts] if config.slices == 1 else [0, cut, config.bursts]
    swaths = config.secondary_swaths if timing.is_secondary else config.reference_swaths
    return Pass(
        flight,
        tuple(
            tuple(
                _make_image(config, layout.extents[swath], flight, timing, range(first, last))
                for swath in swaths
            )
            for first, last in pairwise(cuts)
        ),
    )


def _make_image(
    config: SlcPairConfig, extent: Extent, flight: Flight, timing: _Timing, indices: range
) -> TopsImage:
    near_time = float(f"{timing.near_time + extent.start / SAMPLING_RATE:.15e}")
    starts = timing.starts[extent.beam.beam.swath]
    bursts = tuple(_make_burst(config, extent, flight, near_time, k, starts[k]) for k in indices)
    rates = fm_rates(flight, bursts[0].view, near_time, [burst.middle_time for burst in bursts])
    dopplers = _dopplers(config, flight, timing, bursts, extent.beam)
    speed = np.linalg.norm(flight.orbit.velocity(0.5 * (bursts[0].view.first_time + _end(bursts[-1]))))
    steering = steering_doppler_rate(float(speed), extent.beam.steering_rate)
    first_valid = max(int(burst.first_sample.max()) for burst in bursts)
    shape = near_time, extent.pixels, extent.beam.lines, first_valid, steering
    carriers = tuple(
        make_carrier(
            *shape,
            nearest(rates, flight.utc(burst.middle_time)),
            nearest([estimate.data for estimate in dopplers], flight.utc(burst.middle_time)),
        )
        for burst in bursts
    )
    return TopsImage(extent.beam, near_time, bursts, rates, dopplers, carriers)


def _dopplers(
    config: SlcPairConfig, flight: Flight, timing: _Timing, bursts: tuple[Burst, ...], beam: TopsBeam
) -> list[DopplerEstimate]:
    """Estimates at the times at which the antenna is in the middle of its cycle."""
    lead = (_CYCLE_MIDDLE - beam.cycle_place) * BURST_CYCLE
    middles = [burst.middle_time + lead for burst in bursts]
    seeds = config.seed, int(timing.is_secondary)
    return doppler_estimates(flight, timing.near_time, middles, bursts[0].index, seeds)


def _end(burst: Burst) -> float:
    return float(burst.view.line_time(burst.view.lines - 1))


def _make_burst(
    config: SlcPairConfig, extent: Extent, flight: Flight, near_time: float, index: int, start: float
) -> Burst:
    beam = extent.beam
    view = SlantView(
        flight.orbit,
        flight.epoch,
        start,
        LINE_INTERVAL,
        near_time * SPEED_OF_LIGHT / 2.0,
        RANGE_SPACING,
        beam.lines,
        extent.pixels,
        config.mean_height,
        scene_centre(config),
    )
    middle = start + 0.5 * beam.lines * LINE_INTERVAL
    passed = (flight.numbers.absolute_orbit - flight.numbers.relative_orbit) * PERIOD / BURST_CYCLE
    burst_id = 1 + math.floor(_cycles(flight, middle))
    first, last = _valid_samples(extent, index)
    return Burst(
        index,
        view,
        middle - beam.sensing_lead,
        first,
        last,
        burst_id,
        burst_id + math.floor(passed),
    )


def _valid_samples(extent: Extent, index: int) -> tuple[Ints, Ints]:
    """First and last valid pixel of every line; a few lines and pixels differ from burst to burst, as in reality.

    In every second burst the range gate is reset after two thirds of the lines.
    """
    beam = extent.beam
    vary = (index * 7 + beam.index) % 4
    line = np.arange(beam.lines)
    is_valid = (line >= beam.first_line + vary % 3) & (line <= beam.last_line - (vary + index) % 3)
    late = (line > beam.lines * 2 // 3) & (index % 2 == 1)
    first = extent.first_pixel - vary - 2 * late
    last = extent.last_pixel - vary - 2 * late
    return np.where(is_valid, first, -1), np.where(is_valid, last, -1)
