"""How near a geocoded raster comes to known truth: places of point targets, mean backscatter or coherence of fields."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from rasterio.features import rasterize
from rasterio.windows import Window as RasterWindow

from s1card.errors import DataError
from s1card.window import Window

Floats = NDArray[np.float64]

SIGMA = 2.5
"""Width of the window in which the place of a response is measured, pixels (see ``peak_position``)."""
SEARCH = 8
"""Pixels around the true place in which a response is looked for."""
REACH = SEARCH + math.ceil(4 * SIGMA)
"""Pixels around the true place that must be valid."""
CONTRAST = 10.0
"""Times the median of its surroundings that the peak of a response must reach."""
SHRINK = 30.0
"""Metres of a field's edge that do not count: there, a pixel mixes two fields."""
LAGS = 3
"""Pixels over which neighbouring samples of a resampled raster depend on each other."""


@dataclass(frozen=True)
class PointTarget:
    """Where a point target truly stands, degrees."""

    name: str
    longitude: float
    latitude: float


@dataclass(frozen=True)
class TargetError:
    """How far from its true place a raster shows a point target.

    Attributes:
        name: Of the target.
        east_m, north_m: Measured minus true place on the ground, metres.
        pixels: Length of the same in pixels of the raster.
    """

    name: str
    east_m: float
    north_m: float
    pixels: float

    @property
    def metres(self) -> float:
        """Length of the error on the ground."""
        return math.hypot(self.east_m, self.north_m)


@dataclass(frozen=True)
class FieldError:
    """How far from truth the mean of a field is.

    Attributes:
        id: Of the field; of the class where fields were pooled.
        field_class: Class of equal backscatter.
        samples: Pixels that took part.
        mean, truth: Measured and true gamma0, linear power. A mean may be negative: noise was subtracted.
        standard_error: What speckle makes of the mean, linear; it knows that neighbours are correlated.
    """

    id: int
    field_class: int
    samples: int
    mean: float
    truth: float
    standard_error: float

    @property
    def truth_db(self) -> float:
        """True gamma0 in decibels."""
        return 10.0 * math.log10(self.truth)

    @property
    def difference_db(self) -> float:
        """Measured minus true gamma0 in decibels; NaN where the mean is not positive."""
        return 10.0 * math.log10(self.mean / self.truth) if self.mean > 0.0 else math.nan

    @property
    def standard_error_db(self) -> float:
        """The standard error around the truth, decibels."""
        return 10.0 * math.log10(1.0 + self.standard_error / self.truth)


@dataclass(frozen=True)
class CoherenceError:
    """How far from truth the mean coherence of a field is.

    Attributes:
        id: Of the field.
        samples: Pixels that took part.
        coherence: Of the ground.
        truth: What is left of it by noise and by spectra that only overlap: what a perfect processor would find.
        mean: Of the estimates.
        standard_error: What speckle makes of the mean; it knows that neighbours are correlated.
        backscatter_db: Gamma0 of the field, decibels; side lobes of brighter neighbours disturb dark fields.
    """

    id: int
    samples: int
    coherence: float
    truth: float
    mean: float
    standard_error: float
    backscatter_db: float


@dataclass(frozen=True)
class Summary:
    """Errors in one line: their number, mean of their sizes, and the worst."""

    count: int
    mean: float
    worst: float


