"""What the annotation of a TOPS SLC image says: the pass as facts."""

from __future__ import annotations

import numpy as np

from s1card.scene.records import GeolocationGrid
from s1card.simulate.ellipsoid import ecef_to_geodetic
from s1card.simulate.ground import meet_terrain
from s1card.simulate.image_facts import BurstFacts, ImageFacts, PixelStatistics
from s1card.simulate.image_geometry import (
    GRID_COLUMNS,
    ImageGeometry,
    heading,
    state_vectors,
    tie_points,
)
from s1card.simulate.product import Image, Product, SlicePlace
from s1card.simulate.slc.beams import LINE_INTERVAL, RANGE_SPACING
from s1card.simulate.slc.config import SlcPairConfig
from s1card.simulate.slc.passes import Burst, Pass, TopsImage
from s1card.simulate.slc.tiff import SlcTiff
from s1card.simulate.terrain import Heights
from s1card.simulate.xml import Element, array, element, short


def slc_product(config: SlcPairConfig, passed: Pass, number: int, polarizations: tuple[str, ...]) -> Product:
    """Name the product of a slice (counted from 0). Images are numbered by polarization, cross-polarized first."""
    flight, images = passed.flight, passed.slices[number]
    utc = flight.utc
    ordered = [(image, p) for p in sorted(polarizations) for image in images]
    return Product(
        flight.platform,
        "SLC",
        "IW",
        "IW",
        "_",
        polarizations,
        config.ascending,
        config.ipf_version,
        flight.numbers,
        SlicePlace(number + 1, len(passed.slices), utc(passed.first_time)),
        tuple(
            Image(image.swath, p, k + 1, utc(image.first_time), utc(image.last_time))
            for k, (image, p) in enumerate(ordered)
        ),
        _footprint(images),
    )


def image_geometry(config: SlcPairConfig, image: TopsImage, heights: Heights) -> ImageGeometry:
    """State vectors, geolocation grid, incidence in the middle, and heading."""
    burst = image.bursts[len(image.bursts) // 2].view
    middle = np.array([0.5 * burst.lines]), np.array([0.5 * burst.pixels])
    return ImageGeometry(
        state_vectors(burst, config.annotation_orbit_error),
        geolocation_grid(image, heights),
        float(burst.incidence(*middle)[0]),
        heading(burst.orbit),
    )


def geolocation_grid(image: TopsImage, heights: Heights) -> GeolocationGrid:
    """Tie points on the terrain: 21 across the image, at the first line of every burst and the last of all."""
    pixel = np.unique(np.round(np.linspace(0, image.pixels - 1, GRID_COLUMNS)).astype(np.int64))
    rows = [np.array([0]) for _ in image.bursts]
    rows[-1] = np.array([0, image.beam.lines - 1])
    grids = [
        tie_points(burst.view, heights, row, pixel, meet_terrain)
        for burst, row in zip(image.bursts, rows, strict=True)
    ]
    line = np.concatenate([row + k * image.beam.lines for k, row in enumerate(rows)])
    names = ("slant_range_time", "latitude", "longitude", "height", "incidence_angle", "elevation_angle")
    values = (np.concatenate([getattr(grid, name) for grid in grids]) for name in names)
    return GeolocationGrid(line, pixel, np.concatenate([grid.azimuth_time for grid in grids]), *values)


def slc_facts(
    passed: Pass,
    product: Product,
    image: tuple[Image, TopsImage],
    geometry: ImageGeometry,
    statistics: PixelStatistics,
    measurement: SlcTiff,
) -> ImageFacts:
    """The facts of an image, whose measurement file is there already."""
    named, tops = image
    utc, view = passed.flight.utc, tops.bursts[0].view
    times = [utc(time) for time in (tops.first_time, tops.last_time)]
    return ImageFacts(
        product=product,
        image=named,
        geometry=geometry,
        statistics=statistics,
        beams=(tops.beam.beam,),
        steering_rate=tops.beam.steering_rate,
        lines=tops.lines,
        pixels=tops.pixels,
        line_interval=LINE_INTERVAL,
        near_time=tops.near_time,
        range_spacing=short(RANGE_SPACING),
        azimuth_spacing=short(_azimuth_spacing(tops)),
        terrain_heights=[(time, view.reference_height) for time in times],
        fm_rates=tops.fm_rates,
        dopplers=tops.dopplers,
        noise_times=times if product.has_azimuth_noise else [],
        bursts=BurstFacts(
            tops.beam.lines,
            tops.pixels,
            [utc(burst.view.first_time) for burst in tops.bursts],
            [
                _burst(passed, product, burst, measurement.byte_of(k * tops.beam.lines))
                for k, burst in enumerate(tops.bursts)
            ],
        ),
    )


def _burst(passed: Pass, product: Product, burst: Burst, byte_offset: int) -> Element:
    flight = passed.flight
    start = flight.utc(burst.view.first_time)
    made = element(
        "burst",
        element("azimuthTime", start),
        element("azimuthAnxTime", float((start - flight.numbers.node_time) / np.timedelta64(1, "us")) * 1e-6),
        element("sensingTime", flight.utc(burst.sensing_time)),
        element("byteOffset", byte_offset),
        array("firstValidSample", burst.first_sample, "d"),
        array("lastValidSample", burst.last_sample, "d"),
    )
    if product.has_interference:
        made.append(element("burstId", burst.burst_id, absolute=str(burst.absolute_id)))
    return made


def _azimuth_spacing(image: TopsImage) -> float:
    """Distance of lines on the ground in the middle of the image, metres."""
    view = image.bursts[len(image.bursts) // 2].view
    line = 0.5 * view.lines + np.array([-0.5, 0.5])
    ends = view.ground(line, np.full(2, 0.5 * view.pixels), view.reference_height)
    return float(np.linalg.norm(ends[1] - ends[0]))


def _footprint(images: tuple[TopsImage, ...]) -> list[tuple[float, float]]:
    """Longitude and latitude of the corners: first line far and near, last line near and far."""
    near, far = images[0], images[-1]
    corners = (
        (far.bursts[0], 0, far.pixels - 1),
        (near.bursts[0], 0, 0),
        (near.bursts[-1], near.beam.lines - 1, 0),
        (far.bursts[-1], far.beam.lines - 1, far.pixels - 1),
    )
    points = [
        burst.view.ground(np.array([float(line)]), np.array([float(pixel)]), burst.view.reference_height)[0]
        for burst, line, pixel in corners
    ]
    longitude, latitude, _ = ecef_to_geodetic(np.array(points))
    return [(float(x), float(y)) for x, y in zip(longitude, latitude, strict=True)]
