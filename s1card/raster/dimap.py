"""BEAM-DIMAP, SNAP's own format: an XML document beside a folder of ENVI files."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from lxml import etree
from numpy.typing import NDArray

from s1card.geometry.map_grid import MapGrid
from s1card.raster import disk
from s1card.raster.dimap_radar import (
    RadarFacts,
    add_geocoding,
    add_sections,
    add_tie_files,
    add_tie_points,
)
from s1card.raster.envi import EnviFolder
from s1card.raster.sink import TILE, BandSpec, Extent, Tags, shape_of
from s1card.raster.tiff import nodata_text
from s1card.window import Window

NO_FACTS = RadarFacts()
VERSION = "2.12.1"
"""Version of the format, which SNAP's reader compares with the ones it knows."""


class DimapSink:
    """SNAP's ``BEAM-DIMAP``: ``<name>.dim`` and ``<name>.data/<band>.img`` with their headers.

    Args:
        path: ``<folder>/<name>.dim``.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.
        tags: Metadata of the product.
        facts: Tie points and further metadata of a product in radar geometry.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    tile = (TILE, TILE)

    def __init__(
        self,
        path: Path,
        extent: Extent,
        bands: Sequence[BandSpec],
        tags: Tags,
        facts: RadarFacts | None = None,
    ) -> None:
        self._path = path
        self._part = disk.part_name(path)
        self._facts = facts or RadarFacts()
        self._document = encode_document(path.stem, extent, bands, tags, facts=self._facts)
        self._folder = EnviFolder(path.with_suffix(".data"), extent, bands)

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Write samples of one band; see `RasterSink.write`."""
        self._folder.write(band_index, window, data)

    def close(self) -> list[Path]:
        """Complete the product; returns the path of the document; see `RasterSink.close`."""
        try:
            self._folder.finish()
            self._folder.add_files(self._facts.files)
            with disk.disk_errors(self._path):
                self._part.write_bytes(self._document)
            self._folder.publish()
            disk.publish(self._part, self._path)
        except BaseException:
            self.abort()
            raise
        return [self._path]

    def abort(self) -> None:
        """Remove document and folder; see `RasterSink.abort`."""
        self._folder.abort()
        disk.discard(self._part)


class SizesSink:
    """A BEAM-DIMAP product whose bands are of several sizes, as SNAP keeps the sub-swaths of an SLC product.

    Each size is written through a part of its own; the product is complete when the last part is closed.

    Args:
        path: ``<folder>/<name>.dim``.
        parts: Rows and columns, and what the bands hold, for each size.
        tags: Metadata of the product.

    Raises:
        UsageError: Bands that no file can hold.
        ResourceError: The disk is full or cannot be written.
    """

    def __init__(
        self, path: Path, parts: Sequence[tuple[tuple[int, int], Sequence[BandSpec]]], tags: Tags
    ) -> None:
        self._path = path
        self._part = disk.part_name(path)
        bands = [band for _, of_part in parts for band in of_part]
        shapes = [shape for shape, of_part in parts for _ in of_part]
        self._document = encode_document(path.stem, max(shapes), bands, tags, shapes=shapes)
        self._open = len(parts)
        self._folders: list[EnviFolder] = []
        try:
            for shape, of_part in parts:
                self._folders.append(EnviFolder(path.with_suffix(".data"), shape, of_part))
        except BaseException:
            self.abort()
            raise

    @property
    def parts(self) -> list[SizePart]:
        """A sink per size."""
        return [SizePart(self, folder) for folder in self._folders]

    def close_part(self) -> list[Path]:
        """One part is written; the path of the document if it was the last."""
        self._open -= 1
        if self._open:
            return []
        try:
            for folder in self._folders:
                folder.finish()
            with disk.disk_errors(self._path):
                self._part.write_bytes(self._document)
            self._folders[0].publish()
            for folder in self._folders[1:]:
                folder.publish_files()
            disk.publish(self._part, self._path)
        except BaseException:
            self.abort()
            raise
        return [self._path]

    def abort(self) -> None:
        """Remove document and folders that are not published."""
        for folder in self._folders:
            folder.abort()
        disk.discard(self._part)


class SizePart:
    """The bands of one size of a `SizesSink`; a `RasterSink`."""

    tile = (TILE, TILE)

    def __init__(self, whole: SizesSink, folder: EnviFolder) -> None:
        self._whole = whole
        self._folder = folder

    def write(self, band_index: int, window: Window, data: NDArray[Any]) -> None:
        """Write samples of one band; see `RasterSink.write`."""
        self._folder.write(band_index, window, data)

    def close(self) -> list[Path]:
        """The path of the document, once all parts are closed; see `RasterSink.close`."""
        return self._whole.close_part()

    def abort(self) -> None:
        """Remove the whole product; see `RasterSink.abort`."""
        self._whole.abort()


