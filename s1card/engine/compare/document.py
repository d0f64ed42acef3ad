"""What a BEAM-DIMAP document says of its bands and their place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from s1card.errors import DataError


@dataclass(frozen=True)
class DocumentBand:
    """One band as the document describes it.

    Attributes:
        name: Its name.
        unit: Its unit.
        href: Its header file beside the document, "" where it has none.
        nodata: Value of samples without data; None: every sample is valid.
        factor, offset: Samples are stored times ``factor`` plus ``offset``.
        is_virtual: Whether it is an expression without samples.
    """

    name: str
    unit: str
    href: str
    nodata: float | None
    factor: float
    offset: float
    is_virtual: bool


@dataclass(frozen=True)
class Document:
    """A BEAM-DIMAP document.

    Attributes:
        bands: In the order of the document.
        wkt: Coordinate reference system, "" in radar geometry.
        transform: Affine coefficients (a, b, c, d, e, f) of pixel corners, or None.
    """

    bands: tuple[DocumentBand, ...]
    wkt: str
    transform: tuple[float, ...] | None


def read_document(data: bytes, subject: str) -> Document:
    """Read the XML.

    Raises:
        DataError: It is damaged.
    """
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
        root = etree.fromstring(data, parser)
        files = {_text(f, "BAND_INDEX"): _href(f) for f in root.iterfind("Data_Access/Data_File")}
        bands = tuple(_band(e, files) for e in root.iterfind("Image_Interpretation/Spectral_Band_Info"))
        return Document(bands, *_place(root))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DataError(f"the BEAM-DIMAP document is damaged: {error}", subject=subject) from error


def band_file(document: Path, band: DocumentBand) -> Path:
    """The file with a band's samples."""
    return (document.parent / band.href).with_suffix(".img")


def _band(element: etree._Element, files: dict[str, str]) -> DocumentBand:
    has_nodata = _text(element, "NO_DATA_VALUE_USED").lower() == "true"
    factor, offset = _number(element, "SCALING_FACTOR", 1.0), _number(element, "SCALING_OFFSET", 0.0)
    return DocumentBand(
        _text(element, "BAND_NAME"),
        _text(element, "PHYSICAL_UNIT"),
        files.get(_text(element, "BAND_INDEX"), ""),
        _number(element, "NO_DATA_VALUE", math.nan) if has_nodata else None,
        factor,
        offset,
        _text(element, "VIRTUAL_BAND").lower() == "true",
    )


def _place(root: etree._Element) -> tuple[str, tuple[float, ...] | None]:
    """CRS and transform; the document has it in the order m00 m10 m01 m11 m02 m12."""
    text = root.findtext("Geoposition/IMAGE_TO_MODEL_TRANSFORM")
    wkt = (root.findtext("Coordinate_Reference_System/WKT") or "").strip()
    if not (text and wkt):
        return "", None
    a, d, b, e, c, f = (float(part) for part in text.split(","))
    return wkt, (a, b, c, d, e, f)


def _href(file: etree._Element) -> str:
    path = file.find("DATA_FILE_PATH")
    return "" if path is None else path.get("href", "")


def _text(element: etree._Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _number(element: etree._Element, tag: str, default: float) -> float:
    text = _text(element, tag)
    return float(text) if text else default
