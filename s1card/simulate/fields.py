"""Fields of known backscatter: a rotated lattice of 1 km squares, each cut into 1, 4, 16, 64 or 256."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyogrio
import shapely
from numba import njit
from numpy.typing import NDArray

from s1card.scene.records import Floats, Ints
from s1card.simulate.choices import GroundChoices
from s1card.simulate.frame import LocalFrame
from s1card.simulate.hashing import mix, stream

SQUARE = 1000.0  # metres
ROTATION = math.radians(17.0)
# gamma0 in dB of the classes, co-polarized and cross-polarized; the last cross-polarized ones are far below
# the thermal noise. Class 0 is the dark ground around point targets.
CLASSES_DB = np.array(
    [
        (-25.0, -32.0),
        (-8.0, -14.0),
        (-10.0, -16.0),
        (-11.0, -17.5),
        (-12.0, -19.0),
        (-13.5, -20.0),
        (-15.0, -22.0),
        (-17.0, -24.0),
        (-20.0, -27.0),
        (-23.0, -30.0),
        (-13.0, -30.0),
        (-30.0, -30.0),
    ]
)
# Coherence of fields, drawn field by field.
COHERENCES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
PARTS = (1, 2, 4, 8, 16)
MAX_EXPORTED = 20_000
_WRITING_TIME = "OGR_CURRENT_DATE"


class Lattice(NamedTuple):
    """The lattice as numba kernels see it.

    ``parts[i, j]`` is the number of fields along the side of square (i, j), whose corner lies at
    ``((first_i + i) * SQUARE, (first_j + j) * SQUARE)`` in the rotated frame; 0 marks a square of targets.
    """

    longitude: float
    latitude: float
    east: float
    north: float
    cosine: float
    sine: float
    first_i: int
    first_j: int
    parts: NDArray[np.uint8]
    seed: int


@dataclass(frozen=True, eq=False)
class FieldMap:
    """The fields of a scene: the lattice, its frame, and gamma0 (linear) per class and polarization."""

    frame: LocalFrame
    lattice: Lattice
    gamma0: Floats

    def to_geodetic(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Longitude and latitude of places (u, v) in the rotated lattice, metres."""
        cosine, sine = self.lattice.cosine, self.lattice.sine
        return self.frame.to_geodetic(u * cosine - v * sine, u * sine + v * cosine)

    def square_centres(self) -> tuple[Ints, Floats, Floats]:
        """Flat index, longitude and latitude of the centres of all squares."""
        i, j = np.indices(self.lattice.parts.shape).reshape(2, -1)
        u = (self.lattice.first_i + i + 0.5) * SQUARE
        v = (self.lattice.first_j + j + 0.5) * SQUARE
        return np.arange(i.size), *self.to_geodetic(np.asarray(u), np.asarray(v))

    def corners(self, identifiers: Ints) -> tuple[Floats, Floats, Floats]:
        """Lowest corners (u, v) of fields in the rotated lattice and the lengths of their sides, metres."""
        square, part = np.divmod(identifiers, 256)
        i, j = np.divmod(square, self.lattice.parts.shape[1])
        parts = np.maximum(self.lattice.parts[i, j], 1).astype(np.int64)
        a, b = np.divmod(part, parts)
        side = SQUARE / parts
        return (
            (self.lattice.first_i + i) * SQUARE + a * side,
            (self.lattice.first_j + j) * SQUARE + b * side,
            side,
        )

    def places(self, identifiers: Ints, along: float, across: float) -> tuple[Floats, Floats]:
        """Longitude and latitude of places in fields, 0 .. 1 in both directions."""
        u, v, side = self.corners(identifiers)
        return self.to_geodetic(u + along * side, v + across * side)

    def reserve(self, squares: Ints) -> None:
        """Make squares (flat indices) dark and undivided, for point targets."""
        self.lattice.parts.reshape(-1)[squares] = 0


def make_fields(
    choices: GroundChoices,
    frame: LocalFrame,
    bounds: tuple[float, float, float, float],
    parts_along: tuple[int, ...] = PARTS,
) -> FieldMap:
    """The fields that cover longitude/latitude bounds (west, south, east, north).

    Args:
        parts_along: Into how many fields the side of a square may be cut.
    """
    west, south, east, north = bounds
    x, y = frame.to_map(np.array([west, west, east, east]), np.array([south, north, south, north]))
    cosine, sine = math.cos(ROTATION), math.sin(ROTATION)
    i = np.floor((x * cosine + y * sine) / SQUARE).astype(int)
    j = np.floor((-x * sine + y * cosine) / SQUARE).astype(int)
    shape = (int(np.ptp(i)) + 3, int(np.ptp(j)) + 3)
    parts = np.random.default_rng([choices.seed, 202]).choice(np.array(parts_along, np.uint8), shape)
    lattice = Lattice(
        frame.longitude,
        frame.latitude,
        *frame.scale,
        cosine,
        sine,
        int(i.min()) - 1,
        int(j.min()) - 1,
        parts,
        choices.seed,
    )
    return FieldMap(frame, lattice, class_gamma0(choices.polarizations))


def class_gamma0(polarizations: tuple[str, ...]) -> Floats:
    """Gamma0 in linear power, one row per polarization and a column per class."""
    crossed = [polarization in ("VH", "HV") for polarization in polarizations]
    return np.asarray(10.0 ** (CLASSES_DB.T[np.array(crossed, int)] / 10.0))


