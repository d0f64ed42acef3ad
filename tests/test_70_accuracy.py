"""Measuring a raster against truth: places of point responses, means of fields, their standard errors."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from s1card.accuracy import (
    FieldError,
    PointTarget,
    measure_fields,
    measure_targets,
    peak_position,
    pooled,
    read_targets,
    summary,
)
from s1card.errors import DataError

EPSG = 32632
LEFT, TOP, SPACING = 600_000.0, 5_000_000.0, 10.0


def response(distance: np.ndarray, width: float) -> np.ndarray:
    """Power of an ideal response whose first zeros are ``width`` from its peak."""
    return np.sinc(distance / width) ** 2


def scene(row: float, col: float, size: int = 61, background: float = 1e-4) -> np.ndarray:
    rows, cols = np.indices((size, size))
    return response(rows - row, 2.0) * response(cols - col, 2.2) + background


def write(path: Path, values: np.ndarray, epsg: int = EPSG, transform: rasterio.Affine | None = None) -> Path:
    transform = transform or rasterio.Affine(SPACING, 0, LEFT, 0, -SPACING, TOP)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", crs=f"EPSG:{epsg}", transform=transform, **shape) as raster:
        raster.write(values.astype("float32"), 1)
    return path


def target_at(row: float, col: float, name: str = "T") -> PointTarget:
    """A target at a place in pixels: 0 is the centre of the first pixel."""
    to_geographic = Transformer.from_crs(EPSG, 4326, always_xy=True)
    x, y = LEFT + (col + 0.5) * SPACING, TOP - (row + 0.5) * SPACING
    return PointTarget(name, *to_geographic.transform(x, y))


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.0, 0.01))
def test_place_of_a_sampled_response_is_found_to_three_thousandths(
    down: float, right: float, clutter: float
) -> None:
    power = scene(30.0 + down, 30.0 + right, background=clutter)
    row, col = peak_position(power, 30.0, 30.0)
    assert math.hypot(row - 30.0 - down, col - 30.0 - right) <= 0.003


def test_speckle_of_the_clutter_40_db_below_moves_the_place_by_less_than_three_thousandths() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        down, right = random.uniform(-0.5, 0.5, 2)
        power = scene(30.0 + down, 30.0 + right, background=0.0) + 1e-4 * random.gamma(4.4, 1 / 4.4, (61, 61))
        row, col = peak_position(power, 30.0, 30.0)
        assert math.hypot(row - 30.0 - down, col - 30.0 - right) <= 0.003


def test_error_of_a_misplaced_raster_has_direction_and_size(tmp_path: Path) -> None:
    """The response lies 0.3 pixel to the east and 0.4 to the north of where the target stands."""
    raster = write(tmp_path / "r.tif", scene(30.25 - 0.4, 30.1 + 0.3))
    (error,) = measure_targets(raster, [target_at(30.25, 30.1, "A")])
    assert error.name == "A"
    assert error.pixels == pytest.approx(0.5, abs=0.003)
    # On the ground a grid metre at this longitude is 1 / 0.99971 m, and grid north 0.9 degrees from true north.
    assert error.metres == pytest.approx(5.0, abs=0.03)
    assert (error.east_m, error.north_m) == pytest.approx((3.0, 4.0), abs=0.1)


def test_errors_of_a_raster_in_degrees_are_in_metres_as_well(tmp_path: Path) -> None:
    step = 1e-4
    transform = rasterio.Affine(step, 0, 10.0, 0, -step, 60.0)
    raster = write(tmp_path / "r.tif", scene(30.0, 30.0), 4326, transform)
    truth = PointTarget("B", 10.0 + 30.5 * step, 60.0 - 31.5 * step)  # one pixel to the south
    (error,) = measure_targets(raster, [truth])
    assert error.pixels == pytest.approx(1.0, abs=0.001)
    assert error.north_m == pytest.approx(1e-4 * 111_412.0, abs=0.02)  # a degree of latitude at 60 degrees
    assert error.east_m == pytest.approx(0.0, abs=0.01)


def test_targets_that_the_raster_does_not_wholly_show_are_left_out(tmp_path: Path) -> None:
    values = scene(30.0, 30.0, size=90)
    values[80, 70] = np.nan
    raster = write(tmp_path / "r.tif", values)
    targets = [
        target_at(30, 30, "in"),
        target_at(5, 30, "edge"),
        target_at(30, 500, "off"),
        target_at(68, 68, "void"),
    ]
    assert [error.name for error in measure_targets(raster, targets)] == ["in"]


def test_a_target_without_response_is_an_error(tmp_path: Path) -> None:
    raster = write(tmp_path / "r.tif", np.random.default_rng(2).gamma(4.4, 1 / 4.4, (90, 90)))
    with pytest.raises(DataError, match=r"target C: there is no response"):
        measure_targets(raster, [target_at(45, 45, "C")])


def test_targets_come_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "targets.csv"
    table.write_text("name,longitude,latitude,height\nT001,10.5,45.25,3\n", encoding="utf-8")
    assert read_targets(table) == [PointTarget("T001", 10.5, 45.25)]
    table.write_text("name,lon\nT001,10.5\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a table of point targets"):
        read_targets(table)
    with pytest.raises(DataError, match="not a table of point targets"):
        read_targets(tmp_path / "none.csv")


def write_fields(path: Path, squares: list[tuple[int, int, int, float]], side: int = 20) -> Path:
    """Fields of ``side`` pixels: first row, first column, class, gamma0."""
    polygons = [
        shapely.box(
            LEFT + c * SPACING, TOP - (r + side) * SPACING, LEFT + (c + side) * SPACING, TOP - r * SPACING
        )
        for r, c, _, _ in squares
    ]
    columns = {
        "id": np.arange(len(squares)) + 7,
        "class": np.array([k for _, _, k, _ in squares]),
        "gamma0_VV": np.array([g for *_, g in squares]),
    }
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(polygons)),
        field_data=list(columns.values()),
        fields=list(columns),
        crs=f"EPSG:{EPSG}",
        geometry_type="Polygon",
        driver="GPKG",
    )
    return path


def test_field_means_leave_out_30_m_of_the_edge(tmp_path: Path) -> None:
    values = np.full((60, 60), 99.0)
    values[13:27, 13:27] = 0.2  # the field is 10 .. 30; 30 m of edge are 3 pixels
    values[20, 20] = 0.396
    raster = write(tmp_path / "r.tif", values)
    fields = write_fields(tmp_path / "f.gpkg", [(10, 10, 4, 0.1)])
    (error,) = measure_fields(raster, fields, "VV")
    assert (error.id, error.field_class, error.samples) == (7, 4, 14 * 14)
    assert error.mean == pytest.approx(0.2 + 0.196 / 196, rel=1e-6)
    assert error.truth == 0.1
    assert error.difference_db == pytest.approx(10 * math.log10(2.01), abs=1e-5)
    assert error.truth_db == pytest.approx(-10.0)


def test_fields_with_no_data_outside_or_too_small_are_left_out(tmp_path: Path) -> None:
    values = np.ones((100, 100))
    values[50, 50] = np.nan
    raster = write(tmp_path / "r.tif", values)
    fields = write_fields(tmp_path / "f.gpkg", [(10, 10, 1, 1.0), (45, 45, 1, 1.0), (90, 10, 1, 1.0)])
    assert [error.id for error in measure_fields(raster, fields, "VV")] == [7]
    assert measure_fields(raster, fields, "VV", shrink=100.0) == []
    with pytest.raises(DataError, match="do not state gamma0_VH"):
        measure_fields(raster, fields, "VH")


def test_fields_need_metres(tmp_path: Path) -> None:
    raster = write(tmp_path / "r.tif", np.ones((9, 9)), 4326, rasterio.Affine(0.1, 0, 10, 0, -0.1, 50))
    with pytest.raises(DataError, match="projection in metres"):
        measure_fields(raster, write_fields(tmp_path / "f.gpkg", [(1, 1, 1, 1.0)]), "VV")


@pytest.mark.parametrize("smooth", [False, True])
def test_standard_error_is_the_scatter_of_means_also_of_correlated_samples(
    tmp_path: Path, smooth: bool
) -> None:
    """400 fields of the same truth: what each says of itself agrees with how they scatter."""
    values = np.random.default_rng(3).gamma(4.4, 1 / 4.4, (560, 560))
    if smooth:  # as bilinear resampling half a pixel away does: variance falls to a quarter, the mean's stays
        values[:-1, :-1] = (values[:-1, :-1] + values[1:, :-1] + values[:-1, 1:] + values[1:, 1:]) / 4
    raster = write(tmp_path / "r.tif", values)
    squares = [(28 * r, 28 * c, 1, 1.0) for r in range(20) for c in range(20)]
    errors = measure_fields(raster, write_fields(tmp_path / "f.gpkg", squares, side=26), "VV")
    assert len(errors) == 400
    scatter = np.std([error.mean for error in errors])
    assert scatter == pytest.approx(1 / math.sqrt(4.4 * 400), rel=0.12)
    assert np.sqrt(np.mean([error.standard_error**2 for error in errors])) == pytest.approx(scatter, rel=0.15)


def test_pooling_weights_by_samples() -> None:
    errors = [
        FieldError(1, 3, 100, 0.2, 0.1, 0.03),
        FieldError(2, 3, 300, 0.1, 0.1, 0.01),
        FieldError(3, 2, 10, -0.001, 0.001, 0.002),
    ]
    second, third = pooled(errors)
    assert (second.field_class, third.field_class, third.samples) == (2, 3, 400)
    assert third.mean == pytest.approx(0.125)
    assert third.truth == pytest.approx(0.1)
    assert third.standard_error == pytest.approx(math.hypot(0.25 * 0.03, 0.75 * 0.01))
    assert math.isnan(second.difference_db)
    assert second.standard_error_db == pytest.approx(10 * math.log10(3.0))


def test_summary_is_of_sizes() -> None:
    assert (summary([0.1, -0.3]).count, summary([0.1, -0.3]).worst) == (2, 0.3)
    assert summary([0.1, -0.3]).mean == pytest.approx(0.2)
    assert summary([]).count == 0 and math.isnan(summary([]).worst)
