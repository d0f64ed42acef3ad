"""Tie points and Abstracted_Metadata of products in radar geometry, for SNAP to go on with.

Times, spacings, orbit and range polynomials are those of the product as it is, after subsets and looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from s1card.engine.native.product import Product
from s1card.engine.native.tie_grid import TieGrid
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import GroundRange, RadarGrid
from s1card.raster.dimap_radar import LATITUDE, LONGITUDE, Attribute, RadarFacts, Section, TieLayer
from s1card.scene.records import SPEED_OF_LIGHT

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


def radar_facts(product: Product) -> RadarFacts:
    """What a product in radar geometry says beside its bands; nothing of one on a map or of several rasters."""
    if isinstance(product.grid, MapGrid) or product.parts:
        return RadarFacts()
    return RadarFacts(_ties(product.tie_grid, product.grid), (_abstract(product, product.grid),))


def _ties(ties: TieGrid, grid: RadarGrid) -> tuple[TieLayer, ...]:
    """Tie point grids under SNAP's names; SNAP counts from the corner of the first sample, we from its centre."""
    rows, cols = ties.latitude.shape
    line = np.asarray(ties.line + np.arange(rows)[:, None] * ties.line_step, np.float64)
    pixel = np.asarray(ties.pixel + np.arange(cols)[None, :] * ties.pixel_step, np.float64)
    time = 2e9 / SPEED_OF_LIGHT * grid.slant_range(grid.azimuth_time(line), pixel)
    longitude = np.degrees(np.arctan2(ties.sine.astype(np.float64), ties.cosine.astype(np.float64)))
    layers: dict[str, tuple[str, NDArray[np.floating]]] = {
        LATITUDE: ("deg", ties.latitude),
        LONGITUDE: ("deg", longitude),
        "incident_angle": ("deg", ties.incidence_angle),
        "slant_range_time": ("ns", time),
    }
    offset, step = (ties.pixel + 0.5, ties.line + 0.5), (ties.pixel_step, ties.line_step)
    return tuple(
        TieLayer(name, unit, values.astype(np.float32), offset, step)
        for name, (unit, values) in layers.items()
    )


def utc(time: np.datetime64) -> str:
    """A time as SNAP writes it: ``12-JUN-2021 05:26:22.123456``."""
    date, clock = str(time.astype("datetime64[us]")).split("T")
    year, month, day = date.split("-")
    return f"{day}-{MONTHS[int(month) - 1]}-{year} {clock}"


def _instant(grid: RadarGrid, seconds: float) -> str:
    return utc(grid.epoch + np.timedelta64(round(seconds * 1e6), "us"))


def _abstract(product: Product, grid: RadarGrid) -> Section:
    return Section(
        "Abstracted_Metadata",
        (*_identity(product), *_raster(product, grid)),
        (_orbit(product), _range_polynomials(grid)),
    )


def _ascii(name: str, value: object) -> Attribute:
    return Attribute(name, "ascii", str(value))


def _real(name: str, value: float, unit: str = "") -> Attribute:
    return Attribute(name, "float64", repr(float(value)), unit)


def _whole(name: str, value: int, kind: str = "int32", unit: str = "") -> Attribute:
    return Attribute(name, kind, str(value), unit)


def _identity(product: Product) -> Iterator[Attribute]:
    """Which scene it is, and what has been done to it."""
    manifest, annotation = product.scene.manifest, product.annotation
    major, minor = manifest.ipf_version
    polarizations = list(dict.fromkeys(b.polarization for b in product.bands if b.polarization))
    yield _ascii("PRODUCT", product.scene.name)
    yield _ascii("PRODUCT_TYPE", manifest.product_type)
    yield _ascii("MISSION", f"SENTINEL-1{manifest.platform[-1]}")
    yield _ascii("ACQUISITION_MODE", manifest.mode)
    yield _ascii("antenna_pointing", "right")
    yield _ascii("SWATH", product.swath)
    yield _ascii("Processing_system_identifier", f"Sentinel-1 IPF {major:03d}.{minor:02d}")
    yield _whole("orbit_cycle", manifest.cycle)
    yield _whole("REL_ORBIT", manifest.relative_orbit)
    yield _whole("ABS_ORBIT", manifest.absolute_orbit)
    yield _ascii("PASS", annotation.pass_direction)
    yield _ascii("SAMPLE_TYPE", "COMPLEX" if product.signals else "DETECTED")
    for number in range(4):
        present = polarizations[number] if number < len(polarizations) else "-"
        yield _ascii(f"mds{number + 1}_tx_rx_polar", present)
    yield _ascii("orbit_state_vector_file", product.orbit.name)
    yield _whole("abs_calibration_flag", int(product.is_calibrated), "uint8", "flag")
    yield _whole("bistatic_correction_applied", 1, "uint8", "flag")
    yield _whole("multilook_flag", int(product.looks.lines * product.looks.pixels > 1), "uint8", "flag")
    yield _whole("coregistered_stack", int(bool(product.pairs) or product.is_stack), "uint8", "flag")


