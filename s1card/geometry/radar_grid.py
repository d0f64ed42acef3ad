"""The radar side of geocoding: lines are zero-Doppler times, pixels are slant or ground ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from s1card.errors import SceneError
from s1card.scene.records import SPEED_OF_LIGHT, Annotation
from s1card.scene.time import seconds_since
from s1card.window import Window

Floats = NDArray[np.float64]

TABLE_STEP = 20.0  # m of slant range; linear between, exact to 0.4 mm on the ground (1.6 at 19 degrees)
TABLE_ROWS = 4  # per record: one may differ from the next by 80 m of slant range; the inverse keeps 1 mm
TABLE_MARGIN = 4000.0  # m of ground range that the table goes on beyond both image edges


@dataclass(frozen=True, eq=False)
class SlantRange:
    """Pixels evenly spaced in slant range: ``near`` (m, pixel 0) and ``spacing`` (m)."""

    near: float
    spacing: float


@dataclass(frozen=True, eq=False)
class GroundRange:
    """Pixels evenly spaced in ground range.

    Attributes:
        spacing: Ground range spacing, m.
        first: Ground range of pixel 0, m.
        time: n times of the conversion polynomials, s since the grid's epoch, increasing.
        coefficients: n x degree + 1; slant range (m) = sum(coefficients[k] * (ground_range - origin)**k).
        origin: n, m.
    """

    spacing: float
    first: float
    time: Floats
    coefficients: Floats
    origin: Floats


@dataclass(frozen=True, eq=False)
class RangeTable:
    """Pixel as a function of azimuth time and slant range, sampled finely enough to be interpolated linearly.

    Attributes:
        time: n times, s since the epoch; rows of ``pixel``.
        near, step: First slant range and spacing of the columns, m.
        pixel: n x m fractional pixels.
    """

    time: Floats
    near: float
    step: float
    pixel: Floats


@dataclass(frozen=True, eq=False)
class RadarGrid:
    """A raster in radar geometry.

    Attributes:
        epoch: UTC instant that all times count from.
        first_azimuth_time: Zero-Doppler time of line 0, s since ``epoch``.
        line_interval: s between lines.
        lines, pixels: Size.
        range_axis: What a pixel is.
    """

    epoch: np.datetime64
    first_azimuth_time: float
    line_interval: float
    lines: int
    pixels: int
    range_axis: SlantRange | GroundRange

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and pixels."""
        return self.lines, self.pixels

    @property
    def window(self) -> Window:
        """The whole grid as a window."""
        return Window(0, 0, self.lines, self.pixels)

    @property
    def last_azimuth_time(self) -> float:
        """Zero-Doppler time of the last line, s since the epoch."""
        return self.first_azimuth_time + (self.lines - 1) * self.line_interval

    def azimuth_time(self, line: Floats | float) -> Floats:
        """Zero-Doppler time of (fractional) lines, s since the epoch."""
        return np.asarray(self.first_azimuth_time + np.asarray(line, np.float64) * self.line_interval)

    def line(self, azimuth_time: Floats | float) -> Floats:
        """Fractional line of zero-Doppler times (s since the epoch)."""
        return np.asarray(
            (np.asarray(azimuth_time, np.float64) - self.first_azimuth_time) / self.line_interval
        )

    def crop(self, window: Window) -> RadarGrid:
        """The grid of a window."""
        axis = self.range_axis
        if isinstance(axis, SlantRange):
            moved: SlantRange | GroundRange = replace(axis, near=axis.near + window.col * axis.spacing)
        else:
            moved = replace(axis, first=axis.first + window.col * axis.spacing)
        first = self.first_azimuth_time + window.row * self.line_interval
        return replace(
            self, first_azimuth_time=first, lines=window.rows, pixels=window.cols, range_axis=moved
        )

    def slant_range(self, azimuth_time: Floats, pixel: Floats) -> Floats:
        """Slant range (m) of fractional pixels at zero-Doppler times (s since the epoch); shapes broadcast."""
        axis = self.range_axis
        if isinstance(axis, SlantRange):
            return np.asarray(axis.near + pixel * axis.spacing + 0.0 * azimuth_time)
        t, p = np.broadcast_arrays(np.asarray(azimuth_time, np.float64), np.asarray(pixel, np.float64))
        ground = (axis.first + p * axis.spacing).ravel()
        flat = _slant_of_ground(axis.time, axis.coefficients, axis.origin, t.ravel(), ground)
        return np.asarray(flat.reshape(t.shape))

    def range_table(self) -> RangeTable:
        """The inverse of `slant_range`, tabulated."""
        axis = self.range_axis
        if isinstance(axis, SlantRange):
            far = self.pixels + TABLE_MARGIN / axis.spacing
            pixel = np.array([[-TABLE_MARGIN / axis.spacing, far]])
            step = (far + TABLE_MARGIN / axis.spacing) * axis.spacing
            return RangeTable(np.zeros(1), axis.near - TABLE_MARGIN, step, pixel)
        return self._ground_range_table(axis)

    def _ground_range_table(self, axis: GroundRange) -> RangeTable:
        edges = axis.first + np.array([-TABLE_MARGIN, self.pixels * axis.spacing + TABLE_MARGIN])
        time = self._table_times(axis.time)
        corner = _slant_of_ground(
            axis.time, axis.coefficients, axis.origin, np.repeat(time, 2), np.tile(edges, time.size)
        ).reshape(time.size, 2)
        near, far = float(corner[:, 0].max()), float(corner[:, 1].min())
        count = int((far - near) / TABLE_STEP) + 1
        slant = np.linspace(near, near + (count - 1) * TABLE_STEP, count)
        ground = np.empty((time.size, slant.size))
        for i in range(time.size):
            _ground_of_slant(
                axis.time, axis.coefficients, axis.origin, time[i], float(edges[0]), slant, ground[i]
            )
        return RangeTable(time, near, TABLE_STEP, (ground - axis.first) / axis.spacing)

    def _table_times(self, records: Floats) -> Floats:
        """Times of the records and of both image edges, and evenly between them."""
        if records.size == 1:
            return records
        ends = [self.first_azimuth_time, self.last_azimuth_time]
        knots = np.unique(np.concatenate([records, ends]))
        place = np.arange((knots.size - 1) * TABLE_ROWS + 1) / TABLE_ROWS
        return np.asarray(np.interp(place, np.arange(knots.size), knots))


