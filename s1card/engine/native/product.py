"""The lazy product that operators turn into one another.

An operator takes products and gives a product at once; nothing is computed until somebody reads a window of a band.
Nodata is NaN in floating-point bands and 0 in the integer amplitudes of a scene.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.engine.native.tie_grid import TieGrid, annotated_ties
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.geometry.tie_points import TiePoints
from s1card.geometry.tops import SubSwath
from s1card.scene.records import Annotation, StateVectors
from s1card.scene.scene import Scene
from s1card.window import Window

if TYPE_CHECKING:
    from s1card.engine.native.pair import CoregisteredPair

Pixels = NDArray[Any]
Floats = NDArray[np.float64]
Reader = Callable[[Window], Pixels]


@dataclass(frozen=True, eq=False)
class Band:
    """One layer of a product.

    Attributes:
        name: SNAP's band name, for example ``Sigma0_VV``.
        unit: SNAP's unit, for example ``intensity``.
        read: Gives the samples of a window; thread safe; the array may be shared, callers do not change it.
        polarization: Where the band belongs to one.
        is_virtual: Defined by an expression of other bands; operators skip it unless it is named.
        nodata: NaN, a number, or None where every value is valid.
    """

    name: str
    unit: str
    read: Reader
    polarization: str | None = None
    dtype: str = "float32"
    nodata: float | None = math.nan
    is_virtual: bool = False
    description: str = ""


@dataclass(frozen=True, eq=False)
class Signal:
    """One complex image. A product shows it as two bands, ``i_<name>`` and ``q_<name>``, and a virtual intensity.

    Attributes:
        name: For example ``IW1_VV``, ``IW1_VV_ref_12Jun2021``, ``ifg_IW1_VV_12Jun2021_18Jun2021``.
        polarization: Polarization.
        read: Gives the samples of a window: rows x cols x 2 (real, imaginary), int16 as ESA delivered them, or float32;
            0 where there is no data; thread safe; the array may be shared, callers do not change it.
        valid: Tells which samples of a window hold data.
        dtype: ``int16`` or ``float32``.
        is_interferogram: Whether its phase means something: it is shown as a virtual band too.
        is_topography_removed: Whether the phase of the terrain has been removed from an interferogram.
        virtual_name: Name of the virtual bands, where it is not ``name``.
    """

    name: str
    polarization: str
    read: Reader
    valid: Callable[[Window], NDArray[np.bool_]]
    dtype: str = "float32"
    is_interferogram: bool = False
    is_topography_removed: bool = False
    virtual_name: str = ""

    @property
    def bands(self) -> tuple[Band, ...]:
        """Real part, imaginary part, the virtual intensity, and of an interferogram the virtual phase."""
        parts = self._part(0, "i", "real"), self._part(1, "q", "imaginary"), self.intensity
        if not self.is_interferogram:
            return parts
        return *parts, self._virtual("Phase", "phase", self.phase)

    @property
    def intensity(self) -> Band:
        """The virtual band of the squared modulus."""
        return self._virtual("Intensity", "intensity", self.power)

    def power(self, window: Window) -> NDArray[np.float32]:
        """Squared modulus, float32, NaN where there is no data. A sample of zero is data like any other."""
        samples = self.read(window).astype(np.float32)
        power = samples[..., 0] ** 2 + samples[..., 1] ** 2
        power[~self.valid(window)] = np.nan
        return power

    def phase(self, window: Window) -> NDArray[np.float32]:
        """Phase (rad, -pi to pi), float32, NaN where there is no data."""
        samples = self.read(window).astype(np.float32) + np.float32(
            0.0
        )  # minus zero has another phase than zero
        phase: NDArray[np.float32] = np.arctan2(samples[..., 1], samples[..., 0])
        phase[~self.valid(window)] = np.nan
        return phase

    def _virtual(self, title: str, unit: str, read: Reader) -> Band:
        name = self.virtual_name or self.name
        return Band(
            f"{title}_{name}",
            unit,
            read,
            self.polarization,
            is_virtual=True,
            description=f"{unit} {name.replace('_', ' ')}",
        )

    def _part(self, axis: int, letter: str, unit: str) -> Band:
        return Band(
            f"{letter}_{self.name}",
            unit,
            lambda window: np.ascontiguousarray(self.read(window)[..., axis]),
            self.polarization,
            self.dtype,
            0,
            description=f"{unit} part {self.name.replace('_', ' ')}",
        )


@dataclass(frozen=True)
class LutOrigin:
    """Where a product's line 0 and pixel 0 lie in the scene that the annotated look-up tables describe."""

    line: int = 0
    pixel: int = 0


@dataclass(frozen=True)
class Looks:
    """Samples of the scene that one sample of a product is the mean of."""

    lines: int = 1
    pixels: int = 1

    def times(self, other: Looks) -> Looks:
        """Looks of a product of looks."""
        return Looks(self.lines * other.lines, self.pixels * other.pixels)

    def under(self, window: Window) -> Window:
        """The samples that the samples of a window are means of."""
        return Window(
            window.row * self.lines,
            window.col * self.pixels,
            window.rows * self.lines,
            window.cols * self.pixels,
        )


