"""From a card to the rows that a store takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from parcel_cases import CRS, band_of, grid_of, parcel_set, source_of, write_raster
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from s1card.parcels.extract import ExtractReport, ExtractSettings, extract
from s1card.parcels.pixels.records import PixelSource
from s1card.parcels.records import REASONS, Extraction, ParcelSet
from s1card.parcels.weights import compute_weights

GRID = grid_of(40, 40)
FIELD = shapely.box(600_000, 5_399_900, 600_100, 5_400_000)
UNSEEN = shapely.box(600_300, 5_399_700, 600_350, 5_399_750)
FAR = shapely.box(700_000, 5_399_900, 700_100, 5_400_000)
PARCELS = parcel_set([FAR, FIELD, UNSEEN])


def in_degrees(shape: BaseGeometry) -> BaseGeometry:
    to_degrees = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    return shapely.transform(shape, lambda xy: np.column_stack(to_degrees.transform(*xy.T)))


def run(
    source: PixelSource, parcels: ParcelSet = PARCELS, settings: ExtractSettings | None = None
) -> tuple[Extraction, ExtractReport]:
    wanted = settings or ExtractSettings()
    return extract(source, lambda lattice: compute_weights(parcels, lattice, wanted.rule), wanted)


@pytest.fixture
def values() -> np.ndarray:
    out = np.random.default_rng(3).gamma(4.4, 0.05 / 4.4, GRID.shape).astype(np.float32)
    out[20:, 20:] = np.nan
    return out


def test_rows_of_what_the_card_shows(values: np.ndarray, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", GRID, values, 0.2 * values)
    source = source_of(band_of(path, "VVb"), band_of(path, "VHb", 2), footprint=in_degrees(FIELD))
    extraction, report = run(source)
    assert [band.band for band in extraction.bands] == ["VVb", "VHb"]
    for band, factor in zip(extraction.bands, (1.0, 0.2), strict=True):
        assert band.pid.tolist() == [2]
        assert band.values["mean"][0] == pytest.approx(factor * values[:10, :10].mean(), rel=1e-6)
        assert set(band.values) == {"count", "valid", "mean", "std", "min", "max", "p25", "p50", "p75"}
    assert report == ExtractReport(parcels=1, outside=2, rows=2, reasons={})


def test_a_parcel_in_the_footprint_without_data_has_a_row_that_says_so(
    values: np.ndarray, tmp_path: Path
) -> None:
    path = write_raster(tmp_path / "a.tif", GRID, values)
    footprint = in_degrees(shapely.box(600_000, 5_399_600, 600_400, 5_400_000))
    extraction, report = run(source_of(band_of(path), footprint=footprint))
    (band,) = extraction.bands
    assert band.pid.tolist() == [2, 3]
    assert [REASONS[k] for k in band.reason] == ["", "no data"]
    assert (band.values["count"][1], band.values["valid"][1]) == (0, 0)
    assert report.reasons == {"no data": 1}


def test_optional_statistics(values: np.ndarray, tmp_path: Path) -> None:
    """Without noise 4.4 looks; the incidence angle is the mean of the layer over the parcel."""
    angle = np.full(GRID.shape, 35.0, np.float32) + np.arange(40, dtype=np.float32)
    path = write_raster(tmp_path / "a.tif", GRID, values, angle)
    source = source_of(band_of(path), incidence=band_of(path, "inc", 2), footprint=in_degrees(FIELD))
    extraction, _ = run(source, settings=ExtractSettings(extras=("mean_db", "enl", "inc")))
    (band,) = extraction.bands
    field = values[:10, :10].astype(np.float64)
    assert band.values["mean_db"][0] == pytest.approx(10 * np.log10(field.mean()), abs=1e-5)
    assert band.values["enl"][0] == pytest.approx((field.mean() / field.std()) ** 2, rel=1e-5)
    assert band.values["inc"][0] == pytest.approx(39.5)
    assert extraction.settings["extras"] == "mean_db,enl,inc"


def test_power_below_zero_has_no_decibels(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", GRID, np.full(GRID.shape, -0.001, np.float32))
    extraction, _ = run(source_of(band_of(path)), settings=ExtractSettings(extras=("mean_db",)))
    assert np.isnan(extraction.bands[0].values["mean_db"][0])
    assert extraction.bands[0].values["mean"][0] == pytest.approx(-0.001)


def test_bands_of_two_grids_and_classes(tmp_path: Path) -> None:
    """As in Sentinel-2: 10 m, 20 m, and classes at 20 m."""
    ten = write_raster(tmp_path / "b04.tif", grid_of(40, 40), np.full((40, 40), 500, np.uint16), nodata=0)
    twenty = write_raster(
        tmp_path / "b05.tif", grid_of(20, 20, spacing=20), np.full((20, 20), 900, np.uint16)
    )
    classes = np.full((20, 20), 4, np.uint8)
    classes[0, :2] = 9
    scl = write_raster(tmp_path / "scl.tif", grid_of(20, 20, spacing=20), classes, nodata=0)
    source = source_of(
        band_of(ten, "B04", offset=-100.0), band_of(scl, "SCL", is_classes=True), band_of(twenty, "B05")
    )
    extraction, report = run(source)
    assert [band.band for band in extraction.bands] == ["B04", "B05"]
    assert [band.values["mean"][0] for band in extraction.bands] == [400, 900]
    assert [band.values["count"][0] for band in extraction.bands] == [100, 25]
    assert extraction.histograms is not None
    assert extraction.histograms.pid.tolist() == [2, 3]
    assert extraction.histograms.as_mapping(0) == {"4": 23, "9": 2}
    assert report.parcels == 2


def test_nothing_in_common(values: np.ndarray, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", GRID, values)
    extraction, report = run(source_of(band_of(path)), parcel_set([FAR]))
    assert extraction.row_count == 0
    assert (report.parcels, report.outside) == (0, 1)
