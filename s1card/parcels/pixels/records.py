"""Where the pixels of an observation are, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from s1card.geometry.map_grid import MapGrid
from s1card.parcels.records import Observation


@dataclass(frozen=True)
class PixelBand:
    """One band of a raster, as it can be read.

    NaN and infinity are never valid, whatever ``nodata`` says.

    Attributes:
        code: Band code of the store: ``VVb``, ``VHb`` (backscatter), ``VVc``, ``VHc`` (coherence), ``B04``, ``SCL`` ...
        name: What the source calls it: ``VV``, ``Gamma0_VV``, ``B04``.
        path: What GDAL opens, ``/vsis3/bucket/key`` for objects.
        index: Band of that raster, from 1.
        grid: Its pixels on the map, in the raster's own CRS.
        dtype: Type of the raw values, as NumPy spells it.
        nodata: Raw value that stands for none, or None. Compare raw values, before scale and offset.
        scale, offset: What makes a value of a raw one: ``value = raw * scale + offset``.
        is_classes: Whether values are codes of classes (small whole numbers), which have histograms and no mean.
        block_shape: Rows and columns that are stored, and so read, together.
    """

    code: str
    name: str
    path: str
    grid: MapGrid
    dtype: str
    nodata: float | None
    index: int = 1
    scale: float = 1.0
    offset: float = 0.0
    is_classes: bool = False
    block_shape: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class PixelSource:
    """An observation and the bands that hold its pixels.

    Attributes:
        observation: What it is, as the catalogue knows it.
        bands: At least one, distinct codes; their grids may differ (Sentinel-2 has 10 and 20 m).
        incidence: Ellipsoidal incidence angle, degrees, where the source has it.
    """

    observation: Observation
    bands: tuple[PixelBand, ...]
    incidence: PixelBand | None = None

    def band(self, code: str) -> PixelBand:
        """The band of a code.

        Raises:
            KeyError: There is none.
        """
        for band in self.bands:
            if band.code == code:
                return band
        raise KeyError(code)


@dataclass(frozen=True)
class Given:
    """What the user states of an observation; it is used instead of what the source says.

    Attributes:
        reference: Name of the product.
        obstime: Start of the (later) acquisition, UTC; a time zone is converted and dropped.
        sensor: ``1A`` ... ``2C``.
        card: ``bs``, ``c6``, ``c1`` or ``s2``.
        orbit_direction: ``ascending`` or ``descending``.
        relative_orbit: Number of the track.
        nodata: Raw value without data, of rasters that state none.
    """

    reference: str = ""
    obstime: datetime | None = None
    sensor: str = ""
    card: str = ""
    orbit_direction: str | None = None
    relative_orbit: int | None = None
    nodata: float | None = None
