"""The annotation of a Sentinel-1 product as typed records.

Times that stand in the annotation are ``numpy.datetime64[us]`` (exact); durations and two-way range times
are seconds in float64. Indices count from 0 and an integer is the centre of a sample. SI units throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Ints = NDArray[np.int64]
Times = NDArray[np.datetime64]

SPEED_OF_LIGHT = 299_792_458.0


@dataclass(frozen=True, eq=False)
class StateVectors:
    """Orbit state vectors, earth fixed (ITRF).

    Attributes:
        time: n UTC times, strictly increasing.
        position, velocity: n x 3, metres and metres per second.
        source: ``annotation``, ``POEORB`` or ``RESORB``.
        name: File the vectors come from (two names joined by " + " where two RESORB were joined), or "".
    """

    time: Times
    position: Floats
    velocity: Floats
    source: str
    name: str = ""


@dataclass(frozen=True, eq=False)
class CoordinateConversion:
    """Polynomials between slant and ground range, valid from ``azimuth_time`` on.

    ``ground_range = sum(srgr[k] * (slant_range - sr0)**k)`` and
    ``slant_range = sum(grsr[k] * (ground_range - gr0)**k)``, metres.
    """

    azimuth_time: np.datetime64
    slant_range_time: float
    sr0: float
    srgr: Floats
    gr0: float
    grsr: Floats


@dataclass(frozen=True, eq=False)
class GeolocationGrid:
    """The annotated tie points: ``line`` (n) x ``pixel`` (m), every other array n x m.

    Latitude, longitude and angles in degrees, height in metres above the ellipsoid, ``slant_range_time`` two-way
    seconds.
    """

    line: Ints
    pixel: Ints
    azimuth_time: Times
    slant_range_time: Floats
    latitude: Floats
    longitude: Floats
    height: Floats
    incidence_angle: Floats
    elevation_angle: Floats


@dataclass(frozen=True)
class SwathBounds:
    """Part of a merged image that one sub-swath contributed (inclusive indices)."""

    swath: str
    azimuth_time: np.datetime64
    first_line: int
    last_line: int
    first_pixel: int
    last_pixel: int


@dataclass(frozen=True, eq=False)
class RangePolynomial:
    """A polynomial along range that holds at one azimuth time.

    ``value = sum(coefficients[k] * (slant_range_time - t0)**k)`` with two-way times in seconds.
    """

    azimuth_time: np.datetime64
    t0: float
    coefficients: Floats


@dataclass(frozen=True, eq=False)
class Burst:
    """One burst of a TOPS image.

    Attributes:
        azimuth_time: Zero-Doppler time of its first line.
        sensing_time: Time of its first pulse.
        anx_time: ``azimuth_time`` since the ascending node, s.
        byte_offset: Place of its first sample in the measurement file.
        first_valid_sample, last_valid_sample: Inclusive bounds per line; -1 where a line holds no data.
        burst_id: Number of the burst on its track (ESA's relative burst id, as annotated from IPF 3.40 on, else
            computed from ``anx_time``).
    """

    azimuth_time: np.datetime64
    sensing_time: np.datetime64
    anx_time: float
    byte_offset: int
    first_valid_sample: Ints
    last_valid_sample: Ints
    burst_id: int


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Processed bandwidth (Hz) in one direction and its Hamming weighting.

    The spectrum is ``c - (1 - c) cos(2 pi f / bandwidth + pi)`` within the bandwidth, c = ``window_coefficient``
    (1: no weighting).
    """

    bandwidth: float
    window_coefficient: float


@dataclass(frozen=True, eq=False)
class Tops:
    """What the annotation of a TOPS SLC image says beyond that of any image.

    Attributes:
        lines_per_burst, samples_per_burst: Size of every burst; bursts are stacked in the raster without gaps.
        bursts: In order of time.
        steering_rate: Azimuth steering rate of the antenna, rad/s.
        fm_rates: Azimuth FM rate (Hz/s), in order of time.
        doppler_centroids: Doppler centroid (Hz), in order of time: the estimate from data where the processor used it
            (``dcMethod`` Data Analysis), else that from geometry.
        prf: Pulse repetition frequency of the raw data, Hz.
        rank: Number of pulses between emission and echo.
        range_spectrum, azimuth_spectrum: What the processor kept.
    """

    lines_per_burst: int
    samples_per_burst: int
    bursts: tuple[Burst, ...]
    steering_rate: float
    fm_rates: tuple[RangePolynomial, ...]
    doppler_centroids: tuple[RangePolynomial, ...]
    prf: float
    rank: int
    range_spectrum: Spectrum
    azimuth_spectrum: Spectrum