def read_targets(path: Path) -> list[PointTarget]:
    """Point targets of a CSV with columns ``name``, ``longitude``, ``latitude`` (degrees).

    Raises:
        DataError: The file cannot be read, or a column or number is missing.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [
                PointTarget(row["name"], float(row["longitude"]), float(row["latitude"]))
                for row in csv.DictReader(stream)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"not a table of point targets: {error!r}",
            subject=str(path),
            advice="It needs the columns name, longitude and latitude",
        ) from error


def measure_targets(raster: Path, targets: Path | Iterable[PointTarget]) -> list[TargetError]:
    """Where a raster of power shows point targets, against where they stand.

    Args:
        raster: Geocoded power, band 1.
        targets: The truth, or its CSV file. Those whose surroundings the raster does not wholly cover are left out.

    Raises:
        DataError: There is no response at the place of a target.
    """
    records = read_targets(targets) if isinstance(targets, Path) else list(targets)
    with rasterio.open(raster) as dataset:
        found = [_measure_target(dataset, target) for target in records]
    return [error for error in found if error is not None]


def measure_fields(raster: Path, fields: Path, band: str, *, shrink: float = SHRINK) -> list[FieldError]:
    """Mean backscatter of fields, against truth.

    Args:
        raster: Geocoded gamma0 in linear power, band 1, in a projection in metres.
        fields: Polygons with ``id``, ``class`` and ``gamma0_<band>`` (linear).
        band: Polarization of the raster.
        shrink: Metres that every field is shrunk by; fields that vanish then are left out, and those that do not lie
            wholly on valid pixels.

    Raises:
        DataError: The fields do not state the truth of this band, or the raster is not projected.
    """
    truth, found = _fields(raster, fields, ("id", "class", f"gamma0_{band}"), shrink)
    return [
        FieldError(
            int(truth["id"][k]),
            int(truth["class"][k]),
            int(samples),
            float(mean),
            float(truth[f"gamma0_{band}"][k]),
            float(error),
        )
        for k, (samples, mean, error) in enumerate(zip(*found, strict=True))
        if math.isfinite(mean)
    ]


def measure_coherence(
    raster: Path, fields: Path, band: str, *, shrink: float = SHRINK
) -> list[CoherenceError]:
    """Mean coherence of fields, against truth.

    Args:
        raster: Geocoded coherence, band 1, in a projection in metres.
        fields: Polygons with ``id``, ``coherence``, ``coherence_<band>_expected`` and ``gamma0_<band>_db``.
        band: Polarization of the raster.
        shrink: As of `measure_fields`.

    Raises:
        DataError: The fields do not state the truth of this band, or the raster is not projected.
    """
    columns = ("id", "coherence", f"coherence_{band}_expected", f"gamma0_{band}_db")
    truth, found = _fields(raster, fields, columns, shrink)
    return [
        CoherenceError(
            int(truth["id"][k]),
            int(samples),
            float(truth["coherence"][k]),
            float(truth[f"coherence_{band}_expected"][k]),
            float(mean),
            float(error),
            float(truth[f"gamma0_{band}_db"][k]),
        )
        for k, (samples, mean, error) in enumerate(zip(*found, strict=True))
        if math.isfinite(mean)
    ]


def pooled(errors: Iterable[FieldError]) -> list[FieldError]:
    """Fields of a class as one, weighted by their samples; ordered by class."""
    groups: dict[int, list[FieldError]] = {}
    for error in errors:
        groups.setdefault(error.field_class, []).append(error)
    return [_pool(field_class, groups[field_class]) for field_class in sorted(groups)]


def summary(values: Iterable[float]) -> Summary:
    """Number, mean size and worst size of errors; NaN where there are none."""
    sizes = [abs(value) for value in values]
    if not sizes:
        return Summary(0, math.nan, math.nan)
    return Summary(len(sizes), math.fsum(sizes) / len(sizes), max(sizes))


def peak_position(
    power: NDArray[np.floating], row: float, col: float, sigma: float = SIGMA
) -> tuple[float, float]:
    """Row and column of a point response, to a fraction of a pixel.

    The centroid under a Gaussian window that is itself centred on the result, which is the maximum of the response
    smoothed by that window. On a sampled sinc**2 whose first zeros lie at 2 pixels it errs by less than 0.001 pixel;
    a Gaussian or parabola fitted to the peak by 0.02. What bilinear resampling does to the peak misleads the fits by
    0.07 pixel and the windowed centroid by 0.02. Where slopes stretch the response by a third (back slopes), it is
    undersampled and every estimate of a bilinear raster is misled by up to 0.07.

    Args:
        power: Surroundings of the response, at least ``4 sigma`` to every side.
        row, col: Where to begin, within a pixel or two of the peak.
        sigma: Width of the window, pixels.
    """
    rows, cols = np.indices(power.shape, dtype=np.float64)
    signal = np.asarray(power - np.median(power), np.float64)
    for _ in range(100):
        weight = signal * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2.0 * sigma**2))
        total = float(weight.sum())
        moved = float((weight * rows).sum()) / total, float((weight * cols).sum()) / total
        step = math.hypot(moved[0] - row, moved[1] - col)
        row, col = moved
        if step < 1e-6:
            break
    return row, col


def _fields(
    raster: Path, fields: Path, columns: Sequence[str], shrink: float
) -> tuple[dict[str, NDArray[Any]], tuple[NDArray[np.int64], Floats, Floats]]:
    """Attributes of fields by name, and what a raster shows of each: samples, mean and standard error."""
    meta, _, geometries, values = pyogrio.raw.read(fields, columns=list(columns))
    missing = [name for name in columns if name not in meta["fields"]]
    if missing:
        raise DataError(f"the fields do not state {missing[0]}", subject=str(fields))
    with rasterio.open(raster) as dataset:
        polygons = _shrunk(shapely.from_wkb(geometries), meta["crs"], dataset, shrink)
        labels = _labels(polygons, dataset)
        found = _statistics(dataset.read(1, out_dtype="float64"), labels, len(polygons))
    return dict(zip(meta["fields"], values, strict=True)), found


def _measure_target(dataset: rasterio.io.DatasetReader, target: PointTarget) -> TargetError | None:
    to_map = Transformer.from_crs("EPSG:4326", dataset.crs, always_xy=True)
    width, _, left, _, height, top = dataset.transform[:6]  # north up, as all cards
    x, y = to_map.transform(target.longitude, target.latitude)
    true_row, true_col = (y - top) / height, (x - left) / width
    around = Window(math.floor(true_row) - REACH, math.floor(true_col) - REACH, 2 * REACH + 1, 2 * REACH + 1)
    if around.intersection(Window(0, 0, *dataset.shape)) != around:
        return None
    place = RasterWindow(around.col, around.row, around.cols, around.rows)
    power = dataset.read(1, window=place, out_dtype="float64")
    if not np.isfinite(power).all():
        return None
    row, col = _find_peak(power, target.name)
    row, col = row + around.row + 0.5, col + around.col + 0.5
    longitude, latitude = to_map.transform(left + col * width, top + row * height, direction="INVERSE")
    azimuth, _, distance = Geod(ellps="WGS84").inv(target.longitude, target.latitude, longitude, latitude)
    east, north = distance * math.sin(math.radians(azimuth)), distance * math.cos(math.radians(azimuth))
    return TargetError(target.name, east, north, math.hypot(row - true_row, col - true_col))


def _find_peak(power: Floats, name: str) -> tuple[float, float]:
    """Row and column (integer at pixel centres) of the response within ``SEARCH`` of the middle."""
    near = power[REACH - SEARCH : REACH + SEARCH + 1, REACH - SEARCH : REACH + SEARCH + 1]
    row, col = np.unravel_index(int(np.argmax(near)), near.shape)
    if near[row, col] < CONTRAST * abs(np.median(power)):
        raise DataError(
            f"there is no response within {SEARCH} pixels of its true place; the raster is misplaced, or it is not of "
            "this scene",
            subject=f"target {name}",
        )
    return peak_position(power, float(row + REACH - SEARCH), float(col + REACH - SEARCH))


def _shrunk(
    polygons: NDArray[np.object_], crs: str, dataset: rasterio.io.DatasetReader, shrink: float
) -> NDArray[np.object_]:
    """Polygons in the projection of a raster, without their edges."""
    if not dataset.crs.is_projected:
        raise DataError("fields are measured on a projection in metres", subject=dataset.name)
    to_map = Transformer.from_crs(crs, dataset.crs, always_xy=True)
    projected = shapely.transform(polygons, lambda xy: np.column_stack(to_map.transform(xy[:, 0], xy[:, 1])))
    return np.asarray(shapely.buffer(projected, -shrink))


def _labels(polygons: NDArray[np.object_], dataset: rasterio.io.DatasetReader) -> NDArray[np.int32]:
    """Number (from 1) of the polygon that holds a pixel's centre, 0 outside; without polygons beyond the raster."""
    inside = shapely.contains(shapely.box(*dataset.bounds), polygons) & ~shapely.is_empty(polygons)
    shapes = [(polygons[k], int(k) + 1) for k in np.flatnonzero(inside)]
    if not shapes:
        return np.zeros(dataset.shape, np.int32)
    return np.asarray(rasterize(shapes, dataset.shape, transform=dataset.transform, dtype="int32"))


