"""What a BEAM-DIMAP product in radar geometry says beside its bands: tie points and metadata, as SNAP writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from s1card.raster.envi import encode_header
from s1card.raster.sink import BandSpec

LATITUDE, LONGITUDE = "latitude", "longitude"
FOLDER = "tie_point_grids"


@dataclass(frozen=True, eq=False)
class TieLayer:
    """One quantity at evenly spaced points.

    Attributes:
        name: For example ``latitude``.
        unit: Its unit.
        values: Rows x columns.
        offset: Column and row of the first point, counted from the outer corner of the first sample.
        step: Columns and rows between points.
    """

    name: str
    unit: str
    values: NDArray[np.float32]
    offset: tuple[float, float]
    step: tuple[float, float]

    @property
    def files(self) -> dict[str, bytes]:
        """Content by name of its ENVI file and header, below the product's folder."""
        spec = BandSpec(self.name, self.unit, self.name, nodata=None)
        rows, cols = self.values.shape
        return {
            f"{FOLDER}/{self.name}.img": self.values.astype(">f4").tobytes(),
            f"{FOLDER}/{self.name}.hdr": encode_header(spec, (rows, cols)).encode(),
        }


@dataclass(frozen=True)
class Attribute:
    """A value of the metadata tree, with SNAP's word for its type: ascii, utc, int32, float64, ..."""

    name: str
    type: str
    value: str
    unit: str = ""


@dataclass(frozen=True)
class Section:
    """A branch of the metadata tree."""

    name: str
    attributes: tuple[Attribute, ...] = ()
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, eq=False)
class RadarFacts:
    """Tie points and metadata of a product."""

    ties: tuple[TieLayer, ...] = ()
    metadata: tuple[Section, ...] = ()

    @property
    def files(self) -> Mapping[str, bytes]:
        """Files below the product's folder."""
        return {name: data for layer in self.ties for name, data in layer.files.items()}


_AXES = {"ELLIPSOID_MAJ_AXIS": 6378137.0, "ELLIPSOID_MIN_AXIS": 6356752.3}
"""Of WGS 84, metres."""


def add_geocoding(root: etree._Element) -> None:
    """Positions by the tie points of latitude and longitude, on WGS 84."""
    system = etree.SubElement(etree.SubElement(root, "Coordinate_Reference_System"), "Horizontal_CS")
    etree.SubElement(system, "HORIZONTAL_CS_TYPE").text = "GEOGRAPHIC"
    geographic = etree.SubElement(system, "Geographic_CS")
    etree.SubElement(geographic, "GEOGRAPHIC_CS_NAME").text = "LatLon"
    datum = etree.SubElement(geographic, "Horizontal_Datum")
    etree.SubElement(datum, "HORIZONTAL_DATUM_NAME").text = "WGS-84"
    shape = etree.SubElement(datum, "Ellipsoid")
    etree.SubElement(shape, "ELLIPSOID_NAME").text = "WGS-84"
    parameters = etree.SubElement(shape, "Ellipsoid_Parameters")
    for name, length in _AXES.items():
        etree.SubElement(parameters, name, unit="M").text = repr(length)
    points = etree.SubElement(etree.SubElement(root, "Geoposition"), "Geoposition_Points")
    etree.SubElement(points, "TIE_POINT_GRID_NAME_LAT").text = LATITUDE
    etree.SubElement(points, "TIE_POINT_GRID_NAME_LON").text = LONGITUDE


def add_tie_points(root: etree._Element, ties: Sequence[TieLayer]) -> None:
    """The list of tie point grids."""
    grids = etree.SubElement(root, "Tie_Point_Grids")
    etree.SubElement(grids, "NUM_TIE_POINT_GRIDS").text = str(len(ties))
    for index, layer in enumerate(ties):
        rows, cols = layer.values.shape
        values = {
            "TIE_POINT_GRID_INDEX": index,
            "TIE_POINT_DESCRIPTION": "",
            "PHYSICAL_UNIT": layer.unit,
            "TIE_POINT_GRID_NAME": layer.name,
            "DATA_TYPE": "float32",
            "NCOLS": cols,
            "NROWS": rows,
            "OFFSET_X": layer.offset[0],
            "OFFSET_Y": layer.offset[1],
            "STEP_X": layer.step[0],
            "STEP_Y": layer.step[1],
            "CYCLIC": "false",
        }
        info = etree.SubElement(grids, "Tie_Point_Grid_Info")
        for tag, value in values.items():
            etree.SubElement(info, tag).text = str(value)


def add_tie_files(access: etree._Element, name: str, ties: Sequence[TieLayer]) -> None:
    """Where the tie point grids lie."""
    for index, layer in enumerate(ties):
        file = etree.SubElement(access, "Tie_Point_Grid_File")
        path = f"{name}.data/{FOLDER}/{layer.name}.hdr"
        etree.SubElement(file, "TIE_POINT_GRID_FILE_PATH", href=path)
        etree.SubElement(file, "TIE_POINT_GRID_INDEX").text = str(index)


def add_sections(parent: etree._Element, sections: Sequence[Section]) -> None:
    """Branches of the metadata tree."""
    for section in sections:
        element = etree.SubElement(parent, "MDElem", name=section.name)
        for attribute in section.attributes:
            words = {"name": attribute.name, "type": attribute.type, "mode": "rw"}
            words |= {"unit": attribute.unit} if attribute.unit else {}
            etree.SubElement(element, "MDATTR", words).text = attribute.value
        add_sections(element, section.sections)