def _raster(product: Product, grid: RadarGrid) -> Iterator[Attribute]:
    """Times, sizes and spacings."""
    annotation, axis = product.annotation, grid.range_axis
    first = np.array([[0.0]])
    near = float(grid.slant_range(grid.azimuth_time(first), first)[0, 0])
    heights = annotation.terrain_height
    yield Attribute("STATE_VECTOR_TIME", "utc", utc(product.orbit.time[0]), "utc")
    yield Attribute("first_line_time", "utc", _instant(grid, grid.first_azimuth_time), "utc")
    yield Attribute("last_line_time", "utc", _instant(grid, grid.last_azimuth_time), "utc")
    yield _real("line_time_interval", grid.line_interval, "s")
    yield _whole("num_output_lines", grid.lines, "uint32", "lines")
    yield _whole("num_samples_per_line", grid.pixels, "uint32", "samples")
    yield _whole("subset_offset_x", product.lut_origin.pixel, "uint32", "samples")
    yield _whole("subset_offset_y", product.lut_origin.line, "uint32", "samples")
    yield _real("azimuth_looks", annotation.looks_azimuth * product.looks.lines, "looks")
    yield _real("range_looks", annotation.looks_range * product.looks.pixels, "looks")
    yield _real("range_spacing", axis.spacing, "m")
    yield _real("azimuth_spacing", annotation.azimuth_pixel_spacing * product.looks.lines, "m")
    yield _real("slant_range_to_first_pixel", near, "m")
    yield _real("radar_frequency", annotation.radar_frequency / 1e6, "MHz")
    yield _real("range_sampling_rate", annotation.range_sampling_rate / 1e6, "MHz")
    yield _whole("srgr_flag", int(isinstance(axis, GroundRange)), "uint8", "flag")
    mean = float(np.mean(heights)) if heights.size else math.nan
    yield _real("avg_scene_height", 0.0 if math.isnan(mean) else mean, "m")
    yield _ascii("geo_ref_system", "WGS84")
    yield _whole("is_terrain_corrected", 0, "uint8", "flag")
    yield _ascii("map_projection", "")


def _orbit(product: Product) -> Section:
    vectors = product.orbit
    names = ["x_pos", "y_pos", "z_pos", "x_vel", "y_vel", "z_vel"]
    sections = []
    for number, time in enumerate(vectors.time):
        values = (*vectors.position[number], *vectors.velocity[number])
        states = (
            _real(name, value, "m" if "pos" in name else "m/s")
            for name, value in zip(names, values, strict=True)
        )
        attributes = (Attribute("time", "utc", utc(time), "utc"), *states)
        sections.append(Section(f"orbit_vector{number + 1}", attributes))
    return Section("Orbit_State_Vectors", sections=tuple(sections))


def _range_polynomials(grid: RadarGrid) -> Section:
    """Polynomials from ground to slant range, in spite of the name; none of a raster in slant range."""
    axis = grid.range_axis
    lists = []
    if isinstance(axis, GroundRange):
        for number, (time, polynomial) in enumerate(zip(axis.time, axis.coefficients, strict=True), 1):
            terms = tuple(
                Section(f"coefficient.{k}", (_real("srgr_coef", value),))
                for k, value in enumerate(polynomial, 1)
            )
            attributes = (
                Attribute("zero_doppler_time", "utc", _instant(grid, float(time)), "utc"),
                _real("ground_range_origin", axis.first, "m"),
            )
            lists.append(Section(f"srgr_coef_list.{number}", attributes, terms))
    return Section("SRGR_Coefficients", sections=tuple(lists))
