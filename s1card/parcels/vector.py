"""Parcels from any vector file that GDAL reads."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyogrio

from s1card.errors import DataError, UsageError
from s1card.parcels.features import Features, from_wkb
from s1card.source.storage import SCHEME, gdal_options

_CONTAINER = "dataset"
"""Ending of the layers of INSPIRE files that hold the extent of the data, not the data."""

_GML = (".gml", ".xml", ".gml.gz")
_IN_ARCHIVES = (".gpkg", ".shp", ".gml", ".geojson", ".fgb", ".tab", ".kml")
"""Endings of files that are looked for in an archive that holds more than one file."""


def read_vector(location: str, layer: str | None = None) -> Features:
    """All features of a layer. Curves are made of straight pieces (GDAL's 4 degrees), heights are dropped.

    Args:
        location: A path, also of a zip file, in which the parcels may lie in a folder beside other files; GDAL's
            ``/vsi...`` and ``s3://`` work too.
        layer: Name; None for the only one that has geometries. A layer of an INSPIRE file that ends in ``DataSet``
            (its extent) does not count beside others.

    Raises:
        UsageError: There is no such layer, or there are several.
        DataError: The file is missing, damaged, or of no format that GDAL reads.
    """
    if not (location.startswith("/vsi") or "://" in location or Path(location).exists()):
        raise DataError("there is no such file", subject=location, advice="Check the path of the parcels")
    location = _inside_archive(location)
    _require_whole(location)
    if location.startswith(SCHEME):
        pyogrio.set_gdal_config_options(gdal_options())
    # GDAL would write what it learnt of a GML file beside it.
    options = {"WRITE_GFS": "NO"} if location.lower().endswith(_GML) else {}
    remarks: list[str] = []
    with _gdal(location, remarks):
        name = _choose_layer(_layers(location, options), layer, location)
        info = pyogrio.read_info(location, layer=name, **options)
        meta, numbers, wkb, values = pyogrio.raw.read(
            location, layer=name, return_fids=True, force_2d=True, **options
        )
    if wkb is None:
        raise DataError(f"layer {name} has no geometries", subject=location)
    if len(wkb) < info["features"]:
        raise DataError(
            f"only {len(wkb)} of {info['features']} features can be read: the file is damaged",
            subject=location,
            advice="Get the file again",
        )
    geometries, unreadable = from_wkb(wkb)
    return Features(
        geometries,
        unreadable,
        meta["crs"],
        dict(zip(meta["fields"].tolist(), values, strict=True)),
        numbers,
        _feature_id_column(info, numbers),
        tuple(dict.fromkeys(remarks)),
    )


@contextmanager
def _gdal(location: str, remarks: list[str]) -> Iterator[None]:
    """GDAL's errors as ours; its warnings are collected."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except UnicodeDecodeError as error:
            raise DataError(
                f"text is not in the encoding that the file states: {error}",
                subject=location,
                advice="State the encoding of a shapefile in a .cpg file beside it",
            ) from error
        except (RuntimeError, ValueError, OSError) as error:
            raise DataError(
                f"GDAL cannot read it: {error}",
                subject=location,
                advice="Check that the file is whole and of a vector format",
            ) from error
    remarks += [str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)]


def _inside_archive(location: str) -> str:
    """The only vector file in a local zip archive, or the folder of its shapefiles; other places as they are."""
    if not location.lower().endswith(".zip") or not Path(location).is_file():
        return location
    try:
        with zipfile.ZipFile(location) as archive:
            files = [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile as error:
        raise DataError(
            f"the archive is damaged: {error}", subject=location, advice="Get the file again"
        ) from error
    found = [name for name in files if name.lower().endswith(_IN_ARCHIVES)]
    folders = {PurePosixPath(name).parent.as_posix() for name in found}
    inside = found[0] if len(found) == 1 else folders.pop() if len(folders) == 1 else "."
    return location if inside == "." else f"/vsizip/{location}/{inside}"


def _require_whole(location: str) -> None:
    """Make sure that a shapefile is as long as it says: GDAL reads what lies beyond its end as no geometry."""
    path = Path(location)
    if path.suffix.lower() != ".shp" or not path.is_file():
        return
    with path.open("rb") as stream:
        stated = 2 * int.from_bytes(stream.read(28)[24:28], "big")
    if path.stat().st_size < stated:
        raise DataError(
            f"it has {path.stat().st_size} bytes where {stated} belong: the file is damaged",
            subject=location,
            advice="Get the file again",
        )


def _layers(location: str, options: dict[str, str]) -> dict[str, bool]:
    """Names of layers, and whether they have geometries."""
    if not options:
        return {str(name): kind is not None for name, kind in pyogrio.list_layers(location)}
    layers: dict[str, bool] = {}
    while True:  # pyogrio's list of layers takes no options
        try:
            info = pyogrio.read_info(location, layer=len(layers), **options)
        except pyogrio.errors.DataLayerError:
            return layers
        layers[info["layer_name"]] = info["geometry_type"] is not None


def _choose_layer(layers: dict[str, bool], wanted: str | None, location: str) -> str:
    if wanted is not None:
        if wanted in layers:
            return wanted
        raise UsageError(
            f"there is no layer {wanted}; the layers are {', '.join(layers) or 'none'}", subject=location
        )
    candidates = [name for name, has_geometry in layers.items() if has_geometry]
    if len(candidates) > 1:
        candidates = [name for name in candidates if not name.lower().endswith(_CONTAINER)] or candidates
    if not candidates:
        raise DataError("no layer has geometries", subject=location)
    if len(candidates) > 1:
        raise UsageError(
            f"there are several layers: {', '.join(candidates)}",
            subject=location,
            advice="Name one with --layer",
        )
    return candidates[0]


def _feature_id_column(info: dict[str, Any], numbers: Any) -> str:
    """Name of the column of feature numbers; GeoJSON keeps numbers in a member of the feature, ``id``."""
    if info["fid_column"]:
        return str(info["fid_column"])
    is_numbered = info["driver"].startswith("GeoJSON") and not np.array_equal(
        numbers, np.arange(len(numbers))
    )
    return "id" if is_numbered else ""
