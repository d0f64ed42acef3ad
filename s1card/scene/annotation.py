"""The product annotation of one image: ``annotation/s1?-*.xml``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from s1card.errors import SceneError
from s1card.scene.records import (
    Annotation,
    CoordinateConversion,
    Floats,
    GeolocationGrid,
    StateVectors,
    SwathBounds,
)
from s1card.scene.time import seconds, seconds_since
from s1card.scene.tops import parse_tops
from s1card.scene.xml import Node

TOPS_MODES = ("IW", "EW")
MINIMUM_STATE_VECTORS = 4
"""Fewer cannot carry the cubic interpolation of an orbit."""


def parse_annotation(root: Node, relative_orbit: int) -> Annotation:
    """The annotation as a record, checked for what every later step relies on.

    Args:
        root: Root element (``product``).
        relative_orbit: Of the scene, as the manifest says; gives ids to bursts that bear none.

    Raises:
        SceneError: Something is missing, unreadable or contradicts itself.
    """
    header = root.child("adsHeader")
    product = root.child("generalAnnotation/productInformation")
    image = root.child("imageAnnotation/imageInformation")
    processing = root.child("imageAnnotation/processingInformation")
    annotation = Annotation(
        mission=header.text("missionId").upper(),
        product_type=header.text("productType"),
        mode=header.text("mode"),
        swath=header.text("swath"),
        polarization=header.text("polarisation"),
        absolute_orbit=header.integer("absoluteOrbitNumber"),
        datatake_id=header.integer("missionDataTakeId"),
        pass_direction=product.text("pass").upper(),
        is_detected=image.text("pixelValue") == "Detected",
        is_ground_range=product.text("projection") == "Ground Range",
        first_line_time=image.time("productFirstLineUtcTime"),
        last_line_time=image.time("productLastLineUtcTime"),
        line_interval=image.number("azimuthTimeInterval"),
        lines=image.integer("numberOfLines"),
        pixels=image.integer("numberOfSamples"),
        range_pixel_spacing=image.number("rangePixelSpacing"),
        azimuth_pixel_spacing=image.number("azimuthPixelSpacing"),
        slant_range_time=image.number("slantRangeTime"),
        range_sampling_rate=product.number("rangeSamplingRate"),
        radar_frequency=product.number("radarFrequency"),
        incidence_angle_mid_swath=image.number("incidenceAngleMidSwath"),
        platform_heading=product.number("platformHeading"),
        ascending_node_time=image.optional_time("ascendingNodeTime"),
        looks_range=_looks(processing, "rangeProcessing"),
        looks_azimuth=_looks(processing, "azimuthProcessing"),
        slice_number=image.optional_integer("sliceNumber"),
        thermal_noise_corrected=processing.flag("thermalNoiseCorrectionPerformed"),
        terrain_height=_terrain_height(root),
        state_vectors=_state_vectors(root.child("generalAnnotation/orbitList")),
        coordinate_conversions=_coordinate_conversions(root),
        geolocation_grid=_geolocation_grid(root.child("geolocationGrid/geolocationGridPointList")),
        swath_bounds=_swath_bounds(root),
        tops=parse_tops(root, header.text("mode"), relative_orbit),
    )
    _check_bursts(annotation, root)
    _check_geometry(annotation, image)
    _check_orbit(annotation, root.child("generalAnnotation/orbitList"))
    if annotation.is_ground_range and not annotation.coordinate_conversions:
        raise root.error("a ground range image without coordinate conversion")
    return annotation


def _looks(processing: Node, direction: str) -> int:
    return processing.integer(f"swathProcParamsList/swathProcParams/{direction}/numberOfLooks")


def _terrain_height(root: Node) -> Floats:
    nodes = root.children("generalAnnotation/terrainHeightList/terrainHeight")
    return np.array([node.number("value") for node in nodes], dtype=np.float64)


def _state_vectors(orbit_list: Node) -> StateVectors:
    orbits = orbit_list.children("orbit")
    if len(orbits) < MINIMUM_STATE_VECTORS:
        raise orbit_list.error(f"the orbit list has {len(orbits)} state vectors")
    if any(orbit.text("frame") != "Earth Fixed" for orbit in orbits):
        raise orbit_list.error("the orbit state vectors are not earth fixed")
    time = np.array([orbit.time("time") for orbit in orbits])
    if (np.diff(time) <= np.timedelta64(0, "us")).any():
        raise orbit_list.error("the orbit state vectors are not in order of time")
    return StateVectors(time, _xyz(orbits, "position"), _xyz(orbits, "velocity"), source="annotation")


def _xyz(orbits: list[Node], quantity: str) -> Floats:
    rows = [[orbit.number(f"{quantity}/{axis}") for axis in "xyz"] for orbit in orbits]
    return np.array(rows, dtype=np.float64)


def _coordinate_conversions(root: Node) -> tuple[CoordinateConversion, ...]:
    """All conversions by time; SLC annotation has none."""
    path = "coordinateConversion/coordinateConversionList/coordinateConversion"
    conversions = tuple(
        CoordinateConversion(
            azimuth_time=node.time("azimuthTime"),
            slant_range_time=node.number("slantRangeTime"),
            sr0=node.number("sr0"),
            srgr=node.array("srgrCoefficients", np.float64),
            gr0=node.number("gr0"),
            grsr=node.array("grsrCoefficients", np.float64),
        )
        for node in root.children(path)
    )
    times = np.array([conversion.azimuth_time for conversion in conversions], dtype="datetime64[us]")
    if (np.diff(times) <= np.timedelta64(0, "us")).any():
        raise root.child("coordinateConversion").error("the coordinate conversions are not in order of time")
    return conversions


def _geolocation_grid(points: Node) -> GeolocationGrid:
    """The tie points as a rectangle, whatever their order in the file."""
    nodes = points.children("geolocationGridPoint")
    lines = np.array([node.integer("line") for node in nodes], dtype=np.int64)
    pixels = np.array([node.integer("pixel") for node in nodes], dtype=np.int64)
    line, pixel = np.unique(lines), np.unique(pixels)
    order = np.lexsort((pixels, lines))
    shape = (line.size, pixel.size)
    is_rectangle = (
        len(nodes) == line.size * pixel.size
        and np.array_equal(lines[order], np.repeat(line, pixel.size))
        and np.array_equal(pixels[order], np.tile(pixel, line.size))
    )
    if min(shape) < 2 or not is_rectangle:
        raise points.error(f"the {len(nodes)} geolocation grid points do not form a rectangle")

    def grid(values: list[Any], dtype: str = "float64") -> NDArray[Any]:
        return np.array(values, dtype=dtype)[order].reshape(shape)

    return GeolocationGrid(
        line=line,
        pixel=pixel,
        azimuth_time=grid([node.time("azimuthTime") for node in nodes], "datetime64[us]"),
        slant_range_time=grid([node.number("slantRangeTime") for node in nodes]),
        latitude=grid([node.number("latitude") for node in nodes]),
        longitude=grid([node.number("longitude") for node in nodes]),
        height=grid([node.number("height") for node in nodes]),
        incidence_angle=grid([node.number("incidenceAngle") for node in nodes]),
        elevation_angle=grid([node.number("elevationAngle") for node in nodes]),
    )


def _swath_bounds(root: Node) -> tuple[SwathBounds, ...]:
    """Bounds of the merged sub-swaths, in the order of the file; only IW and EW GRD images have them."""
    return tuple(
        SwathBounds(
            swath=merge.text("swath"),
            azimuth_time=bounds.time("azimuthTime"),
            first_line=bounds.integer("firstAzimuthLine"),
            last_line=bounds.integer("lastAzimuthLine"),
            first_pixel=bounds.integer("firstRangeSample"),
            last_pixel=bounds.integer("lastRangeSample"),
        )
        for merge in root.children("swathMerging/swathMergeList/swathMerge")
        for bounds in merge.children("swathBoundsList/swathBounds")
    )


def _check_bursts(annotation: Annotation, root: Node) -> None:
    """TOPS images are stacks of bursts and nothing else."""
    tops = annotation.tops
    if tops is None:
        if annotation.product_type == "SLC" and annotation.mode in TOPS_MODES:
            raise SceneError(
                f"a single look complex image of mode {annotation.mode} without bursts, as after debursting",
                subject=root.source,
                advice="Give the product as ESA delivers it",
            )
        return
    bursts, lines, samples = len(tops.bursts), tops.lines_per_burst, tops.samples_per_burst
    if (bursts * lines, samples) != (annotation.lines, annotation.pixels):
        raise root.error(
            f"{bursts} bursts of {lines} lines of {samples} samples "
            f"in an image of {annotation.lines} lines of {annotation.pixels} samples"
        )


def _check_geometry(annotation: Annotation, image: Node) -> None:
    """Size, times and tie points must tell the same story."""
    if min(annotation.lines, annotation.pixels) < 2 or annotation.line_interval <= 0:
        raise image.error(f"impossible image size or line interval: {annotation.lines} x {annotation.pixels}")
    if min(annotation.slant_range_time, annotation.range_pixel_spacing, annotation.radar_frequency) <= 0:
        raise image.error("slant range time, pixel spacing or radar frequency are not positive")
    duration = seconds_since(annotation.last_line_time, annotation.first_line_time)
    expected = (annotation.lines - 1) * annotation.line_interval
    # Bursts of an SLC overlap, so only an image on one continuous line grid can be checked exactly.
    if annotation.is_ground_range and abs(duration - expected) > 2 * annotation.line_interval:
        raise image.error(
            f"{annotation.lines} lines last {expected:.6f} s, but end {duration:.6f} s after the first"
        )
    grid = annotation.geolocation_grid
    # The IPF's grids end at the last sample; on SLC, at times one line after it.
    covered = abs(int(grid.line[-1]) + 1 - annotation.lines) <= 1 and grid.pixel[-1] + 1 == annotation.pixels
    if not covered:
        raise image.error(
            f"the image has {annotation.lines} lines of {annotation.pixels} samples, "
            f"the geolocation grid ends at line {grid.line[-1]}, pixel {grid.pixel[-1]}"
        )


def _check_orbit(annotation: Annotation, orbit_list: Node) -> None:
    """The vectors must reach over the acquisition: extrapolated orbits are worthless."""
    times, slack = annotation.state_vectors.time, seconds(annotation.line_interval)
    if times[0] > annotation.first_line_time + slack or times[-1] < annotation.last_line_time - slack:
        raise orbit_list.error("the orbit state vectors do not cover the acquisition")