@dataclass(frozen=True, eq=False)
class Product:
    """Bands on one grid, with what later operators need to know of their history.

    Attributes:
        name: SNAP's product name; operators append suffixes to it.
        grid: Radar or map geometry.
        orbit: State vectors that geometry uses.
        lut_origin: Place of this raster in the annotated scene; of one sub-swath where there are several.
        signals: Complex images; their bands are among ``bands``.
        swath: Sub-swath of an SLC product, "" where it is none or all.
        bursts: Timing of the raster while it is a stack of bursts (SLC before TOPSAR-Deburst); ``grid`` then is only
            that of its first burst going on.
        parts: The sub-swaths of an SLC product that is not split yet; ``grid`` is that of the first one.
        pairs: Secondaries on this raster (after Back-Geocoding); of joined bursts those of the first sub-swath, which
            still tell orbit, date and wavelength of every secondary.
        ties: Tie points, where they are not those that the scene is annotated with.
        valid: The samples that hold data, of a debursted image.
        shared: Those that hold data of all dates of a stack.
        looks: How many samples of the scene one sample is the mean of.
        measures: Numbers for the record of the card (name -> value).
        is_stack: Whether its bands are those of several scenes; ``scene`` then is the first of them.
        order: Work on windows in increasing order of this number reads the scene in one sweep.
        facts: What was applied, for the record of the card (operator -> statement).
    """

    name: str
    scene: Scene
    grid: RadarGrid | MapGrid
    bands: tuple[Band, ...]
    orbit: StateVectors
    lut_origin: LutOrigin = LutOrigin()
    is_noise_removed: bool = False
    is_calibrated: bool = False
    order: Callable[[Window], float] | None = None
    facts: tuple[tuple[str, str], ...] = ()
    signals: tuple[Signal, ...] = ()
    swath: str = ""
    bursts: SubSwath | None = None
    parts: tuple[Product, ...] = ()
    pairs: tuple[CoregisteredPair, ...] = ()
    ties: TieGrid | None = None
    valid: Window | None = None
    shared: Window | None = None
    looks: Looks = Looks()
    measures: tuple[tuple[str, float], ...] = ()
    is_stack: bool = False

    @cached_property
    def tie_grid(self) -> TieGrid:
        """Tie points of a product in radar geometry: its own, or those annotated of the image that it is a part of."""
        if self.ties is not None:
            return self.ties
        origin = self.lut_origin
        return annotated_ties(self.annotation).moved(origin.line, origin.pixel)

    @property
    def incidence_ties(self) -> TiePoints:
        """Incidence angle (degrees) on the ellipsoid, at the tie points."""
        if self.ties is not None:
            return self.ties.incidence
        grid, origin = self.annotation.geolocation_grid, self.lut_origin
        line, pixel = grid.line - origin.line, grid.pixel - origin.pixel
        return TiePoints(line.astype(np.float64), pixel.astype(np.float64), grid.incidence_angle)

    @property
    def annotation(self) -> Annotation:
        """Annotation of the image, or of the first of several with the same geometry."""
        images = (image for image in self.scene.images if self.swath in ("", image.swath))
        return next(images).annotation

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    @property
    def radar_grid(self) -> RadarGrid:
        """The grid of a product in radar geometry.

        Raises:
            GraphError: The product is map projected.
        """
        if isinstance(self.grid, MapGrid):
            raise GraphError(
                "this operator needs radar geometry, but its source is map projected",
                subject=self.scene.name,
                advice="Place it before Terrain-Correction",
            )
        return self.grid

    @property
    def ground_spacing(self) -> tuple[float, float]:
        """Distance of lines and of pixels on the ground, m, as annotated; in the middle of the image."""
        annotation = self.annotation
        across = annotation.range_pixel_spacing * self.looks.pixels
        if isinstance(self.radar_grid.range_axis, SlantRange):
            rows, cols = self.shape
            middle = np.array([[rows // 2]], np.float64), np.array([[cols // 2]], np.float64)
            across /= math.sin(math.radians(float(self.incidence_ties.evaluate(*middle)[0, 0])))
        return annotation.azimuth_pixel_spacing * self.looks.lines, across

    def require_radar_geometry(self) -> None:
        """Refuse a product whose samples are not those of the scene: look-up tables are addressed by line and pixel.

        Raises:
            GraphError: The product is map projected, multilooked, or of several scenes.
        """
        _ = self.radar_grid
        if self.is_stack:
            raise GraphError(
                "this operator needs the samples of one scene, but its source has those of several",
                subject=self.scene.name,
                advice="Place it before CreateStack or BandMerge",
            )
        if self.looks != Looks():
            raise GraphError(
                "this operator needs the samples of the scene, but its source is multilooked",
                subject=self.scene.name,
                advice="Place it before Multilook",
            )

    def band(self, name: str) -> Band:
        """The band of that name.

        Raises:
            GraphError: There is none.
        """
        for band in self.bands:
            if band.name == name:
                return band
        present = ", ".join(band.name for band in self.bands)
        raise GraphError(f"no band {name!r}; there are {present}", subject=self.scene.name)

    def real_bands(self, names: tuple[str, ...] = ()) -> tuple[Band, ...]:
        """Named bands, or all that are not virtual."""
        if names:
            return tuple(self.band(name) for name in names)
        return tuple(band for band in self.bands if not band.is_virtual)

    def with_fact(self, operator: str, statement: str) -> Product:
        """The same product with one more entry in its history."""
        return replace(self, facts=(*self.facts, (operator, statement)))

    def with_measures(self, **values: float) -> Product:
        """The same product with more numbers in its record."""
        return replace(self, measures=(*self.measures, *values.items()))


def as_power(band: Band, window: Window) -> NDArray[np.float32]:
    """Samples of an amplitude or intensity band as power, float32, NaN where there is no data."""
    samples = band.read(window)
    if band.unit != "amplitude":
        return np.asarray(samples, np.float32)
    power = np.empty(samples.shape, np.float32)
    _square(samples, power)
    return power


@njit(cache=True, nogil=True)
def _square(amplitude: NDArray[Any], power: NDArray[np.float32]) -> None:
    for i in range(amplitude.shape[0]):
        for j in range(amplitude.shape[1]):
            value = np.float32(amplitude[i, j])
            power[i, j] = value * value if value != 0 else np.float32(np.nan)
