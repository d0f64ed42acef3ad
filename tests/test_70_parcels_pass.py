"""Statistics of parcels: against rasterstats, exactextract and hand-computed cases."""

from __future__ import annotations

import warnings
from pathlib import Path

import exactextract
import numpy as np
import pytest
import rasterio
import rasterstats
import shapely
from parcel_cases import band_of, grid_of, parcel_set, random_polygon, write_raster

from s1card.geometry.map_grid import MapGrid
from s1card.parcels.lattice import Lattice
from s1card.parcels.one_pass import RESULTS, BandResult, run_pass
from s1card.parcels.records import REASONS, ParcelSet
from s1card.parcels.weights import Rule, compute_weights
from s1card.window import Window

PEERS = ("count", "mean", "std", "min", "max", "p25", "p50", "p75")
GRID = grid_of(700, 620)


def statistics(
    path: Path, parcels: ParcelSet, rule: Rule = "centre", **options: object
) -> dict[str, np.ndarray]:
    band = band_of(path)
    result = run_pass([band], compute_weights(parcels, Lattice.of(band.grid), rule), **options)[0]
    return columns(result)


def columns(result: BandResult) -> dict[str, np.ndarray]:
    return {name: result.values[:, k] for k, name in enumerate(RESULTS)}


def speckle(rows: int, cols: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4.4, 0.05 / 4.4, (rows, cols)).astype(np.float32)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speckle with a corner, a strip and single pixels without data."""
    values = speckle(*GRID.shape)
    values[600:, 500:] = np.nan
    values[:, 300:304] = np.nan
    values[np.random.default_rng(1).random(GRID.shape) < 0.05] = np.nan
    return write_raster(tmp_path_factory.mktemp("pass") / "card.tif", GRID, values, nodata=np.nan, block=128)


@pytest.fixture(scope="module")
def parcels() -> ParcelSet:
    """Tiny and large ones, some of them over the border, in the corner without data, or outside."""
    rng = np.random.default_rng(2)
    left, bottom, right, top = GRID.bounds
    centres = rng.uniform((left - 300, bottom - 300), (right + 300, top + 300), (350, 2))
    radii = np.exp(rng.uniform(np.log(4), np.log(900), 350))
    return parcel_set([random_polygon(rng, tuple(c), r) for c, r in zip(centres, radii, strict=True)])


def compare(mine: dict[str, np.ndarray], peer: dict[str, np.ndarray]) -> None:
    has_data = peer["count"] > 0
    assert 100 < has_data.sum() < len(has_data)
    np.testing.assert_allclose(np.nan_to_num(mine["count"]), peer["count"], rtol=1e-6, atol=1e-6)
    for name in PEERS[1:]:
        np.testing.assert_allclose(
            mine[name][has_data], peer[name][has_data], rtol=1e-6, atol=1e-9, err_msg=name
        )
        assert np.isnan(mine[name][~has_data]).all()


def test_centre_rule_equals_rasterstats(card: Path, parcels: ParcelSet) -> None:
    names = ["percentile_" + name[1:] if name.startswith("p") else name for name in PEERS]
    shapes = [shapely.geometry.mapping(g) for g in parcels.geometries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rasterstats: it sets a no-data value itself
        found = rasterstats.zonal_stats(shapes, str(card), stats=names, nodata=-1)
    compare(statistics(card, parcels), peer_table(found, names))


def test_coverage_rule_equals_exactextract(card: Path, parcels: ParcelSet) -> None:
    features = [
        {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(g)}
        for g in parcels.geometries
    ]
    names = ["count", "mean", "stdev", "min", "max", "quantile_25", "quantile_50", "quantile_75"]
    wanted = [*names[:5], "quantile(q=0.25)", "quantile(q=0.5)", "quantile(q=0.75)"]
    found = [feature["properties"] for feature in exactextract.exact_extract(str(card), features, wanted)]
    compare(statistics(card, parcels, "coverage"), peer_table(found, names))


def peer_table(rows: list[dict[str, float | None]], names: list[str]) -> dict[str, np.ndarray]:
    return {
        mine: np.array([np.nan if row[name] is None else row[name] for row in rows], float)
        for mine, name in zip(PEERS, names, strict=True)
    }


def test_hand_computed_statistics(tmp_path: Path) -> None:
    """Four pixels, 1 2 3 10: mean 4, population variance 12.5, quartiles 1.75, 2.5, 4.75."""
    values = np.array([[1, 2, 99], [3, 10, 99]], np.float32)
    path = write_raster(tmp_path / "a.tif", grid_of(2, 3), values)
    found = statistics(path, parcel_set([shapely.box(600_000, 5_399_980, 600_020, 5_400_000)]))
    expected = {"reason": 0, "count": 4, "valid": 1, "mean": 4, "std": 12.5**0.5, "min": 1, "max": 10}
    for name, value in {**expected, "p25": 1.75, "p50": 2.5, "p75": 4.75}.items():
        assert found[name][0] == pytest.approx(value, rel=1e-6), name


def test_half_a_pixel_matters(tmp_path: Path) -> None:
    """The original's second generation took pixels half a pixel to the south-west of a parcel (5 m at 10 m).

    A parcel covers exactly 2 x 2 pixels; those south and west of it hold other values.
    """
    values = np.full((6, 6), 100, np.float32)
    values[2:4, 2:4] = [[1, 2], [3, 4]]
    path = write_raster(tmp_path / "a.tif", grid_of(6, 6), values)
    parcel = parcel_set([shapely.box(600_020, 5_399_960, 600_040, 5_399_980)])
    for rule in ("centre", "coverage"):
        found = statistics(path, parcel, rule)
        assert (found["count"][0], found["mean"][0], found["max"][0]) == (4, 2.5, 4)


def test_a_parcel_keeps_the_pixels_that_are_valid(tmp_path: Path) -> None:
    """The original's second generation dropped a parcel as a whole for one zero pixel."""
    values = np.array([[5, 0], [7, 9]], np.float32)
    path = write_raster(tmp_path / "a.tif", grid_of(2, 2), values, nodata=0)
    found = statistics(path, parcel_set([shapely.box(600_000, 5_399_980, 600_020, 5_400_000)]))
    assert (found["count"][0], found["valid"][0], found["mean"][0]) == (3, 0.75, 7)