def encode_document(
    name: str,
    extent: Extent,
    bands: Sequence[BandSpec],
    tags: Tags,
    *,
    shapes: Sequence[tuple[int, int]] = (),
    facts: RadarFacts = NO_FACTS,
) -> bytes:
    """The XML document of a product.

    Args:
        name: Name of the product.
        extent: Map grid, or rows and columns in radar geometry.
        bands: What the bands hold.
        tags: Metadata; ``PRODUCT_TYPE`` becomes the type of the product.
        shapes: Rows and columns of each band, where they are not those of the extent.
        facts: Tie points and further metadata.
    """
    rows, cols = shape_of(extent)
    root = etree.Element("Dimap_Document", name=f"{name}.dim")
    identity = _child(root, "Metadata_Id")
    _child(identity, "METADATA_FORMAT", "DIMAP", version=VERSION)
    _child(identity, "METADATA_PROFILE", "BEAM-DATAMODEL-V1")
    dataset = _child(root, "Dataset_Id")
    _child(dataset, "DATASET_SERIES", "BEAM-PRODUCT")
    _child(dataset, "DATASET_NAME", name)
    production = _child(root, "Production")
    _child(production, "DATASET_PRODUCER_NAME", "s1card")
    _child(production, "PRODUCT_TYPE", tags.get("PRODUCT_TYPE", "GRD"))
    if isinstance(extent, MapGrid):
        _add_geocoding(root, extent)
    elif facts.ties:
        add_geocoding(root)
    dimensions = _child(root, "Raster_Dimensions")
    _children(dimensions, {"NCOLS": cols, "NROWS": rows, "NBANDS": len(bands)})
    _add_files(root, name, bands, facts)
    if facts.ties:
        add_tie_points(root, facts.ties)
    _add_bands(root, shapes or [shape_of(extent)] * len(bands), bands)
    _add_metadata(root, tags, facts)
    document = BytesIO()
    etree.ElementTree(root).write(document, xml_declaration=True, encoding="ISO-8859-1", pretty_print=True)
    return document.getvalue()


def _child(parent: etree._Element, tag: str, text: object = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, attributes)
    element.text = None if text is None else str(text)
    return element


def _children(parent: etree._Element, values: dict[str, object]) -> None:
    for tag, value in values.items():
        _child(parent, tag, value)


def _add_geocoding(root: etree._Element, grid: MapGrid) -> None:
    """CRS and affine transform, in the order of Java's AffineTransform: m00 m10 m01 m11 m02 m12.

    The WKT goes without axes: SNAP would take EPSG's latitude-first order at its word.
    """
    reference = _child(root, "Coordinate_Reference_System")
    _child(reference, "WKT", grid.pyproj_crs.to_wkt("WKT1_GDAL", pretty=True, output_axis_rule=False))
    a, b, c, d, e, f = (float(value) for value in grid.transform)
    position = _child(root, "Geoposition")
    _child(position, "IMAGE_TO_MODEL_TRANSFORM", ",".join(repr(value) for value in (a, d, b, e, c, f)))


def _add_files(root: etree._Element, name: str, bands: Sequence[BandSpec], facts: RadarFacts) -> None:
    access = _child(root, "Data_Access")
    _children(
        access,
        {
            "DATA_FILE_FORMAT": "ENVI",
            "DATA_FILE_FORMAT_DESC": "ENVI File Format",
            "DATA_FILE_ORGANISATION": "BAND_SEPARATE",
        },
    )
    for index, band in enumerate(bands):
        file = _child(access, "Data_File")
        _child(file, "DATA_FILE_PATH", href=f"{name}.data/{band.name}.hdr")
        _child(file, "BAND_INDEX", index)
    add_tie_files(access, name, facts.ties)


def _add_bands(root: etree._Element, shapes: Sequence[tuple[int, int]], bands: Sequence[BandSpec]) -> None:
    interpretation = _child(root, "Image_Interpretation")
    for index, (band, (rows, cols)) in enumerate(zip(bands, shapes, strict=True)):
        nodata = "0.0" if band.nodata is None else nodata_text(band.nodata).replace("nan", "NaN")
        values: dict[str, object] = {
            "BAND_INDEX": index,
            "BAND_DESCRIPTION": band.description,
            "BAND_NAME": band.name,
            "BAND_RASTER_WIDTH": cols,
            "BAND_RASTER_HEIGHT": rows,
            "DATA_TYPE": band.dtype,
            "PHYSICAL_UNIT": band.unit,
            "SOLAR_FLUX": "0.0",
            "BAND_WAVELEN": "0.0",
            "BANDWIDTH": "0.0",
            "SCALING_FACTOR": "1.0",
            "SCALING_OFFSET": "0.0",
            "LOG10_SCALED": "false",
            "NO_DATA_VALUE_USED": "false" if band.nodata is None else "true",
            "NO_DATA_VALUE": nodata,
        }
        _children(_child(interpretation, "Spectral_Band_Info"), values)


def _add_metadata(root: etree._Element, tags: Tags, facts: RadarFacts) -> None:
    """The tags as SNAP's metadata tree: one element with an attribute per tag."""
    metadata = _child(_child(root, "Dataset_Sources"), "MDElem", name="metadata")
    add_sections(metadata, facts.metadata)
    element = _child(metadata, "MDElem", name="s1card")
    for key, value in sorted(tags.items()):
        _child(element, "MDATTR", value, name=key, type="ascii", mode="rw")