@njit(cache=True, nogil=True)
def field_at(lattice: Lattice, longitude: float, latitude: float) -> int:
    """Identifier of the field at a place in degrees: ``square * 256 + part``."""
    x = (longitude - lattice.longitude) * lattice.east
    y = (latitude - lattice.latitude) * lattice.north
    u = (x * lattice.cosine + y * lattice.sine) / 1000.0 - lattice.first_i
    v = (-x * lattice.sine + y * lattice.cosine) / 1000.0 - lattice.first_j
    rows, cols = lattice.parts.shape
    i = min(max(math.floor(u), 0), rows - 1)
    j = min(max(math.floor(v), 0), cols - 1)
    parts = max(int(lattice.parts[i, j]), 1)
    a = min(max(int((u - i) * parts), 0), parts - 1)
    b = min(max(int((v - j) * parts), 0), parts - 1)
    return int((i * cols + j) * 256 + a * parts + b)


@njit(cache=True, nogil=True)
def fields_at(lattice: Lattice, longitude: Floats, latitude: Floats) -> Ints:
    """Identifiers of the fields at n places."""
    out = np.empty(longitude.size, np.int64)
    for k in range(longitude.size):
        out[k] = field_at(lattice, longitude[k], latitude[k])
    return out


@njit(cache=True, nogil=True)
def class_of(lattice: Lattice, field: int) -> int:
    """Class of a field: 0 around point targets, else 1 .. 11 by the field's hash."""
    square = field // 256
    cols = lattice.parts.shape[1]
    if lattice.parts[square // cols, square % cols] == 0:
        return 0
    return 1 + int(mix(stream(lattice.seed, 303, field)) % np.uint64(11))


@njit(cache=True, nogil=True)
def coherence_of(lattice: Lattice, field: int) -> int:
    """Index of the coherence of a field, by the field's hash."""
    return int(mix(stream(lattice.seed, 304, field)) % np.uint64(10))


@njit(cache=True, nogil=True)
def coherences_of(lattice: Lattice, fields: Ints) -> Ints:
    """Indices of the coherences of n fields."""
    out = np.empty(fields.size, np.int64)
    for k in range(fields.size):
        out[k] = coherence_of(lattice, fields[k])
    return out


@njit(cache=True, nogil=True)
def classes_of(lattice: Lattice, fields: Ints) -> Ints:
    """Classes of n fields."""
    out = np.empty(fields.size, np.int64)
    for k in range(fields.size):
        out[k] = class_of(lattice, fields[k])
    return out


def exported_fields(fields: FieldMap, inside: NDArray[np.bool_]) -> Ints:
    """Identifiers of the fields that are written as truth.

    Args:
        inside: For every square of the lattice (flat) whether it touches the scene. Of a large scene only
            every k-th square is taken, so that there are at most about 20,000 fields.
    """
    squares = np.flatnonzero(inside)
    parts = np.maximum(fields.lattice.parts.reshape(-1)[squares], 1).astype(np.int64)
    squares = squares[:: math.ceil(max(1.0, float((parts**2).sum()) / MAX_EXPORTED))]
    return np.concatenate([_fields_of(fields, int(square)) for square in squares])


def backscatter_columns(
    fields: FieldMap, polarizations: tuple[str, ...], identifiers: Ints
) -> dict[str, NDArray[np.generic]]:
    """What the truth says of the backscatter of fields: identifier, class, gamma0 linear and in dB."""
    classes = classes_of(fields.lattice, identifiers)
    columns: dict[str, NDArray[np.generic]] = {"id": identifiers, "class": classes}
    for k, polarization in enumerate(polarizations):
        value = fields.gamma0[k, classes]
        columns[f"gamma0_{polarization}"] = value
        columns[f"gamma0_{polarization}_db"] = 10.0 * np.log10(value)
    return columns


def write_fields(
    path: Path, fields: FieldMap, identifiers: Ints, columns: dict[str, NDArray[np.generic]]
) -> None:
    """Write the polygons of fields as GeoPackage."""
    _write_polygons(path, _polygons(fields, identifiers), columns)


def _write_polygons(
    path: Path, polygons: NDArray[np.object_], columns: dict[str, NDArray[np.generic]]
) -> None:
    """Write a GeoPackage whose bytes do not depend on the hour of writing."""
    before = pyogrio.get_gdal_config_option(_WRITING_TIME)
    pyogrio.set_gdal_config_options({_WRITING_TIME: "2020-01-01T00:00:00.000Z"})
    try:
        pyogrio.raw.write(
            path,
            geometry=shapely.to_wkb(polygons),
            field_data=list(columns.values()),
            fields=list(columns),
            crs="EPSG:4326",
            geometry_type="Polygon",
            layer="fields",
            driver="GPKG",
        )
    finally:
        pyogrio.set_gdal_config_options({_WRITING_TIME: before})


def _fields_of(fields: FieldMap, square: int) -> Ints:
    parts = max(int(fields.lattice.parts.reshape(-1)[square]), 1)
    return np.asarray(square * 256 + np.arange(parts * parts), np.int64)


def _polygons(fields: FieldMap, identifiers: Ints) -> NDArray[np.object_]:
    u, v, side = fields.corners(identifiers)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], float)
    longitude, latitude = fields.to_geodetic(
        u[:, None] + corners[:, 0] * side[:, None], v[:, None] + corners[:, 1] * side[:, None]
    )
    return np.asarray(shapely.polygons(np.stack([longitude, latitude], axis=-1)))