def test_scale_and_offset_come_after_no_data(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif", grid_of(2, 2), np.array([[0, 1000], [1500, 3000]], np.uint16), nodata=0
    )
    parcels = parcel_set([shapely.box(600_000, 5_399_980, 600_020, 5_400_000)])
    band = band_of(path, "B04", scale=2.0, offset=-1000.0)
    found = columns(run_pass([band], compute_weights(parcels, Lattice.of(band.grid)))[0])
    assert (found["count"][0], found["min"][0], found["p50"][0], found["max"][0]) == (3, 1000, 2000, 5000)


def test_reasons(tmp_path: Path) -> None:
    values = np.ones((4, 4), np.float32)
    values[:, 2:] = np.nan
    path = write_raster(tmp_path / "a.tif", grid_of(4, 4), values)
    corner = (600_000, 5_400_000)
    shapes = [(0, -40, 20, 0), (0, -10, 20, 0), (20, -40, 40, 0), (1, -3, 3, -1), (100, -20, 120, 0)]
    parcels = parcel_set(
        [shapely.box(corner[0] + a, corner[1] + b, corner[0] + c, corner[1] + d) for a, b, c, d in shapes]
    )
    found = statistics(path, parcels, least=3.0)
    reasons = [None if np.isnan(k) else REASONS[int(k)] for k in found["reason"]]
    assert reasons == ["", "too few pixels", "no data", "no pixel", None]
    assert found["count"][:4].tolist() == [8, 2, 0, 0]
    assert np.isnan(found["mean"][1:]).all()


@pytest.mark.parametrize("rule", ["centre", "coverage"])
def test_nothing_depends_on_blocks_threads_or_company(
    card: Path, parcels: ParcelSet, tmp_path: Path, rule: Rule
) -> None:
    expected = statistics(card, parcels, rule)
    with rasterio.open(card) as file:
        values = file.read(1)
    for block, threads in ((0, 3), (256, 1), (16, 2)):
        other = write_raster(tmp_path / f"{block}.tif", GRID, values, nodata=np.nan, block=block)
        found = statistics(other, parcels, rule, threads=threads)
        for name in RESULTS:
            np.testing.assert_array_equal(found[name], expected[name])
    half = parcels.part(slice(None, None, 2))
    for name, column in statistics(card, half, rule).items():
        np.testing.assert_array_equal(column, expected[name][::2])


