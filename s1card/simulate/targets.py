"""Point targets: where they stand, where the image has them, and their response."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numba import njit

from s1card.scene.records import Floats, Ints
from s1card.simulate.acquisition import Acquisition
from s1card.simulate.config import GrdConfig
from s1card.simulate.ellipsoid import geodetic_to_ecef
from s1card.simulate.fields import FieldMap
from s1card.simulate.radiometry import LineRadiometry
from s1card.simulate.terrain import Heights, heights_at

PEAK_DB = 40.0  # above clutter and noise
WIDTH_LINES, WIDTH_PIXELS = 2.0, 2.2  # distance of the first zero of the response from its peak
REACH = 16  # lines and pixels to which a response extends
EDGE = 24  # lines and pixels kept free at the image edge
JITTER = 150.0  # metres around the middle of the dark square


@dataclass(frozen=True, eq=False)
class Targets:
    """Point targets (n), the same in every polarization but for their strength.

    Attributes:
        longitude, latitude, height: Place on the terrain, degrees and metres above the ellipsoid.
        line, pixel: Exact place in the image.
        peak: Peak power in DN**2, one row per polarization.
    """

    longitude: Floats
    latitude: Floats
    height: Floats
    line: Floats
    pixel: Floats
    peak: Floats

    @property
    def names(self) -> list[str]:
        """``T001`` and so on."""
        return [f"T{k + 1:03d}" for k in range(self.line.size)]


def place_targets(config: GrdConfig, acquisition: Acquisition, fields: FieldMap, heights: Heights) -> Targets:
    """Put targets near the middles of squares of the field lattice, far apart, and make these squares dark.

    A small scene takes as many as it has squares inside.
    """
    squares, longitude, latitude = fields.square_centres()
    random = np.random.default_rng([config.seed, 404])
    east, north = fields.frame.scale
    longitude = longitude + random.uniform(-JITTER, JITTER, longitude.size) / east
    latitude = latitude + random.uniform(-JITTER, JITTER, latitude.size) / north
    height = heights_at(heights, longitude, latitude)
    line, pixel = acquisition.image_position(geodetic_to_ecef(longitude, latitude, height))
    edge = EDGE + config.border
    inside = (np.abs(line - 0.5 * (config.lines - 1)) < 0.5 * config.lines - EDGE) & (
        np.abs(pixel - 0.5 * (config.pixels - 1)) < 0.5 * config.pixels - edge
    )
    chosen = _spread(np.flatnonzero(inside), line, pixel, config.targets)
    fields.reserve(squares[chosen])
    places = (longitude[chosen], latitude[chosen], height[chosen], line[chosen], pixel[chosen])
    return Targets(*places, np.zeros((len(config.polarizations), chosen.size)))


def _spread(candidates: Ints, line: Floats, pixel: Floats, count: int) -> Ints:
    """Up to ``count`` candidates, each the farthest from those before, in image order."""
    if count == 0 or candidates.size == 0:
        return candidates[:0]
    y, x = line[candidates], pixel[candidates]
    chosen = [int(np.argmin(np.hypot(y - y.mean(), x - x.mean())))]
    nearest = np.hypot(y - y[chosen[0]], x - x[chosen[0]])
    while len(chosen) < min(count, candidates.size):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.hypot(y - y[chosen[-1]], x - x[chosen[-1]]))
    picked = candidates[chosen]
    return np.asarray(picked[np.argsort(line[picked])])


def with_peaks(targets: Targets, radiometry: tuple[LineRadiometry, ...]) -> Targets:
    """The targets with peaks 40 dB above clutter and noise at their places."""
    pixel = np.round(targets.pixel).astype(int)
    floor = [lines.gamma[0, pixel] ** 2 * lines.gamma0[0] + lines.noise[0, pixel] for lines in radiometry]
    return replace(targets, peak=10.0 ** (PEAK_DB / 10.0) * np.stack(floor))


@njit(cache=True, nogil=True)
def response(distance: float, width: float) -> float:
    """Power of a point response at a distance from its peak: squared sinc, tapered to zero at 17 samples."""
    if abs(distance) >= 17.0:
        return 0.0
    taper = math.cos(0.5 * math.pi * distance / 17.0) ** 2
    x = math.pi * distance / width
    if abs(x) < 1e-9:
        return taper
    return (math.sin(x) / x) ** 2 * taper


@njit(cache=True, nogil=True)
def add_targets(power: Floats, line: int, at_line: Floats, at_pixel: Floats, peak: Floats) -> None:
    """Add the responses of all targets to the power (pixels) of a line."""
    for k in range(at_line.size):
        along = response(line - at_line[k], WIDTH_LINES)
        if along == 0.0:
            continue
        first = max(0, math.ceil(at_pixel[k]) - REACH)
        last = min(power.size - 1, math.floor(at_pixel[k]) + REACH)
        for pixel in range(first, last + 1):
            power[pixel] += peak[k] * along * response(pixel - at_pixel[k], WIDTH_PIXELS)


def write_targets(path: Path, targets: Targets, acquisition: Acquisition, config: GrdConfig) -> None:
    """Write the truth as CSV; ``rcs_db`` is the radar cross section in dB of a square metre."""
    time = acquisition.line_time(targets.line)
    distance = acquisition.slant_range(time, targets.pixel)
    area = _response_area(acquisition, time, targets.pixel)
    header = ["name", "longitude", "latitude", "height", "line", "pixel", "azimuth_time", "slant_range"]
    for polarization in config.polarizations:
        header += [f"peak_dn2_{polarization}", f"rcs_db_{polarization}"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for k, name in enumerate(targets.names):
            place = [targets.longitude[k], targets.latitude[k], targets.height[k], targets.line[k]]
            row = [name, *(f"{value:.12f}" for value in place), f"{targets.pixel[k]:.12f}"]
            row += [str(acquisition.utc(float(time[k]))), f"{distance[k]:.6f}"]
            for peak in targets.peak[:, k]:
                row += [f"{peak:.3f}", f"{10.0 * math.log10(peak / config.beta_constant**2 * area[k]):.4f}"]
            writer.writerow(row)


def _response_area(acquisition: Acquisition, time: Floats, pixel: Floats) -> Floats:
    """Area in the slant plane that a response of peak 1 is worth, square metres."""
    depth = acquisition.slant_range(time, pixel + 0.5) - acquisition.slant_range(time, pixel - 0.5)
    samples = [
        sum(response(float(d), width) for d in range(-REACH, REACH + 1))
        for width in (WIDTH_LINES, WIDTH_PIXELS)
    ]
    return np.asarray(depth * acquisition.spacing * samples[0] * samples[1])
