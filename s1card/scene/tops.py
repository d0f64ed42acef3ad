"""The TOPS part of an SLC annotation: bursts, Doppler centroids, azimuth FM rates, processed spectrum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s1card.scene.records import Burst, RangePolynomial, Spectrum, Tops
from s1card.scene.xml import Node

_ORBITS_PER_REPEAT_CYCLE = 175
REVOLUTION = 12 * 86_400.0 / _ORBITS_PER_REPEAT_CYCLE
"""Nominal time of one revolution, s."""


@dataclass(frozen=True)
class BeamCycle:
    """How the antenna runs through the sub-swaths.

    Attributes:
        preamble: Time before the first cycle, s.
        duration: Of one cycle, which makes one burst of every sub-swath, s.
    """

    preamble: float
    duration: float


BEAM_CYCLES = {"IW": BeamCycle(2.299849, 2.758273), "EW": BeamCycle(2.299970, 3.038376)}
"""By mode (ESA, "Sentinel-1 Level 1 Detailed Algorithm Definition", DI-MPC-IPFDPM, table 9-7)."""

_PROCESSING = "imageAnnotation/processingInformation"


def parse_tops(root: Node, mode: str, relative_orbit: int) -> Tops | None:
    """The TOPS part of an annotation; None where it has no bursts (GRD, stripmap).

    Args:
        root: Root element (``product``).
        mode: ``IW`` or ``EW``.
        relative_orbit: Of the scene, from which the ids of bursts are computed that bear none (IPF before 3.40).

    Raises:
        SceneError: Bursts are out of order or incomplete, or Doppler centroids or FM rates are missing.
    """
    timing = root.find("swathTiming")
    nodes = [] if timing is None else timing.children("burstList/burst")
    if timing is None or not nodes or mode not in BEAM_CYCLES:
        return None
    lines, samples = timing.integer("linesPerBurst"), timing.integer("samplesPerBurst")
    half = 0.5 * lines * root.number("imageAnnotation/imageInformation/azimuthTimeInterval")
    bursts = tuple(_burst(node, lines, mode, relative_orbit, half) for node in nodes)
    if any(burst.last_valid_sample.max() >= samples for burst in bursts):
        raise timing.error(f"valid samples beyond a burst of {samples} samples")
    if (np.diff([burst.azimuth_time for burst in bursts]) <= np.timedelta64(0, "us")).any():
        raise timing.error("the bursts are not in order of time")
    parameters = root.child(f"{_PROCESSING}/swathProcParamsList/swathProcParams")
    downlink = root.child("generalAnnotation/downlinkInformationList/downlinkInformation")
    return Tops(
        lines_per_burst=lines,
        samples_per_burst=samples,
        bursts=bursts,
        steering_rate=math.radians(root.number("generalAnnotation/productInformation/azimuthSteeringRate")),
        fm_rates=_fm_rates(root),
        doppler_centroids=_doppler_centroids(root),
        prf=downlink.number("prf"),
        rank=downlink.integer("downlinkValues/rank"),
        range_spectrum=_spectrum(parameters.child("rangeProcessing")),
        azimuth_spectrum=_spectrum(parameters.child("azimuthProcessing")),
    )


def relative_burst_id(mode: str, relative_orbit: int, time_since_node: float) -> int:
    """ESA's relative burst id: the same at every pass and in all sub-swaths.

    The antenna runs through the sub-swaths in cycles that start anew with the repeat cycle of the orbit (ESA,
    DI-MPC-IPFDPM, eq. 9-89 and 9-91). Annotated ids lie 0.13 to 0.86 of a cycle from the next number by this rule.

    Args:
        mode: ``IW`` or ``EW``.
        relative_orbit: 1 .. 175.
        time_since_node: Zero-Doppler time of the middle of the burst since the ascending node, s. It may be more than
            a revolution: where a datatake crosses the node, ESA's times go on from the former one.
    """
    cycle = BEAM_CYCLES[mode]
    elapsed = time_since_node + (relative_orbit - 1) * REVOLUTION
    elapsed %= _ORBITS_PER_REPEAT_CYCLE * REVOLUTION
    return 1 + math.floor((elapsed - cycle.preamble) / cycle.duration)


def _burst(node: Node, lines: int, mode: str, relative_orbit: int, half: float) -> Burst:
    """One burst; ``half`` is half of its duration in s."""
    first, last = (node.array(name, np.int64) for name in ("firstValidSample", "lastValidSample"))
    if first.size != lines or last.size != lines:
        raise node.error(f"valid samples of {first.size} and {last.size} lines in a burst of {lines}")
    if ((first < 0) != (last < 0)).any() or (last < first).any():
        raise node.error("first and last valid samples of a burst contradict each other")
    if (first < 0).all():
        raise node.error("a burst has no valid sample")
    anx_time = node.number("azimuthAnxTime")
    annotated = node.optional_integer("burstId")
    return Burst(
        azimuth_time=node.time("azimuthTime"),
        sensing_time=node.time("sensingTime"),
        anx_time=anx_time,
        byte_offset=node.integer("byteOffset"),
        first_valid_sample=first,
        last_valid_sample=last,
        burst_id=relative_burst_id(mode, relative_orbit, anx_time + half) if annotated is None else annotated,
    )


def _fm_rates(root: Node) -> tuple[RangePolynomial, ...]:
    """FM rates by time; the first processors wrote three elements instead of a list of coefficients."""
    rates = root.child("generalAnnotation/azimuthFmRateList")

    def coefficients(node: Node) -> tuple[float, ...]:
        if node.find("azimuthFmRatePolynomial") is None:
            return tuple(node.number(name) for name in ("c0", "c1", "c2"))
        return tuple(node.array("azimuthFmRatePolynomial", np.float64))

    return _in_order(
        rates, [_polynomial(node, coefficients(node)) for node in rates.children("azimuthFmRate")]
    )


def _doppler_centroids(root: Node) -> tuple[RangePolynomial, ...]:
    """Doppler centroids by time, estimated from the data where the processor used that, else from the geometry."""
    estimates = root.child("dopplerCentroid/dcEstimateList")
    is_from_data = "Data Analysis" in root.text(f"{_PROCESSING}/dcMethod")
    name = "dataDcPolynomial" if is_from_data else "geometryDcPolynomial"
    nodes = estimates.children("dcEstimate")
    return _in_order(estimates, [_polynomial(node, tuple(node.array(name, np.float64))) for node in nodes])


def _polynomial(node: Node, coefficients: tuple[float, ...]) -> RangePolynomial:
    return RangePolynomial(node.time("azimuthTime"), node.number("t0"), np.array(coefficients, np.float64))


def _in_order(parent: Node, polynomials: list[RangePolynomial]) -> tuple[RangePolynomial, ...]:
    if not polynomials:
        raise parent.error("the list is empty")
    return tuple(sorted(polynomials, key=lambda polynomial: polynomial.azimuth_time))


def _spectrum(node: Node) -> Spectrum:
    return Spectrum(node.number("processingBandwidth"), node.number("windowCoefficient"))
