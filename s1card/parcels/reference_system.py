"""Coordinate reference systems of parcels, and the ways between them. Coordinates are x before y everywhere."""

from __future__ import annotations

import math
import threading
import warnings
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import AreaOfInterest, TransformerGroup

from s1card.errors import DataError
from s1card.parcels.records import Geometries

LONGITUDE_LATITUDE = CRS.from_user_input("OGC:CRS84")

_STATE_IT = "State the coordinate reference system of the parcels with --parcels-crs, such as EPSG:28992"

Bounds = tuple[float, float, float, float]


@lru_cache(maxsize=64)
def horizontal_system(text: str) -> CRS:
    """The two-dimensional part of a coordinate reference system.

    Args:
        text: Authority code, WKT, PROJJSON or PROJ string.

    Raises:
        DataError: PROJ does not know it, or it is not tied to the earth (local, engineering, geocentric).
    """
    try:
        system = CRS.from_user_input(text)
        if system.is_compound:
            system = system.sub_crs_list[0]
        system = system.to_2d()
    except CRSError as error:
        raise DataError(
            f"PROJ does not know the coordinate reference system: {error}",
            subject=text[:80],
            advice=_STATE_IT,
        ) from error
    if not (system.is_geographic or system.is_projected):
        raise DataError(
            "the coordinate reference system is neither projected nor geographic, so it has no place on earth",
            subject=system.name,
            advice=_STATE_IT,
        )
    return system


def system_text(system: CRS) -> str:
    """How a system is written down: its authority code if that says all of it, else WKT."""
    authority = system.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(system.to_wkt())


def is_same_system(first: CRS, second: CRS) -> bool:
    """Whether coordinates (x before y) mean the same in both."""
    return bool(first.equals(second, ignore_axis_order=True))


def unit(system: CRS) -> float:
    """Size of the unit of the coordinates: radians if the system is geographic, else metres."""
    return float(system.axis_info[0].unit_conversion_factor)


def require_place(geometries: Geometries, system: CRS, subject: str) -> None:
    """Make sure that coordinates can be those of their system.

    Raises:
        DataError: They are no degrees, or beyond where the projection is defined.
    """
    bounds = shapely.bounds(geometries)
    middle = np.nanmedian(bounds, axis=0)
    if not np.isfinite(middle).all():
        return
    if system.is_geographic:
        quarter = math.pi / 2 / unit(system) * (1 + 1e-9)
        fits = np.abs(middle[[1, 3]]).max() <= quarter and np.abs(middle[[0, 2]]).max() <= 4 * quarter
    else:
        fits = lonlat_bounds((middle[0], middle[1], middle[2], middle[3]), system) is not None
    if not fits:
        place = f"x {middle[0]:.6g}, y {middle[1]:.6g}"
        raise DataError(
            f"coordinates such as {place} have no place in {system.name}", subject=subject, advice=_STATE_IT
        )


def lonlat_bounds(bounds: Bounds, system: CRS) -> Bounds | None:
    """West, south, east, north (degrees) of a rectangle of coordinates; None where it cannot be placed."""
    to_degrees = Transformer.from_crs(system, LONGITUDE_LATITUDE, always_xy=True)
    try:
        west, south, east, north = to_degrees.transform_bounds(*bounds, densify_pts=21)
    except ProjError:
        return None
    found = np.array([west, south, east, north])
    return (west, south, east, north) if np.isfinite(found).all() else None


class Transformation:
    """The best operation that PROJ has between two systems, the same one for every point, in any thread.

    PROJ's usual transformer chooses among operations point by point, so that one corner of a parcel could be moved
    otherwise than the next. Which is best depends on the region: whole degrees around ``bounds``, so that a few
    parcels of a country get the same operation as all.

    Args:
        source, target: Systems.
        bounds: Region in coordinates of ``source``.

    Raises:
        DataError: There is no operation.
    """

    def __init__(self, source: CRS, target: CRS, bounds: Bounds) -> None:
        self._source, self._target = source, target
        self._region = _whole_degrees(lonlat_bounds(bounds, source))
        self._of_thread = threading.local()
        transformer = self._transformer()
        self.description = str(transformer.description)
        accuracy = transformer.accuracy
        self.accuracy = accuracy if accuracy is not None and accuracy >= 0 else None

    def __call__(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates (n x 2) on the other side; infinite where it is not defined."""
        x, y = self._transformer().transform(coordinates[:, 0], coordinates[:, 1])
        return np.stack([x, y], axis=1)

    def _transformer(self) -> Transformer:
        """The transformer of this thread: what a group holds is not safe to be shared."""
        if not hasattr(self._of_thread, "transformer"):
            self._of_thread.transformer = self._best()
        found: Transformer = self._of_thread.transformer
        return found

    def _best(self) -> Transformer:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # the very best would need grids that are not installed
            try:
                group = TransformerGroup(
                    self._source, self._target, always_xy=True, area_of_interest=self._region
                )
                return group.transformers[0]
            except (ProjError, IndexError) as error:
                raise DataError(
                    f"PROJ has no way from {self._source.name} to {self._target.name}",
                    subject=self._source.name,
                    advice=_STATE_IT,
                ) from error


def _whole_degrees(bounds: Bounds | None) -> AreaOfInterest | None:
    if bounds is None:
        return None
    west, south, east, north = bounds
    return AreaOfInterest(
        max(-180.0, math.floor(west)),
        max(-90.0, math.floor(south)),
        min(180.0, math.ceil(east)),
        min(90.0, math.ceil(north)),
    )
