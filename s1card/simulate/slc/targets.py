"""Point targets of a pair: where they stand, where each burst of each date has them, and their response."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from s1card.scene.records import Floats
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef
from s1card.simulate.fields import SQUARE, FieldMap
from s1card.simulate.ground import meet_terrain
from s1card.simulate.radiometry import LineRadiometry, vector_before
from s1card.simulate.slc.beams import LINE_INTERVAL, WAVELENGTH
from s1card.simulate.slc.carrier import Carrier, carrier_cycles
from s1card.simulate.slc.passes import Burst, PairPlan, Pass, StackedBurst
from s1card.simulate.slc.spectrum import Band, response_at
from s1card.simulate.terrain import Heights

Complex = NDArray[np.complex64]

PEAK_DB = 54.0  # above clutter and noise
REACH = 64  # lines and pixels to which a response extends, fading out over the outer third
EDGE = 40  # lines and pixels kept free inside the valid samples
NEAR = 200.0  # metres around a target that are to be dark


@dataclass(frozen=True, eq=False)
class Places:
    """Places of n point targets on the terrain: degrees, metres above the ellipsoid, earth-fixed points (n, 3)."""

    longitude: Floats
    latitude: Floats
    height: Floats
    points: Floats

    @property
    def names(self) -> list[str]:
        """``T001`` and so on."""
        return [f"T{k + 1:03d}" for k in range(self.longitude.size)]


@dataclass(frozen=True)
class Sighting:
    """A target in one burst of one date.

    Attributes:
        target: Index of the target.
        swath, burst: Where it is seen; bursts count from 0 in the data take.
        line, pixel: Exact place in the burst.
        azimuth_time: Zero-Doppler time, seconds from the epoch.
        slant_range: Metres.
        phase: Of the peak in the image, -4 pi slant_range / wavelength, between -pi and pi.
        amplitudes: Of the peak, one per polarization, digital numbers.
    """

    target: int
    swath: str
    burst: int
    line: float
    pixel: float
    azimuth_time: float
    slant_range: float
    phase: float
    amplitudes: tuple[float, ...] = ()


def place_targets(plan: PairPlan, fields: FieldMap, heights: Heights) -> Places:
    """Put targets into every burst of the reference and every overlap of bursts, and make the fields there dark."""
    random = np.random.default_rng([plan.config.seed, 404])
    points, height = [], []
    for swath in plan.reference.swaths:
        bursts = [burst for image in plan.reference.images(swath) for burst in image.bursts]
        for burst, line, pixel in _wanted(bursts, plan.config.targets, random):
            point, above = meet_terrain(
                burst.view, heights, np.array([line]), np.array([pixel]), plan.config.mean_height
            )
            points.append(point[0])
            height.append(above[0])
    found = np.array(points).reshape(-1, 3)
    longitude, latitude, _ = ecef_to_geodetic(found)
    longitude = heights.left + (longitude - heights.left) % 360.0
    _darken(fields, longitude, latitude)
    above = np.array(height, np.float64)
    return Places(longitude, latitude, above, geodetic_to_ecef(longitude, latitude, above))


def _wanted(bursts: list[Burst], count: int, random: np.random.Generator) -> list[tuple[Burst, float, float]]:
    """Bursts, lines and pixels at which targets are wanted: ``count`` in a burst, one where it overlaps the next."""
    wanted = []
    for k, burst in enumerate(bursts if count else []):
        valid = np.flatnonzero(burst.first_sample >= 0)
        left, right = int(burst.first_sample.max()) + EDGE, int(burst.last_sample[valid].min()) - EDGE
        for part in range(count):
            share = (part + random.uniform(0.3, 0.7)) / count
            wanted.append(
                (burst, random.uniform(valid[0] + 300, valid[-1] - 300), left + share * (right - left))
            )
        if k + 1 < len(bursts):
            first = (bursts[k + 1].view.first_time - burst.view.first_time) / LINE_INTERVAL
            line = 0.5 * (first + float(np.argmax(bursts[k + 1].first_sample >= 0)) + valid[-1])
            wanted.append((burst, line + random.uniform(-10.0, 10.0), random.uniform(left, right)))
    return wanted


def _darken(fields: FieldMap, longitude: Floats, latitude: Floats) -> None:
    """Make dark the squares of the field lattice in which targets stand, or near which."""
    lattice = fields.lattice
    x, y = fields.frame.to_map(longitude, latitude)
    u = (x * lattice.cosine + y * lattice.sine) / SQUARE - lattice.first_i
    v = (-x * lattice.sine + y * lattice.cosine) / SQUARE - lattice.first_j
    for du in (-NEAR, 0.0, NEAR):
        for dv in (-NEAR, 0.0, NEAR):
            i = np.floor(u + du / SQUARE).astype(np.int64)
            j = np.floor(v + dv / SQUARE).astype(np.int64)
            fields.reserve(np.asarray(i * lattice.parts.shape[1] + j, np.int64))


def sightings(passed: Pass, places: Places) -> list[Sighting]:
    """All targets in all bursts of a date whose valid samples have them."""
    found = []
    for images in passed.slices:
        for image in images:
            for burst in image.bursts:
                found += _in_burst(image.swath, burst, places)
    return found


def _in_burst(swath: str, burst: Burst, places: Places) -> list[Sighting]:
    if not places.height.size:
        return []
    time, distance = burst.view.look(places.points)
    line, pixel = burst.view.place_of(time, distance)
    phase = np.angle(np.exp(-2j * math.pi * (2.0 * distance / WAVELENGTH % 1.0)))
    return [
        Sighting(
            k,
            swath,
            burst.index,
            float(line[k]),
            float(pixel[k]),
            float(time[k]),
            float(distance[k]),
            float(phase[k]),
        )
        for k in range(places.height.size)
        if burst.sees(line[k], pixel[k])
    ]


def with_amplitudes(
    sighting: Sighting, seen: StackedBurst, radiometry: tuple[LineRadiometry, ...]
) -> Sighting:
    """The sighting with peaks 54 dB above the power of dark ground and noise at its place."""
    line = round(sighting.line) + seen.first_line
    pixel = round(sighting.pixel)
    floors = []
    for values in radiometry:
        row, weight = vector_before(values.gamma_line, line)
        gamma = (1.0 - weight) * values.gamma[row, pixel] + weight * values.gamma[row + 1, pixel]
        floors.append(gamma**2 * values.gamma0[0] + values.noise[:, pixel].max())
    return replace(sighting, amplitudes=tuple(10.0 ** (PEAK_DB / 20.0) * math.sqrt(f) for f in floors))


def add_response(
    base: Complex,
    first_pixel: int,
    sighting: Sighting,
    amplitude: float,
    carrier: Carrier,
    bands: tuple[Band, Band],
) -> None:
    """Add the response of a target to the base band (lines, pixels) of a burst, from a pixel on.

    The phase of the peak in the image is that of the sighting, so in the base band it is that and the carrier's.

    Args:
        bands: In azimuth and range.
    """
    rows = _around(sighting.line, 0, base.shape[0])
    cols = _around(sighting.pixel, first_pixel, base.shape[1])
    if not rows.size or not cols.size:
        return
    cycles = carrier_cycles(carrier, sighting.line, sighting.pixel)
    peak = amplitude * np.exp(1j * (sighting.phase + 2.0 * math.pi * (cycles % 1.0)))
    along, across = _faded(bands[0], rows - sighting.line), _faded(bands[1], cols - sighting.pixel)
    row, col = int(rows[0]), int(cols[0]) - first_pixel
    part = base[row : row + rows.size, col : col + cols.size]
    part += (peak * np.outer(along, across)).astype(np.complex64)


def _around(place: float, first: int, count: int) -> Floats:
    """Indices ``first .. first + count - 1`` within reach of a place."""
    first_near = max(first, math.ceil(place - REACH))
    return np.arange(first_near, min(first + count, math.floor(place + REACH) + 1), dtype=np.float64)


def _faded(band: Band, distance: Floats) -> Floats:
    """Response that goes to zero smoothly at its reach."""
    outside = np.clip((np.abs(distance) / REACH - 0.67) / 0.33, 0.0, 1.0)
    return np.asarray(response_at(band, distance) * np.cos(0.5 * math.pi * outside) ** 2)
