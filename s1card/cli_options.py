"""Option types of the command line: memory, area, parameters."""

from __future__ import annotations

import math
import re
from pathlib import Path

import click
import numpy as np
import shapely
from pyproj import CRS, Transformer
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from s1card.errors import UsageError

_MEMORY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_BOX_NUMBERS = 4
MINIMUM_MEMORY = 512 << 20


def memory_size(text: str) -> int:
    """Bytes of a text such as ``2G`` or ``1500M``, as an option's type.

    Raises:
        BadParameter: It is no size, or too small a one.
    """
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a size such as 2G")
    size = int(float(match[1]) * _FACTORS[match[2].upper()])
    if size < MINIMUM_MEMORY:
        raise click.BadParameter("at least 512M are needed")
    return size


def assignment(text: str) -> tuple[str, str]:
    """Name and value of ``name=value``, as an option's type.

    Raises:
        BadParameter: The name or the equals sign is missing.
    """
    name, sign, value = text.partition("=")
    if not (sign and name.strip()):
        raise click.BadParameter(f"{text!r} is not name=value")
    return name.strip(), value


def area_wkt(text: str) -> str:
    """An area as WKT in longitude and latitude, from ``minx,miny,maxx,maxy``, WKT, or a vector file.

    Raises:
        UsageError: None of these, or empty.
    """
    numbers = text.split(",")
    if len(numbers) == _BOX_NUMBERS and all(_is_number(n) for n in numbers):
        west, south, east, north = (float(n) for n in numbers)
        if not (west < east and south < north):
            raise UsageError(f"the area {text!r} is empty", advice="Give minx,miny,maxx,maxy in degrees")
        return str(box(west, south, east, north).wkt)
    geometry = _from_file(Path(text)) if Path(text).is_file() else _from_wkt(text)
    if geometry.is_empty or not all(math.isfinite(v) for v in geometry.bounds):
        raise UsageError("the area is empty", subject=text)
    return str(geometry.wkt)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _from_wkt(text: str) -> BaseGeometry:
    try:
        return shapely.from_wkt(text)
    except shapely.GEOSException as error:
        raise UsageError(
            f"the area {text[:60]!r} is no file, no WKT and not minx,miny,maxx,maxy",
            advice="Coordinates are longitude and latitude in degrees",
        ) from error


def _from_file(path: Path) -> BaseGeometry:
    import pyogrio  # noqa: PLC0415 - it takes a third of a second, which only this option should cost

    try:
        meta, _, geometries, _ = pyogrio.raw.read(path, columns=[])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise UsageError(f"the area cannot be read: {error}", subject=str(path)) from error
    if not meta["crs"]:
        raise UsageError("the area has no coordinate system", subject=str(path))
    union: BaseGeometry = shapely.union_all(shapely.from_wkb([g for g in geometries if g is not None]))
    crs = CRS.from_user_input(meta["crs"])
    to_geographic = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    dense = shapely.segmentize(union, 0.01 if crs.is_geographic else 1000.0)
    return shapely.transform(dense, lambda xy: np.column_stack(to_geographic.transform(xy[:, 0], xy[:, 1])))
