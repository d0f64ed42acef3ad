"""What the annotation of an image says, whatever its kind: the values that its documents are written from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from s1card.scene.records import RangePolynomial
from s1card.simulate.image_geometry import ImageGeometry
from s1card.simulate.product import Image, Product
from s1card.simulate.xml import Element

RADAR_FREQUENCY = 5.405000454334350e09
SAMPLING_RATE = 6.434523812571428e07
AZIMUTH_FREQUENCY = 4.864863102995529e02


@dataclass(frozen=True)
class Filter:
    """What the processor kept of the spectrum in one direction (Hz), and how it weighted it (Hamming)."""

    window_coefficient: float
    total_bandwidth: float
    bandwidth: float
    look_bandwidth: float
    looks: int = 1


@dataclass(frozen=True)
class Beam:
    """A sub-swath as instrument and processor treat it.

    Attributes:
        swath: For example ``IW1``.
        number: Of the sub-swath in the instrument's headers.
        prf: Pulse repetition frequency, Hz.
        rank: Pulses between emission and echo.
        range_filter, azimuth_filter: Processed spectra.
    """

    swath: str
    number: int
    prf: float
    rank: int
    range_filter: Filter
    azimuth_filter: Filter


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of the digital numbers, in phase and in quadrature (0 for detected images)."""

    mean: complex
    deviation: complex


@dataclass(frozen=True, eq=False)
class DopplerEstimate:
    """Doppler centroid from the data and from the geometry (Hz), with the times of the data that gave it."""

    data: RangePolynomial
    geometry: RangePolynomial
    start: np.datetime64
    stop: np.datetime64


@dataclass(frozen=True, eq=False)
class BurstFacts:
    """Annotated bursts: size of every one, their times and elements."""

    lines: int = 0
    samples: int = 0
    times: list[np.datetime64] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """All that the annotation of one image is written from.

    Attributes:
        product, image: What is annotated.
        geometry: State vectors, geolocation grid, angles.
        statistics: Of the pixels.
        beams: The sub-swaths that the image is made of.
        steering_rate: Of the antenna in azimuth, degrees per second.
        lines, pixels: Image size.
        line_interval: Seconds.
        near_time: Two-way slant range time of pixel 0, seconds.
        range_spacing, azimuth_spacing: Metres, numbers or as they are to be written.
        terrain_heights: Times and heights above the ellipsoid, metres.
        fm_rates: Azimuth FM rates, Hz/s.
        dopplers: Doppler centroids.
        noise_times: When noise was measured.
        bursts: Of a TOPS image in single looks.
        conversions, merges: Elements of a ground range image.
    """

    product: Product
    image: Image
    geometry: ImageGeometry
    statistics: PixelStatistics
    beams: tuple[Beam, ...]
    steering_rate: float
    lines: int
    pixels: int
    line_interval: float
    near_time: float
    range_spacing: float | str
    azimuth_spacing: float | str
    terrain_heights: list[tuple[np.datetime64, float]]
    fm_rates: list[RangePolynomial]
    dopplers: list[DopplerEstimate]
    noise_times: list[np.datetime64]
    bursts: BurstFacts = field(default_factory=BurstFacts)
    conversions: list[Element] = field(default_factory=list)
    merges: list[Element] = field(default_factory=list)

    @property
    def is_detected(self) -> bool:
        """Whether the pixels are amplitudes in ground range."""
        return self.product.kind == "GRD"

    @property
    def burst_times(self) -> list[np.datetime64]:
        """Times of the bursts, or of the first line of an image without bursts."""
        return self.bursts.times or [self.image.first_time]
