"""What crosses the borders of the parcel layer, as values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

STATISTICS = ("count", "mean", "std", "min", "max", "p25", "p50", "p75")
"""The statistics of the original, in its order of columns; ``std`` is that of the population."""

EXTRA_STATISTICS = ("valid", "mean_db", "enl", "inc")
"""Valid share of a parcel's pixels (always); mean in dB, equivalent number of looks, incidence angle (on request)."""

REASONS = ("", "no pixel", "too few pixels", "no data")
"""Why a parcel has a row without statistics: no pixel is in it, too few of them are valid, none is."""

Geometries = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class ParcelSet:
    """Parcels as columns, in the order of the source.

    Attributes:
        pid: Numbers of the parcels, int32: position in the source, from 1 (the original's ``ogc_fid``). A number is
            never given twice; numbers of features that could not be used are missing.
        ids: What the owner calls them, exact text (leading zeros and all), distinct.
        geometries: Valid shapely Polygons and MultiPolygons, not empty.
        crs: Their coordinate reference system: an authority code (``EPSG:28992``) or WKT; x before y.
        attributes: Other columns of the source by name, each as long as ``pid``: NumPy arrays of numbers, booleans,
            ``datetime64``, or of objects that are text or None.
        id_column: Name of the column that ``ids`` come from.
    """

    pid: NDArray[np.int32]
    ids: NDArray[np.object_]
    geometries: Geometries
    crs: str
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    id_column: str = "id"

    def __len__(self) -> int:
        return len(self.pid)

    def part(self, which: slice | NDArray[np.bool_]) -> ParcelSet:
        """Some of the parcels, with their numbers."""
        attributes = {name: values[which] for name, values in self.attributes.items()}
        return replace(
            self,
            pid=self.pid[which],
            ids=self.ids[which],
            geometries=self.geometries[which],
            attributes=attributes,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 over numbers, ids, geometries and coordinate system: equal sets give equal statistics."""
        digest = hashlib.sha256(self.crs.encode())
        digest.update(np.ascontiguousarray(self.pid, "<i4").tobytes())
        for text, wkb in zip(self.ids, shapely.to_wkb(self.geometries, byte_order=1), strict=True):
            digest.update(str(text).encode() + b"\0")
            digest.update(wkb)
        return digest.hexdigest()


@dataclass(frozen=True)
class Skipped:
    """A feature of a parcel source that is not used, or only in part.

    Attributes:
        id: What its owner calls it; the position in the source if it has no id.
        reason: A short phrase that is the same for all of a kind, such as ``empty geometry``.
        detail: More about this one, or empty.
    """

    id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Observation:
    """A card or scene as the catalogue knows it.

    Attributes:
        reference: Name of the product, unique: ``<GRD name>_CARD_BS``, ``S1_IW_CARD_COH6_...``, ``S2A_....SAFE``.
        obstime: Start of the (later) acquisition, UTC, without a time zone as in the original.
        sensor: ``1A``, ``1B``, ``1C``, ``1D``, ``2A`` ...: of the later date.
        card: ``bs`` backscatter, ``c6`` coherence over 6 days, ``c1`` over more (the original's codes), ``s2``.
        footprint: Polygon or MultiPolygon, longitude and latitude.
        orbit_direction: ``ascending`` or ``descending``, None where it is not known.
        relative_orbit: 1 to 175 (143 for Sentinel-2), or None.
        pair_sensor: Platform of the earlier date of a pair, or None.
        pair_time: Start of the earlier acquisition of a pair, or None.
        source: Path or address of the pixels.
        checksum: SHA-256 over the checksums of its rasters where it states them, else empty: tells another version.
    """

    reference: str
    obstime: datetime
    sensor: str
    card: str
    footprint: BaseGeometry
    orbit_direction: str | None = None
    relative_orbit: int | None = None
    pair_sensor: str | None = None
    pair_time: datetime | None = None
    source: str = ""
    checksum: str = ""


@dataclass(frozen=True, eq=False)
class BandSignatures:
    """Statistics of one band over many parcels; a row per parcel that the card touches, sorted by ``pid``.

    Attributes:
        band: Band code: ``VVb``, ``VHb`` (backscatter), ``VVc``, ``VHc`` (coherence), ``B04`` ...
        pid: Numbers of parcels, int32, ascending, distinct.
        reason: Index into `REASONS`, uint8; where it is not 0 only ``count`` and ``valid`` are not NaN.
        values: float32 arrays by name: all of `STATISTICS`, ``valid``, and of `EXTRA_STATISTICS` what was asked for.
    """

    band: str
    pid: NDArray[np.int32]
    reason: NDArray[np.uint8]
    values: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.pid)


@dataclass(frozen=True, eq=False)
class Histograms:
    """Pixels per class of a classification (Sentinel-2's SCL) over many parcels, sorted by ``pid``.

    Attributes:
        pid: Numbers of parcels, int32, ascending, distinct.
        counts: Pixels of each class, float32 (fractions in coverage mode), parcels x classes.
    """

    pid: NDArray[np.int32]
    counts: NDArray[np.float32]

    def as_mapping(self, row: int) -> dict[str, float]:
        """Class to number of pixels as the original writes it, ``{"4": 93, "3": 4}``; whole numbers are ints."""
        present = np.flatnonzero(self.counts[row])
        values = {str(k): float(self.counts[row, k]) for k in present}
        return {k: int(v) if v.is_integer() else round(v, 4) for k, v in values.items()}


@dataclass(frozen=True, eq=False)
class Extraction:
    """Everything that one pass over a card found.

    Attributes:
        observation: The card.
        bands: Statistics, a value per band, distinct codes.
        histograms: Class counts, or None.
        settings: What the rows depend on besides card and parcels: rule, buffer, minimum area ... as text.
    """

    observation: Observation
    bands: Sequence[BandSignatures]
    histograms: Histograms | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Rows of all bands."""
        return sum(len(band) for band in self.bands)
