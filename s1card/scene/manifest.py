"""``manifest.safe``: what a product says of itself as a whole."""

from __future__ import annotations

import logging
import re

import numpy as np
from shapely.geometry import Polygon

from s1card.scene.records import Manifest, ManifestFile
from s1card.scene.time import parse_time
from s1card.scene.xml import Node

log = logging.getLogger(__name__)

_NO_DESIGNATOR = "0000-000A"
"""What manifests of the first years give instead of the platform's international designator."""
_DESIGNATORS = {"S1A": "2014-016A", "S1B": "2016-025A"}

_ORBITS_PER_CYCLE = 175
_S1C_MOVED_AFTER_ORBIT = 8018


def parse_manifest(root: Node) -> Manifest:
    """The manifest as a record.

    The footprint's longitudes stay as annotated: across the antimeridian they jump by 360 degrees.

    Args:
        root: Root element of ``manifest.safe``.

    Raises:
        SceneError: Something that every Sentinel-1 level 1 product has is missing or unreadable.
    """
    platform = _platform(root)
    product = root.child(".//{*}standAloneProductInformation")
    orbit = root.child(".//{*}orbitReference")
    period = root.child(".//{*}acquisitionPeriod")
    processing = root.child(".//{*}processing")
    facility = processing.child("{*}facility")
    absolute_orbit = orbit.integer("{*}orbitNumber[@type='start']")
    relative_orbit = orbit.integer("{*}relativeOrbitNumber[@type='start']")
    _cross_check(platform, absolute_orbit, relative_orbit, root.source)
    return Manifest(
        platform=platform,
        platform_international_designator=_designator(root, platform),
        mode=root.text(".//{*}instrumentMode/{*}mode"),
        product_type=product.text("{*}productType"),
        product_class=product.text("{*}productClass"),
        polarizations=_polarizations(product),
        start_time=period.time("{*}startTime"),
        stop_time=period.time("{*}stopTime"),
        absolute_orbit=absolute_orbit,
        relative_orbit=relative_orbit,
        cycle=orbit.integer("{*}cycleNumber"),
        orbit_direction=orbit.text(".//{*}pass").lower(),
        ascending_node_time=orbit.optional_time(".//{*}ascendingNodeTime"),
        datatake_id=product.integer("{*}missionDataTakeID"),
        slice_number=product.optional_integer("{*}sliceNumber"),
        ipf_version=_ipf_version(facility),
        processing_facility=facility.element.get("name", ""),
        processing_stop=processing.attribute_as("stop", parse_time),
        footprint=_footprint(root),
        files=tuple(_file(entry) for entry in root.children(".//{*}dataObject/{*}byteStream")),
    )


def expected_relative_orbit(platform: str, absolute_orbit: int) -> int | None:
    """The relative orbit by the formula of a platform, None for a platform whose formula is not known.

    ``(absolute orbit - offset) mod 175 + 1``. It is a cross-check only: the offset of S1C changed with its
    move of June 2026, and the manifest is right in any case.
    """
    s1c = 172 if absolute_orbit <= _S1C_MOVED_AFTER_ORBIT else 99
    offset = {"S1A": 73, "S1B": 27, "S1C": s1c, "S1D": 42}.get(platform)
    return None if offset is None else (absolute_orbit - offset) % _ORBITS_PER_CYCLE + 1


def _platform(root: Node) -> str:
    platform = root.child(".//{*}platform")
    family, letter = platform.text("{*}familyName"), platform.text("{*}number")
    if family.upper() != "SENTINEL-1" or not re.fullmatch("[A-Z]", letter):
        raise platform.error(f"the platform is {family}{letter}, not a Sentinel-1")
    return f"S1{letter}"


def _designator(root: Node, platform: str) -> str:
    designator = root.text(".//{*}platform/{*}nssdcIdentifier")
    return _DESIGNATORS.get(platform, designator) if designator == _NO_DESIGNATOR else designator


def _polarizations(product: Node) -> tuple[str, ...]:
    nodes = product.children("{*}transmitterReceiverPolarisation")
    return tuple(dict.fromkeys((node.element.text or "").strip() for node in nodes))


def _ipf_version(facility: Node) -> tuple[int, int]:
    version = facility.child("{*}software").attribute("version")
    match = re.fullmatch(r"(\d+)\.(\d+)", version.strip())
    if match is None:
        raise facility.error(f"the processor version is {version!r}, not like 003.40")
    return int(match[1]), int(match[2])


def _footprint(root: Node) -> Polygon:
    """The frame's polygon; ESA writes ``latitude,longitude`` pairs."""
    text = root.text(".//{*}footPrint/{*}coordinates")
    try:
        corners = [tuple(float(value) for value in pair.split(",")) for pair in text.split()]
        polygon = Polygon([(longitude, latitude) for latitude, longitude in corners])
    except ValueError as error:
        raise root.child(".//{*}footPrint").error("the footprint is not a polygon") from error
    if polygon.is_empty or not np.isfinite(polygon.bounds).all():
        raise root.child(".//{*}footPrint").error("the footprint is not a polygon")
    return polygon


def _file(entry: Node) -> ManifestFile:
    return ManifestFile(
        name=entry.child("{*}fileLocation").attribute("href").removeprefix("./"),
        size=entry.attribute_as("size", int),
        md5=entry.text("{*}checksum").lower() if entry.find("{*}checksum") else "",
    )


def _cross_check(platform: str, absolute_orbit: int, relative_orbit: int, source: str) -> None:
    expected = expected_relative_orbit(platform, absolute_orbit)
    if expected is not None and expected != relative_orbit:
        log.warning(
            "%s: relative orbit %d, but %d by the formula of %s (absolute orbit %d); the manifest holds",
            source, relative_orbit, expected, platform, absolute_orbit,
        )  # fmt: skip