def test_cards_of_a_track_share_their_weights(card: Path, parcels: ParcelSet, tmp_path: Path) -> None:
    """A card that begins elsewhere on the lattice: the same pixels give the same statistics."""
    with rasterio.open(card) as file:
        values = file.read(1)
    part = Window(33, 57, 400, 500)
    cut = write_raster(
        tmp_path / "part.tif", GRID.crop(part), values[33:433, 57:557], nodata=np.nan, block=64
    )
    weights = compute_weights(parcels, Lattice.of(GRID))
    found = columns(run_pass([band_of(cut)], weights)[0])
    emptied = np.full_like(values, np.nan)
    emptied[33:433, 57:557] = values[33:433, 57:557]
    whole = write_raster(tmp_path / "whole.tif", GRID, emptied, nodata=np.nan, block=128)
    expected = columns(run_pass([band_of(whole)], weights)[0])
    seen = ~np.isnan(found["reason"])
    for name in RESULTS:
        np.testing.assert_array_equal(found[name][seen], expected[name][seen])
    assert (np.nan_to_num(expected["count"][~seen]) == 0).all()


def test_two_bands_are_reduced_apart(tmp_path: Path) -> None:
    first, second = speckle(60, 60, 1), speckle(60, 60, 2)
    second[10:20] = np.nan
    path = write_raster(tmp_path / "two.tif", grid_of(60, 60), first, second)
    parcels = parcel_set([shapely.box(600_050, 5_399_500, 600_300, 5_399_950)])
    weights = compute_weights(parcels, Lattice.of(grid_of(60, 60)))
    results = run_pass([band_of(path, "VVb"), band_of(path, "VHb", 2)], weights)
    for result, values in zip(results, (first, second), strict=True):
        inside = values[5:50, 5:30]
        assert columns(result)["mean"][0] == pytest.approx(np.nanmean(inside), rel=1e-6)
        assert columns(result)["count"][0] == np.isfinite(inside).sum()


def test_classes_are_counted(tmp_path: Path) -> None:
    classes = np.array([[4, 4, 5], [0, 8, 5], [4, 255, 5]], np.uint8)
    path = write_raster(tmp_path / "scl.tif", grid_of(3, 3, spacing=20), classes, nodata=0)
    parcels = parcel_set([shapely.box(600_000, 5_399_940, 600_060, 5_400_000)])
    weights = compute_weights(parcels, Lattice.of(grid_of(3, 3, spacing=20)))
    counts = run_pass([band_of(path, "SCL", is_classes=True)], weights)[0].classes[0]
    assert {k: n for k, n in enumerate(counts.tolist()) if n} == {4: 3, 5: 3, 8: 1}


def test_a_tall_parcel_is_gathered_over_many_strips(tmp_path: Path) -> None:
    grid = MapGrid("EPSG:32632", 600_000, 5_400_000, 10, 10, 2300, 40)
    values = speckle(2300, 40, 3)
    path = write_raster(tmp_path / "tall.tif", grid, values, block=16)
    parcels = parcel_set(
        [
            shapely.box(600_100, 5_377_100, 600_200, 5_399_900),
            shapely.box(600_000, 5_390_000, 600_400, 5_390_100),
        ]
    )
    found = statistics(path, parcels)
    expected = values[10:2290, 10:20].astype(np.float64)
    assert found["count"][0] == expected.size
    assert found["mean"][0] == pytest.approx(expected.mean(), rel=1e-6)
    assert found["p75"][0] == pytest.approx(np.percentile(expected, 75), rel=1e-6)
    assert found["count"][1] == 400


def test_constant_values_and_single_pixels(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", grid_of(50, 50), np.full((50, 50), 0.1, np.float32))
    parcels = parcel_set(
        [
            shapely.box(600_000, 5_399_500, 600_500, 5_400_000),
            shapely.box(600_000, 5_399_990, 600_010, 5_400_000),
        ]
    )
    for rule in ("centre", "coverage"):
        found = statistics(path, parcels, rule)
        for name in ("mean", "min", "max", "p25", "p50", "p75"):
            np.testing.assert_allclose(found[name], np.float32(0.1), rtol=1e-6)
        np.testing.assert_allclose(found["std"], 0, atol=1e-7)
