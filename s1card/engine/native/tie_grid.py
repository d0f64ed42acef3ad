"""Tie points of a product as SNAP has them: evenly spaced over the raster, float32, bilinear in between.

SNAP resamples the annotated geolocation grid to even spacing and stores it in float32, longitudes as sine and cosine,
which moves what is derived from it by decimetres; it is followed here so that grids on the map agree with SNAP's to a
fraction of a millimetre. Nothing but extents and coarse look-ups comes from tie points: geocoding is range-Doppler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from s1card.geometry.radar_grid import RadarGrid, SlantRange
from s1card.geometry.tie_points import TiePoints
from s1card.scene.records import SPEED_OF_LIGHT, Annotation, GeolocationGrid
from s1card.scene.time import seconds_since

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]

HALF_TURN = 180.0
ROWS, COLS = 11, 21
"""Tie points that SNAP gives to debursted and merged images."""


@dataclass(frozen=True, eq=False)
class TieGrid:
    """Tie points every ``line_step`` lines and ``pixel_step`` pixels.

    Attributes:
        line_step, pixel_step: Distance of the nodes.
        line, pixel: Place of node (0, 0) in the raster.
        latitude, sine, cosine: Degrees, and sine and cosine of longitude; rows x cols.
        incidence_angle: On the ellipsoid, degrees.
    """

    line_step: float
    pixel_step: float
    line: float
    pixel: float
    latitude: Floats32
    sine: Floats32
    cosine: Floats32
    incidence_angle: Floats32

    @property
    def incidence(self) -> TiePoints:
        """Incidence angle (degrees) at the nodes."""
        rows, cols = self.incidence_angle.shape
        line = np.asarray(self.line + np.arange(rows) * self.line_step, np.float64)
        pixel = np.asarray(self.pixel + np.arange(cols) * self.pixel_step, np.float64)
        return TiePoints(line, pixel, self.incidence_angle.astype(np.float64))

    def position(self, line: Floats, pixel: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude (degrees) at lines and pixels; goes on straight beyond the outer nodes."""
        fy, fx = (line - self.line) / self.line_step, (pixel - self.pixel) / self.pixel_step
        longitude = np.arctan2(_bilinear(self.sine, fy, fx), _bilinear(self.cosine, fy, fx))
        return _bilinear(self.latitude, fy, fx), np.asarray(np.degrees(longitude))

    def moved(self, lines: float, pixels: float) -> TieGrid:
        """The same tie points for a raster that begins ``lines`` and ``pixels`` later."""
        return replace(self, line=self.line - lines, pixel=self.pixel - pixels)

    def looked(self, lines: int, pixels: int) -> TieGrid:
        """The same tie points for a raster of means over blocks of ``lines`` x ``pixels`` samples."""
        return replace(
            self,
            line_step=self.line_step / lines,
            pixel_step=self.pixel_step / pixels,
            line=(self.line - (lines - 1) / 2.0) / lines,
            pixel=(self.pixel - (pixels - 1) / 2.0) / pixels,
        )


def annotated_ties(annotation: Annotation) -> TieGrid:
    """Tie points of an image as delivered."""
    grid = annotation.geolocation_grid
    rows, cols = grid.line.size, grid.pixel.size
    steps = annotation.lines / (rows - 1), annotation.pixels / (cols - 1)
    at_line = np.minimum(np.arange(rows) * steps[0], annotation.lines - 1)
    at_pixel = np.minimum(np.arange(cols) * steps[1], annotation.pixels - 1)
    fy = np.interp(at_line, grid.line, np.arange(rows))
    fx = np.interp(at_pixel, grid.pixel, np.arange(cols))
    rows_at, cols_at = np.meshgrid(fy, fx, indexing="ij")
    return _ties(grid, rows_at, cols_at, steps)