def radar_grid(annotation: Annotation) -> RadarGrid:
    """The grid of an image as its annotation states it; the epoch is its first line.

    Raises:
        SceneError: A ground range image without conversion polynomials.
    """
    epoch = annotation.first_line_time
    if annotation.is_ground_range:
        axis: SlantRange | GroundRange = _ground_range_axis(annotation, epoch)
    else:
        axis = SlantRange(
            annotation.slant_range_time * SPEED_OF_LIGHT / 2.0,
            SPEED_OF_LIGHT / 2.0 / annotation.range_sampling_rate,
        )
    return RadarGrid(epoch, 0.0, annotation.line_interval, annotation.lines, annotation.pixels, axis)


def _ground_range_axis(annotation: Annotation, epoch: np.datetime64) -> GroundRange:
    conversions = sorted(annotation.coordinate_conversions, key=lambda c: c.azimuth_time)
    if not conversions:
        raise SceneError(
            "the annotation has no ground range conversion (coordinateConversionList is empty)",
            subject=f"{annotation.mission} {annotation.swath} {annotation.polarization}",
            advice="The product is damaged: download it again",
        )
    width = max(c.grsr.size for c in conversions)
    return GroundRange(
        annotation.range_pixel_spacing,
        0.0,
        seconds_since(np.array([c.azimuth_time for c in conversions]), epoch),
        np.array([np.pad(c.grsr, (0, width - c.grsr.size)) for c in conversions]),
        np.array([c.gr0 for c in conversions]),
    )


@njit(cache=True, nogil=True)
def _slant_of_ground(time: Floats, coefficients: Floats, origin: Floats, t: Floats, ground: Floats) -> Floats:
    """Slant range with both neighbouring polynomials evaluated and interpolated linearly in time."""
    out = np.empty(t.size)
    for i in range(t.size):
        j, w = _bracket(time, t[i])
        k = min(j + 1, time.size - 1)
        first = _polynomial(coefficients[j], ground[i] - origin[j])
        second = _polynomial(coefficients[k], ground[i] - origin[k])
        out[i] = first + w * (second - first)
    return out


@njit(cache=True, nogil=True, inline="always")
def _bracket(time: Floats, t: float) -> tuple[int, float]:
    """Index and weight of linear interpolation in ``time``; extrapolates at both ends, as SNAP does."""
    if time.size == 1:
        return 0, 0.0
    j = 0
    while j < time.size - 2 and t >= time[j + 1]:
        j += 1
    return j, (t - time[j]) / (time[j + 1] - time[j])


@njit(cache=True, nogil=True, inline="always")
def _polynomial(coefficients: Floats, x: float) -> float:
    value = 0.0
    for k in range(coefficients.size - 1, -1, -1):
        value = value * x + coefficients[k]
    return value


@njit(cache=True, nogil=True)
def _ground_of_slant(
    time: Floats, coefficients: Floats, origin: Floats, t: float, start: float, slant: Floats, out: Floats
) -> None:
    """Inverse of `_slant_of_ground` for evenly increasing slant ranges, by Newton's method from the previous roots."""
    j, w = _bracket(time, t)
    k = min(j + 1, time.size - 1)
    x, stride = start, 0.0
    for i in range(slant.size):
        previous = x
        x += stride
        for _ in range(50):
            first, first_slope = _polynomial_and_slope(coefficients[j], x - origin[j])
            second, second_slope = _polynomial_and_slope(coefficients[k], x - origin[k])
            excess = slant[i] - first - w * (second - first)
            step = excess / (first_slope + w * (second_slope - first_slope))
            x += step
            if abs(step) < 1e-2:  # m; what remains is its square times the curvature, less than a nanometre
                break
        out[i] = x
        stride = x - previous


@njit(cache=True, nogil=True, inline="always")
def _polynomial_and_slope(coefficients: Floats, x: float) -> tuple[float, float]:
    value, slope = 0.0, 0.0
    for k in range(coefficients.size - 1, -1, -1):
        slope = slope * x + value
        value = value * x + coefficients[k]
    return value, slope