def _statistics(
    values: Floats, labels: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Samples, mean and standard error of the values of ``count`` labels; a mean is NaN where a value is.

    The variance of a sum is the sum of all covariances; neighbours up to ``LAGS`` pixels away are correlated by
    resampling, so theirs are added lag by lag.
    """
    samples = np.bincount(labels.ravel(), minlength=count + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(labels.ravel(), values.ravel(), count + 1) / samples
    deviation = np.where(labels > 0, values - mean[labels], 0.0)
    variance = np.bincount(labels.ravel(), (deviation**2).ravel(), count + 1)
    covariance: Floats = np.array(variance, np.float64)
    for row, col in _half_of_lags():
        here, there = _overlap(deviation, row, col)
        label, other = _overlap(labels, row, col)
        product = np.where(label == other, here * there, 0.0)
        covariance += 2.0 * np.bincount(label.ravel(), product.ravel(), count + 1)
    error = np.sqrt(np.maximum(covariance, variance)) / np.maximum(samples, 1)
    return samples[1:], mean[1:], error[1:]


def _half_of_lags() -> list[tuple[int, int]]:
    """One lag (rows, columns) of every pair of opposite ones."""
    side = range(-LAGS, LAGS + 1)
    return [(row, col) for row in side for col in side if (row, col) > (0, 0)]


def _overlap(array: NDArray[Any], row: int, col: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """An array and itself moved by a lag with ``row >= 0``, where both are."""
    rows, cols = array.shape
    left, right = max(0, -col), cols - max(0, col)
    return array[: rows - row, left:right], array[row:, left + col : right + col]


def _pool(field_class: int, errors: Sequence[FieldError]) -> FieldError:
    weights = np.array([error.samples for error in errors], np.float64)
    samples = int(weights.sum())
    share = weights / weights.sum()
    mean = float((share * [error.mean for error in errors]).sum())
    truth = float((share * [error.truth for error in errors]).sum())
    spread = math.sqrt(float(((share * [error.standard_error for error in errors]) ** 2).sum()))
    return FieldError(field_class, field_class, samples, mean, truth, spread)