def ties_over(grid: RadarGrid, annotations: Sequence[Annotation]) -> TieGrid:
    """Tie points of a slant range image that was joined of sub-swaths.

    SNAP takes the corner of the first sample for its centre here: nodes lie half a sample before where they belong.

    Args:
        grid: The image.
        annotations: Of its sub-swaths, near to far.
    """
    assert isinstance(grid.range_axis, SlantRange)
    steps = grid.lines / (ROWS - 1), grid.pixels / (COLS - 1)
    time = grid.azimuth_time(np.asarray(np.arange(ROWS) * steps[0], np.float64))
    slant_range = grid.range_axis.near + np.arange(COLS) * steps[1] * grid.range_axis.spacing
    parts = []
    for col in range(COLS):
        annotation = _sub_swath_at(annotations, float(slant_range[col]))
        point = np.full(ROWS, 2.0 * slant_range[col] / SPEED_OF_LIGHT)
        fy, fx = _node_position(annotation.geolocation_grid, grid.epoch, time, point)
        parts.append(_ties(annotation.geolocation_grid, fy[:, None], fx[:, None], steps))
    layers = ("latitude", "sine", "cosine", "incidence_angle")
    columns = (np.hstack([getattr(part, layer) for part in parts]) for layer in layers)
    return TieGrid(*steps, -0.5, -0.5, *columns)


def unwrapped_longitude(longitude: Floats) -> Floats:
    """Longitudes (degrees) of a scene, going on beyond 180 where it lies across the antimeridian."""
    if longitude.max() - longitude.min() <= HALF_TURN:
        return longitude
    return np.where(longitude < 0, longitude + 360, longitude)


def _ties(grid: GeolocationGrid, fy: Floats, fx: Floats, steps: tuple[float, float]) -> TieGrid:
    """Annotated values at fractional nodes (fy, fx), rounded as SNAP stores them."""
    latitude = _bilinear(grid.latitude, fy, fx).astype(np.float32)
    longitude = _bilinear(unwrapped_longitude(grid.longitude), fy, fx).astype(np.float32)
    radians = np.radians(longitude.astype(np.float64))
    sine, cosine = np.sin(radians).astype(np.float32), np.cos(radians).astype(np.float32)
    incidence = _bilinear(grid.incidence_angle, fy, fx).astype(np.float32)
    return TieGrid(*steps, 0.0, 0.0, latitude, sine, cosine, incidence)


def _sub_swath_at(annotations: Sequence[Annotation], slant_range: float) -> Annotation:
    """The sub-swath at a slant range (m): of two that overlap, the farther one from the middle of their samples on."""
    for annotation, following in pairwise(annotations):
        far = annotation.slant_range_time + (annotation.pixels - 1) / annotation.range_sampling_rate
        if slant_range < 0.25 * SPEED_OF_LIGHT * (far + following.slant_range_time):
            return annotation
    return annotations[-1]


def _node_position(
    grid: GeolocationGrid, epoch: np.datetime64, azimuth_time: Floats, slant_range_time: Floats
) -> tuple[Floats, Floats]:
    """Fractional rows and columns of an annotated grid at times (s since the epoch) and two-way slant range times."""
    fx = _place(grid.slant_range_time[0], slant_range_time)
    times = seconds_since(grid.azimuth_time, epoch)
    rows = np.arange(grid.line.size, dtype=np.float64)
    every_row, at_range = np.meshgrid(rows, fx, indexing="ij")
    columns = _bilinear(times, every_row, at_range)
    fy = np.array([_place(column, t) for column, t in zip(columns.T, azimuth_time, strict=True)])
    return fy, fx


def _place(nodes: Floats, value: Floats | float) -> Floats:
    """Fractional index of values in increasing nodes; goes on straight beyond the outer ones."""
    j = np.clip(np.searchsorted(nodes, value, side="right") - 1, 0, nodes.size - 2)
    return np.asarray(j + (value - nodes[j]) / (nodes[j + 1] - nodes[j]))


def _bilinear(values: NDArray[np.floating], fy: Floats, fx: Floats) -> Floats:
    i = np.clip(np.floor(fy).astype(int), 0, values.shape[0] - 2)
    j = np.clip(np.floor(fx).astype(int), 0, values.shape[1] - 2)
    v, wy, wx = values.astype(np.float64), fy - i, fx - j
    top = v[i, j] * (1 - wx) + v[i, j + 1] * wx
    bottom = v[i + 1, j] * (1 - wx) + v[i + 1, j + 1] * wx
    return np.asarray(top * (1 - wy) + bottom * wy)