@dataclass(frozen=True, eq=False)
class Annotation:
    """What the product annotation of one image (swath x polarization) says; ``tops`` of an IW or EW SLC only."""

    mission: str
    product_type: str
    mode: str
    swath: str
    polarization: str
    absolute_orbit: int
    datatake_id: int
    pass_direction: str  # "ASCENDING" | "DESCENDING"
    is_detected: bool
    is_ground_range: bool
    first_line_time: np.datetime64
    last_line_time: np.datetime64
    line_interval: float
    lines: int
    pixels: int
    range_pixel_spacing: float
    azimuth_pixel_spacing: float
    slant_range_time: float
    range_sampling_rate: float
    radar_frequency: float
    incidence_angle_mid_swath: float
    platform_heading: float
    ascending_node_time: np.datetime64 | None
    looks_range: int
    looks_azimuth: int
    slice_number: int | None
    thermal_noise_corrected: bool
    terrain_height: Floats
    state_vectors: StateVectors
    coordinate_conversions: tuple[CoordinateConversion, ...]
    geolocation_grid: GeolocationGrid
    swath_bounds: tuple[SwathBounds, ...]
    tops: Tops | None = None


@dataclass(frozen=True, eq=False)
class CalibrationVector:
    """One calibration vector; look-up values divide the digital number: ``sigma0 = DN**2 / sigma_nought**2``."""

    azimuth_time: np.datetime64
    line: int
    pixel: Ints
    sigma_nought: Floats32
    beta_nought: Floats32
    gamma: Floats32
    dn: Floats32


@dataclass(frozen=True, eq=False)
class Calibration:
    """All calibration vectors of an image, by increasing line."""

    start_time: np.datetime64
    stop_time: np.datetime64
    absolute_constant: float
    vectors: tuple[CalibrationVector, ...]


@dataclass(frozen=True, eq=False)
class NoiseRangeVector:
    """Thermal noise power (in DN**2) along range, at one line. ``line`` may lie outside the image."""

    azimuth_time: np.datetime64
    line: int
    pixel: Ints
    value: Floats32


@dataclass(frozen=True, eq=False)
class NoiseAzimuthVector:
    """Factor on the range noise along azimuth inside one block of an image (inclusive indices)."""

    swath: str
    first_line: int
    last_line: int
    first_pixel: int
    last_pixel: int
    line: Ints
    value: Floats32


@dataclass(frozen=True, eq=False)
class Noise:
    """Thermal noise annotation: range vectors of every IPF, azimuth vectors from IPF 2.90 on (else empty)."""

    start_time: np.datetime64
    stop_time: np.datetime64
    range_vectors: tuple[NoiseRangeVector, ...]
    azimuth_vectors: tuple[NoiseAzimuthVector, ...]


@dataclass(frozen=True)
class ManifestFile:
    """A file that the manifest lists: name relative to the product folder, size in bytes, MD5 in lower case."""

    name: str
    size: int
    md5: str


@dataclass(frozen=True, eq=False)
class Manifest:
    """What ``manifest.safe`` says of the product as a whole."""

    platform: str  # "S1A"
    platform_international_designator: str  # "2014-016A"
    mode: str
    product_type: str  # "GRD" | "SLC"
    product_class: str
    polarizations: tuple[str, ...]
    start_time: np.datetime64
    stop_time: np.datetime64
    absolute_orbit: int
    relative_orbit: int
    cycle: int
    orbit_direction: str  # "ascending" | "descending"
    ascending_node_time: np.datetime64 | None
    datatake_id: int
    slice_number: int | None
    ipf_version: tuple[int, int]  # (3, 40)
    processing_facility: str
    processing_stop: np.datetime64 | None
    footprint: Polygon  # longitude, latitude
    files: tuple[ManifestFile, ...]
