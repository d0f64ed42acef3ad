"""What the annotation of a detected image says: the acquisition and nominal values as facts."""

from __future__ import annotations

import numpy as np

from s1card.scene.records import RangePolynomial
from s1card.simulate.acquisition import Acquisition, footprint
from s1card.simulate.config import GrdConfig
from s1card.simulate.flight import Flight
from s1card.simulate.image_facts import Beam, DopplerEstimate, Filter, ImageFacts, PixelStatistics
from s1card.simulate.image_geometry import ImageGeometry
from s1card.simulate.product import Image, Product, SlicePlace
from s1card.simulate.radiometry import swath_bounds
from s1card.simulate.xml import Element, array, element, listing

_PULSE_FREQUENCY = 1.717128973878037e03
_STEERING_RATE = 1.590368784
_FM_RATE = np.array([-2.3e03, 4.4e05, -7.4e07])


def grd_product(config: GrdConfig, acquisition: Acquisition, flight: Flight) -> Product:
    """Name a product."""
    first, last = acquisition.line_time(np.array([0, acquisition.lines - 1]))
    times = acquisition.utc(float(first)), acquisition.utc(float(last))
    return Product(
        config.platform,
        "GRD",
        config.mode,
        config.image_swath,
        config.mode_facts.resolution,
        config.polarizations,
        config.ascending,
        config.ipf_version,
        flight.numbers,
        SlicePlace(1, 1, times[0]),
        tuple(Image(config.image_swath, p, k + 1, *times) for k, p in enumerate(config.polarizations)),
        footprint(acquisition),
        config.cog,
    )


def grd_facts(
    config: GrdConfig,
    acquisition: Acquisition,
    geometry: ImageGeometry,
    product: Product,
    image: Image,
    statistics: PixelStatistics,
) -> ImageFacts:
    """The facts of an image; a simulated detected image has no Doppler centroid."""
    first = product.first_time
    heights = [
        (acquisition.utc(time), acquisition.reference_height)
        for time in (acquisition.first_time, -acquisition.first_time)
    ]
    zero = RangePolynomial(first, acquisition.near_time, np.zeros(3))
    return ImageFacts(
        product=product,
        image=image,
        geometry=geometry,
        statistics=statistics,
        beams=tuple(_beam(config, swath) for swath in config.mode_facts.swaths),
        steering_rate=_STEERING_RATE if config.mode_facts.is_tops else 0.0,
        lines=config.lines,
        pixels=config.pixels,
        line_interval=acquisition.line_interval,
        near_time=acquisition.near_time,
        range_spacing=acquisition.spacing,
        azimuth_spacing=acquisition.spacing,
        terrain_heights=heights,
        fm_rates=[RangePolynomial(first, acquisition.near_time, _FM_RATE)],
        dopplers=[DopplerEstimate(zero, zero, first, first)],
        noise_times=[first] if product.has_azimuth_noise else [],
        conversions=_conversions(acquisition),
        merges=_merges(config, first),
    )


def _beam(config: GrdConfig, swath: str) -> Beam:
    mode = config.mode_facts
    across = Filter(0.7, 5.65e07, 5.65e07, 1.41e07, mode.looks_range)
    along = Filter(0.7, 3.27e02, 3.27e02, 3.27e02, mode.looks_azimuth)
    return Beam(swath, 10, _PULSE_FREQUENCY, 9, across, along)


def _conversions(acquisition: Acquisition) -> list[Element]:
    return [
        element(
            "coordinateConversion",
            element("azimuthTime", acquisition.utc(float(time))),
            element("slantRangeTime", acquisition.near_time),
            element("sr0", acquisition.near_range),
            array("srgrCoefficients", srgr, ".15e"),
            element("gr0", 0.0),
            array("grsrCoefficients", grsr, ".15e"),
        )
        for time, srgr, grsr in zip(acquisition.record_time, acquisition.srgr, acquisition.grsr, strict=True)
    ]


def _merges(config: GrdConfig, time: np.datetime64) -> list[Element]:
    def merge(swath: str, first: int, last: int) -> Element:
        bounds = element(
            "swathBounds",
            element("azimuthTime", time),
            element("firstAzimuthLine", 0),
            element("firstRangeSample", first),
            element("lastAzimuthLine", config.lines - 1),
            element("lastRangeSample", last),
        )
        return element("swathMerge", element("swath", swath), listing("swathBoundsList", [bounds]))

    pairs = zip(config.mode_facts.swaths, swath_bounds(config), strict=True)
    return [merge(swath, *bounds) for swath, bounds in pairs]
