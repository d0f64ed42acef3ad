"""Where two rasters lie on the same pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyproj import CRS
from pyproj.exceptions import CRSError

from s1card.engine.compare.rasters import Band
from s1card.errors import DataError
from s1card.window import Window

FRACTION = 0.01
"""Part of a pixel by which the edges of pixels of the same lattice may lie apart: what rounding in headers makes."""


@dataclass(frozen=True)
class Overlap:
    """The common part of two rasters.

    Attributes:
        first: The rectangle in pixels of the first raster.
        offset: Rows and columns from the corner of the first raster to that of the second.
        is_same: Whether both cover the same.
        on_map: Whether a map says so; else the upper left corners were laid on each other.
    """

    first: Window
    offset: tuple[int, int]
    is_same: bool
    on_map: bool


def overlap_of(first: Band, second: Band) -> Overlap:
    """The common part of two bands.

    Raises:
        DataError: Their pixels do not coincide, or they do not meet.
    """
    if (first.transform is None) != (second.transform is None):
        placed, other = (first, second) if second.transform is None else (second, first)
        raise DataError(
            f"has a place on a map and {other.path.name} has none",
            subject=placed.path.name,
            advice="Compare products of the same step of the graph",
        )
    row, col = _offset(first, second)
    whole = Window(0, 0, *first.shape)
    common = whole.intersection(Window(row, col, *second.shape))
    if common.is_empty:
        raise DataError(
            f"the rasters do not overlap: {second.path.name} begins {row} rows and {col} columns away",
            subject=first.path.name,
        )
    same = (row, col) == (0, 0) and first.shape == second.shape
    return Overlap(common, (row, col), same, first.transform is not None)


def _offset(first: Band, second: Band) -> tuple[int, int]:
    """Rows and columns from the corner of the first raster to that of the second."""
    if first.transform is None or second.transform is None:
        return 0, 0
    _require_same_crs(first, second)
    a, b, c, d, e, f = first.transform
    size = max(*first.shape, *second.shape)
    drift = max(abs(x - y) for x, y in zip((a, b, d, e), _linear(second), strict=True)) * size
    if drift > 5 * FRACTION * min(math.hypot(a, d), math.hypot(b, e)):
        raise _other_lattice(first, second, f"pixels of {_size(first)} against {_size(second)}")
    east, north = second.transform[2] - c, second.transform[5] - f
    determinant = a * e - b * d
    col, row = (e * east - b * north) / determinant, (a * north - d * east) / determinant
    whole = round(row), round(col)
    if max(abs(row - whole[0]), abs(col - whole[1])) > FRACTION:
        rest = round(row - whole[0], 3) + 0.0, round(col - whole[1], 3) + 0.0
        apart = f"pixel edges {rest[0]:+.3f} rows and {rest[1]:+.3f} columns apart"
        raise _other_lattice(first, second, apart)
    return whole


def _linear(band: Band) -> tuple[float, float, float, float]:
    assert band.transform is not None
    a, b, _, d, e, _ = band.transform
    return a, b, d, e


def _size(band: Band) -> str:
    assert band.transform is not None
    return f"{band.transform[0]:.9g} x {abs(band.transform[4]):.9g}"


def _other_lattice(first: Band, second: Band, what: str) -> DataError:
    return DataError(
        f"does not lie on the pixels of {first.path.name}: {what}",
        subject=second.path.name,
        advice="Give both the same spacing and alignToStandardGrid=true with the same origin, or resample one "
        "(gdalwarp -tap -tr ...)",
    )


def _require_same_crs(first: Band, second: Band) -> None:
    """Names and axes may differ, as SNAP writes WKT of its own; ellipsoid and projection may not.

    Raises:
        DataError: They do, or cannot be read.
    """
    try:
        one, other = CRS.from_wkt(first.wkt), CRS.from_wkt(second.wkt)
    except CRSError as error:
        raise DataError(f"the projection cannot be read: {error}", subject=second.path.name) from error
    if one.equals(other, ignore_axis_order=True) or _facts(one) == _facts(other):
        return
    raise DataError(
        f"is in another projection ({other.name}) than {first.path.name} ({one.name})",
        subject=second.path.name,
        advice="Make both with the same mapProjection, or reproject one",
    )


def _facts(crs: CRS) -> tuple[object, ...]:
    """What a projection is, without names."""
    while crs.is_bound and crs.source_crs is not None:  # TOWGS84 ties a datum to another, and moves no pixel
        crs = crs.source_crs
    ellipsoid = crs.ellipsoid
    shape = (
        (round(ellipsoid.semi_major_metre, 2), round(ellipsoid.inverse_flattening, 5)) if ellipsoid else ()
    )
    operation = crs.coordinate_operation
    if operation is None:
        return "geographic", crs.is_geographic, shape
    method = operation.method_name.lower().replace("_", " ")
    return method, tuple(sorted(round(float(p.value), 9) for p in operation.params)), shape
