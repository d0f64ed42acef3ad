"""What a DEM says of its own vertical datum."""

from __future__ import annotations

from pathlib import Path

import pyproj

from s1card.geometry.dem_tiles import open_raster, tile_files
from s1card.geometry.geoid import VerticalDatum

_NAMES_OF_DATUMS = {
    "ellipsoid": VerticalDatum.ELLIPSOID,
    "egm96": VerticalDatum.EGM96,
    "egm2008": VerticalDatum.EGM2008,
    "egm08": VerticalDatum.EGM2008,
}


def guess_datum(path: Path | str) -> VerticalDatum | None:
    """The vertical datum of a DEM, if it says one.

    In this order: a CRS with heights (EPSG:5773 EGM96, EPSG:3855 EGM2008, three-dimensional geographic
    ellipsoid), a tag that names it (``VERTICAL_DATUM``, ``HEIGHT_REFERENCE``), the file name (Copernicus_DSM
    EGM2008; SRTM, NASADEM and .hgt EGM96). Of a folder the first tile is asked.

    Raises:
        DemError: If the DEM cannot be opened.
    """
    path = Path(path)
    file = next(tile_files(path), None) if path.is_dir() else path
    if file is None:
        return None
    with open_raster(file) as dataset:
        from_crs = _datum_of_crs(dataset.crs.to_wkt()) if dataset.crs else None
        tags = {**dataset.tags(), **dataset.tags(1)}
    return from_crs or _datum_of_tags(tags) or _datum_of_name(file.name)


def _datum_of_crs(wkt: str) -> VerticalDatum | None:
    crs = pyproj.CRS.from_user_input(wkt)
    if crs.is_compound:
        return _datum_of_text(crs.sub_crs_list[1].name)
    return VerticalDatum.ELLIPSOID if len(crs.axis_info) == 3 else None


def _datum_of_tags(tags: dict[str, str]) -> VerticalDatum | None:
    keys = [key for key in sorted(tags) if "VERT" in key.upper() or "HEIGHT_REF" in key.upper()]
    return next((datum for key in keys if (datum := _datum_of_text(tags[key]))), None)


def _datum_of_text(text: str) -> VerticalDatum | None:
    plain = text.lower().replace(" ", "").replace("_", "").replace("-", "")
    return next((datum for word, datum in _NAMES_OF_DATUMS.items() if word in plain), None)


def _datum_of_name(name: str) -> VerticalDatum | None:
    lower = name.lower()
    if "copernicus_dsm" in lower or "cop-dem" in lower:
        return VerticalDatum.EGM2008
    if "srtm" in lower or "nasadem" in lower or lower.endswith((".hgt", ".hgt.zip")):
        return VerticalDatum.EGM96
    return None
