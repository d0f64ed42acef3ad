"""Sentinel-2 L2A products: a SAFE folder, on disk or in an object store, or its zip."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shapely.errors import ShapelyError
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from s1card.errors import DataError, UsageError
from s1card.parcels.pixels.codes import CLASSES, SENTINEL2_BANDS, sentinel2_code
from s1card.parcels.pixels.naming import stated, to_utc
from s1card.parcels.pixels.rasters import DAMAGED, read_header, require_same_grid
from s1card.parcels.pixels.records import Given, PixelBand, PixelSource
from s1card.parcels.records import Observation
from s1card.scene.safe import open_safe, read_file
from s1card.scene.xml import Node, parse_xml
from s1card.source import storage

METADATA = "MTD_MSIL2A.xml"
DEFAULT_BANDS = ("B04", "B08", CLASSES)
QUANTIFICATION = 10_000.0
"""Digital numbers of a reflectance of 1 in which values are reported."""
NODATA = 0.0

_OFFERED = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12", CLASSES)
_RESOLUTIONS = {"B02": 10, "B03": 10, "B04": 10, "B08": 10}
_PHYSICAL = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
"""Bands in the order of their numbers (band_id) in the metadata."""


@dataclass(frozen=True)
class _Product:
    """Files of a product, wherever they are.

    Attributes:
        location: Where it is.
        read: Content of a small file, by its name in the product.
        gdal_path: What GDAL opens, by name.
        find: Location of a file for messages and checks, by name.
    """

    location: str
    read: Callable[[str], bytes]
    gdal_path: Callable[[str], str]
    find: Callable[[str], str]


def open_sentinel2(location: str, *, bands: Sequence[str] = (), given: Given | None = None) -> PixelSource:
    """The pixels of a Sentinel-2 L2A product.

    Values of reflectance bands are ``DN + BOA_ADD_OFFSET``, in digital numbers: from processing baseline 04.00 on
    products carry an offset (of -1000), and with it series run on from one baseline to the next. 0 is no data.

    Args:
        location: The ``.SAFE`` folder, its ``MTD_MSIL2A.xml``, or a zip on disk.
        bands: Any of B02 B03 B04 B08 (read at 10 m), B05 B06 B07 B8A B11 B12 SCL (20 m); by default B04, B08 and SCL.
        given: What the user states.

    Raises:
        DataError: It is not such a product, is damaged, or lacks a band.
        NetworkError: The object store does not answer, or refuses.
        UsageError: A band is none of these.
    """
    codes = _codes(bands)
    product = _open(location)
    root = parse_xml(product.read(METADATA), storage.join(product.location, METADATA))
    general = root.child("{*}General_Info")
    images = _images(general)
    found = tuple(_band(code, images, product, general) for code in codes)
    for resolution in {band.grid.spacing_x for band in found}:
        require_same_grid([band for band in found if band.grid.spacing_x == resolution], product.location)
    return PixelSource(stated(_observation(root, general, product), given or Given()), found)


def _codes(bands: Sequence[str]) -> list[str]:
    codes = [sentinel2_code(name) for name in bands or DEFAULT_BANDS]
    unknown = [name for name, code in zip(bands, codes, strict=False) if code not in _OFFERED]
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)} is no band of 10 or 20 m of Sentinel-2",
            advice=f"Use any of {', '.join(_OFFERED)}",
        )
    return list(dict.fromkeys(codes))


def _open(location: str) -> _Product:
    folder = storage.parent(location) if location.endswith(".xml") else location
    if folder.lower().endswith(".zip"):
        if storage.is_remote(folder):
            raise DataError(
                "a zip in an object store cannot be read by parts", subject=folder, advice="Store the folder"
            )
        safe = open_safe(folder)
        return _Product(folder, lambda name: read_file(safe, name), safe.gdal_path, safe.gdal_path)

    def find(name: str) -> str:
        return storage.join(folder, name)

    return _Product(
        folder, lambda name: storage.read_bytes(find(name)), lambda name: storage.gdal_path(find(name)), find
    )


def _images(general: Node) -> dict[tuple[str, int], str]:
    """Names of image files by band and resolution (m); old baselines call the elements otherwise."""
    files = [*general.children(".//{*}IMAGE_FILE"), *general.children(".//{*}IMAGE_FILE_2A")]
    images = {}
    for node in files:
        name = (node.element.text or "").strip()
        match = re.search(r"_([A-Z0-9]{3})_(10|20|60)m(?:\.jp2)?$", name)
        if match and match[1] in SENTINEL2_BANDS:
            images[match[1], int(match[2])] = name if name.endswith(".jp2") else f"{name}.jp2"
    return images


def _band(code: str, images: dict[tuple[str, int], str], product: _Product, general: Node) -> PixelBand:
    resolution = _RESOLUTIONS.get(code, 20)
    if (code, resolution) not in images:
        raise DataError(
            f"the product lists no image of band {code} at {resolution} m",
            subject=product.location,
            advice=DAMAGED,
        )
    name = images[code, resolution]
    header = read_header(product.find(name), product.gdal_path(name))
    if header.count != 1 or header.grid.spacing_x != resolution:
        raise DataError(
            f"the image of band {code} is not one band at {resolution} m", subject=header.location
        )
    band = header.band(1, code, code, nodata=NODATA)
    if code == CLASSES:
        return replace(band, is_classes=True)
    scale = QUANTIFICATION / _quantification(general)
    return replace(band, scale=scale, offset=_offset(code, general) * scale)


def _quantification(general: Node) -> float:
    for name in ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE"):
        if general.find(f".//{{*}}{name}") is not None:
            value = general.number(f".//{{*}}{name}")
            if value > 0:
                return value
    raise general.error("the quantification value of the reflectances is missing")


def _offset(code: str, general: Node) -> float:
    """What is added to digital numbers; 0 before processing baseline 04.00."""
    nodes = general.children(".//{*}BOA_ADD_OFFSET")
    if not nodes:
        if _baseline(general) >= (4, 0):
            raise general.error("a product of baseline 04.00 or later has to state BOA_ADD_OFFSET")
        return 0.0
    physical = re.sub(r"^B0", "B", code)
    for node in nodes:
        number = node.attribute_as("band_id", int)
        if 0 <= number < len(_PHYSICAL) and _PHYSICAL[number] == physical:
            return node.number(".")
    raise nodes[0].error(f"BOA_ADD_OFFSET of band {code} is missing")


def _baseline(general: Node) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)\.(\d+)", general.text(".//{*}PROCESSING_BASELINE"))
    if match is None:
        raise general.error("the processing baseline is not like 04.00")
    return int(match[1]), int(match[2])


def _observation(root: Node, general: Node, product: _Product) -> Observation:
    start = general.find(".//{*}PRODUCT_START_TIME")
    time = general.time(".//{*}PRODUCT_START_TIME" if start else ".//{*}DATATAKE_SENSING_START")
    spacecraft = re.fullmatch(r"Sentinel-(2[A-Z])", general.text(".//{*}SPACECRAFT_NAME"))
    if spacecraft is None:
        raise general.error("the spacecraft is no Sentinel-2")
    uri = general.find(".//{*}PRODUCT_URI") or general.child(".//{*}PRODUCT_URI_2A")
    name = (uri.element.text or "").strip()
    return Observation(
        reference=name if name.endswith(".SAFE") else f"{name}.SAFE",
        obstime=_datetime(time),
        sensor=spacecraft[1],
        card="s2",
        footprint=_footprint(root),
        orbit_direction=general.text(".//{*}SENSING_ORBIT_DIRECTION").lower(),
        relative_orbit=general.integer(".//{*}SENSING_ORBIT_NUMBER"),
        source=product.location,
    )


def _datetime(time: object) -> datetime:
    return to_utc(datetime.fromisoformat(str(time)))


def _footprint(root: Node) -> BaseGeometry:
    """Outline of the data: latitude and longitude in turn, at times with a height."""
    node = root.child(".//{*}Product_Footprint//{*}EXT_POS_LIST")
    values = root.array(".//{*}Product_Footprint//{*}EXT_POS_LIST", float)
    per_point = 3 if len(values) % 3 == 0 and len(values) % 2 else 2
    points = values[: len(values) // per_point * per_point].reshape(-1, per_point)[:, 1::-1]
    try:
        return Polygon(points)
    except (ValueError, ShapelyError) as error:
        raise node.error("the footprint is no polygon") from error
