"""Elevation models: lattices of tiles, datums, voids, sea, and reads that do not depend on the cut."""

from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine

from s1card.errors import DemError
from s1card.geometry import dem as dem_module
from s1card.geometry.dem import Dem, HeightPatch, VerticalDatum, guess_datum
from s1card.geometry.dem_mosaic import Mosaic, make_layers
from s1card.geometry.dem_tiles import find_tiles, tile_files
from s1card.geometry.dem_voids import fill_small_voids
from s1card.geometry.dem_window import sample_bilinear, sample_cubic
from s1card.window import Window

PER_DEGREE = 120  # of the miniature GLO-30: 1 x 1 degree tiles, columns 1, 1.5 and 2 times as wide


def write_dem(
    path: Path, height: np.ndarray, x: float, y: float, dx: float, dy: float, **profile: object
) -> Path:
    """A raster whose first sample's CENTRE is (x, y)."""
    options = {"driver": "GTiff", "crs": "EPSG:4326", "dtype": height.dtype, "count": 1, **profile}
    rows, cols = height.shape
    transform = Affine(dx, 0.0, x - dx / 2, 0.0, -dy, y + dy / 2)
    with rasterio.open(path, "w", height=rows, width=cols, transform=transform, **options) as dataset:
        dataset.write(height, 1)
    return path


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 100.0 + 40.0 * (x - 7.0) + 25.0 * (y - 48.0)


def write_tile(folder: Path, lon: int, lat: int, widening: float = 1.0, per_degree: int = PER_DEGREE) -> Path:
    """A tile named and registered as those of GLO-30: samples on its west and north edge only."""
    dy, dx = 1.0 / per_degree, widening / per_degree
    x = lon + np.arange(round(per_degree / widening)) * dx
    y = lat + 1 - np.arange(per_degree) * dy
    name = f"Copernicus_DSM_COG_10_N{lat:02d}_00_E{lon:03d}_00_DEM.tif"
    return write_dem(folder / name, plane(x, y[:, np.newaxis]).astype(np.float32), lon, lat + 1, dx, dy)


def at(patch: HeightPatch, x: float, y: float) -> float:
    return float(sample_bilinear(patch.height, float(patch.row(y)), float(patch.col(x))))


def assert_is_plane(dem: Dem, west: float, south: float, east: float, north: float, points: int = 61) -> None:
    patch = dem.read(west, south, east, north)
    for x in np.linspace(west, east, points):
        for y in np.linspace(south, north, points):
            assert at(patch, x, y) == pytest.approx(plane(x, y), abs=1e-4), (x, y)


@pytest.fixture(scope="module")
def rough(tmp_path_factory: pytest.TempPathFactory) -> Dem:
    """Rough terrain with voids of all sizes over four tiles, across borders of chunks in both directions."""
    folder = tmp_path_factory.mktemp("rough")
    rng = np.random.default_rng(5)
    for lon in (7, 8):
        for lat in (46, 47):
            path = write_tile(folder, lon, lat)
            with rasterio.open(path, "r+") as dataset:
                height = dataset.read(1)
                height += rng.normal(0, 20, height.shape).astype(np.float32)
                height[rng.random(height.shape) < 0.1] = np.nan
                height[20:26, 85:91] = np.nan
                dataset.write(height, 1)
    return Dem.open(folder, "ellipsoid", sea="nodata")


# --- what a patch is ---


def test_patch_gives_centres_and_a_margin(tmp_path: Path) -> None:
    height = np.arange(600, dtype=np.float32).reshape(20, 30)
    dem = Dem.open(write_dem(tmp_path / "d.tif", height, 10.0, 45.0, 0.01, 0.01), "ellipsoid")
    patch = dem.read(10.05, 44.90, 10.10, 44.95)
    assert (patch.x0, patch.y0) == (pytest.approx(10.03), pytest.approx(44.97))
    assert patch.height.shape == (10, 10)
    np.testing.assert_array_equal(patch.height, height[3:13, 3:13])
    assert patch.height.dtype == np.float32
    assert patch.crs == "EPSG:4326"


@pytest.mark.parametrize("kind", ["Area", "Point"])
def test_pixel_is_point_and_pixel_is_area_agree(tmp_path: Path, kind: str) -> None:
    """GDAL moves the corner of pixel-is-point rasters; the centres of both are where they were written."""
    path = tmp_path / "d.tif"
    write_dem(path, np.full((5, 5), 7, np.int16), 10.0, 45.0, 0.01, 0.01)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(AREA_OR_POINT=kind)
    patch = Dem.open(path, "ellipsoid").read(10.0, 44.96, 10.04, 45.0)
    known = np.argwhere(np.isfinite(patch.height))
    assert patch.x0 + known[:, 1].min() * patch.dx == pytest.approx(10.0)
    assert patch.y0 - known[:, 0].min() * patch.dy == pytest.approx(45.0)


def test_outside_a_single_raster_is_unknown(tmp_path: Path) -> None:
    path = write_dem(tmp_path / "d.tif", np.ones((5, 5), np.float32), 10.0, 45.0, 0.01, 0.01)
    patch = Dem.open(path, "ellipsoid").read(9.95, 44.9, 10.1, 45.05)
    assert np.isfinite(patch.height).sum() == 25


# --- planes across borders ---


def test_plane_across_tiles(tmp_path: Path) -> None:
    for lon in (6, 7):
        for lat in (47, 48):
            write_tile(tmp_path, lon, lat)
    dem = Dem.open(tmp_path, "ellipsoid")
    assert dem.spacing == (pytest.approx(1 / PER_DEGREE), pytest.approx(1 / PER_DEGREE))
    assert_is_plane(dem, 6.8, 47.8, 7.3, 48.2)


@pytest.mark.parametrize(("border", "below", "above"), [(50, 1.0, 1.5), (60, 1.5, 2.0), (80, 3.0, 5.0)])
def test_plane_across_latitude_zones(tmp_path: Path, border: int, below: float, above: float) -> None:
    for lon in (6, 7, 8):
        write_tile(tmp_path, lon, border - 1, below)
        write_tile(tmp_path, lon, border, above)
    dem = Dem.open(tmp_path, "ellipsoid")
    assert dem.spacing[0] == pytest.approx(below / PER_DEGREE)
    assert_is_plane(dem, 6.9, border - 0.1, 7.1, border + 0.1)
    assert_is_plane(dem, 7.95, border - 0.1, 8.1, border + 0.1)


def test_plane_across_a_country_filled_with_coarser_tiles(tmp_path: Path) -> None:
    """The coarse tile N48 E007 takes its far corners from the fine tiles around it."""
    for lon in (6, 7, 8):
        for lat in (47, 48, 49):
            write_tile(tmp_path, lon, lat, per_degree=40 if (lon, lat) == (7, 48) else PER_DEGREE)
    dem = Dem.open(tmp_path, "ellipsoid", sea="nodata")
    assert_is_plane(dem, 6.9, 47.9, 8.1, 49.1, points=53)


def test_mosaic_window_ending_at_a_tile_border_is_cut_from_the_whole(tmp_path: Path) -> None:
    for lon, per_degree in ((7, 40), (8, PER_DEGREE)):
        write_tile(tmp_path, lon, 48, per_degree=per_degree)
    mosaic = Mosaic(make_layers(find_tiles(tmp_path, None), geographic=True))
    first = 188 * PER_DEGREE  # the column at 8 degrees east
    whole, _ = mosaic.read(Window(41 * PER_DEGREE, first - 50, 90, 100))
    part, covered = mosaic.read(Window(41 * PER_DEGREE + 20, first - 10, 30, 10))
    assert covered.all()
    np.testing.assert_array_equal(part, whole[20:50, 40:50])


def test_plane_across_projected_tiles(tmp_path: Path) -> None:
    def height(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.01 * (x - 600_000.0) - 0.02 * (y - 5_200_000.0)

    for name, west in (("a", 600_000.0), ("b", 603_000.0)):
        x = west + 15.0 + np.arange(100) * 30.0
        y = 5_200_000.0 - 15.0 - np.arange(80) * 30.0
        write_dem(
            tmp_path / f"{name}.tif",
            height(x, y[:, np.newaxis]).astype(np.float32),
            x[0],
            y[0],
            30.0,
            30.0,
            crs="EPSG:32632",
        )
    dem = Dem.open(tmp_path, "ellipsoid")
    assert dem.crs == "EPSG:32632"
    assert dem.bounds == (600_000.0, 5_197_600.0, 606_000.0, 5_200_000.0)
    patch = dem.read(602_500.0, 5_198_500.0, 603_500.0, 5_199_500.0)
    for x, y in [(602_999.0, 5_199_001.0), (603_001.0, 5_198_777.0), (602_511.5, 5_199_488.0)]:
        assert at(patch, x, y) == pytest.approx(height(x, y), abs=1e-3)


def test_date_line(tmp_path: Path) -> None:
    step = 1.0 / 50
    for name, west, level in (("east", 179.0, 10.0), ("west", -180.0, 20.0)):
        write_dem(tmp_path / f"{name}.tif", np.full((50, 50), level, np.float32), west, 11.0, step, step)
    patch = Dem.open(tmp_path, "ellipsoid").read(179.9, 10.5, 180.1, 10.6)
    assert at(patch, 179.95, 10.55) == 10.0
    assert at(patch, 180.05, 10.55) == 20.0


def test_overlapping_hgt_tiles_and_zipped_ones(tmp_path: Path) -> None:
    """SRTM tiles share their edge samples; the zipped one is read in place."""
    y = 48.0 - np.arange(1201) / 1200.0
    for lon in (10, 11):
        x = lon + np.arange(1201) / 1200.0
        name = f"N47E{lon:03d}"
        raw = np.round(plane(x, y[:, np.newaxis]) * 10).astype(">i2").tobytes()
        if lon == 10:
            (tmp_path / f"{name}.hgt").write_bytes(raw)
        else:
            with zipfile.ZipFile(tmp_path / f"{name}.SRTMHGT.zip", "w") as archive:
                archive.writestr(f"{name}.hgt", raw)
    dem = Dem.open(tmp_path, "ellipsoid", sea="nodata")
    patch = dem.read(10.95, 47.4, 11.05, 47.5)
    assert np.isfinite(patch.height).all()
    assert at(patch, 11.0 + 1 / 2400, 47.45) == pytest.approx(10 * plane(11.0 + 1 / 2400, 47.45), abs=1.0)
    assert guess_datum(tmp_path) is VerticalDatum.EGM96


def test_companion_rasters_are_no_tiles(tmp_path: Path) -> None:
    tile = write_tile(tmp_path, 7, 48)
    for name in ("Copernicus_DSM_10_N48_00_E007_00_WBM.tif", ".hidden.tif", "all.vrt", "notes.txt"):
        (tmp_path / name).touch()
    assert list(tile_files(tmp_path)) == [tile]


# --- reads do not depend on the cut ---

lons, lats = st.floats(7.5, 8.2), st.floats(46.9, 47.6)  # a chunk ends at 7.7333 E and at 47.3333 N


@settings(max_examples=40, deadline=None)
@given(a=st.tuples(lons, lats, lons, lats), b=st.tuples(lons, lats, lons, lats))
def test_overlapping_reads_agree_bit_for_bit(rough: Dem, a: tuple[float, ...], b: tuple[float, ...]) -> None:
    values: dict[tuple[int, int], bytes] = {}
    for x1, y1, x2, y2 in (a, b):
        patch = rough.read(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        row0, col0 = round((90.0 - patch.y0) * PER_DEGREE), round((patch.x0 + 180.0) * PER_DEGREE)
        for (r, c), value in np.ndenumerate(patch.height):
            assert values.setdefault((row0 + r, col0 + c), value.tobytes()) == value.tobytes()


@pytest.mark.parametrize("chunk", [64, 256])
def test_heights_do_not_depend_on_the_chunks(rough: Dem, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    expected = rough.read(7.1, 46.5, 8.9, 47.9)
    assert (
        144 <= np.isnan(expected.height).sum() < 200
    )  # the four large voids stay, of small ones almost none
    monkeypatch.setattr(dem_module, "_CHUNK", chunk)
    again = Dem.open(rough.path, "ellipsoid", sea="nodata").read(7.1, 46.5, 8.9, 47.9)
    np.testing.assert_array_equal(again.height, expected.height)


def test_geoid_does_not_depend_on_the_chunks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    grid = write_geoid(tmp_path / "egm96_15.gtx")
    folder = tmp_path / "tiles"
    folder.mkdir()
    write_tile(folder, 7, 47)
    patches = []
    for chunk in (1024, 64):
        monkeypatch.setattr(dem_module, "_CHUNK", chunk)
        patches.append(Dem.open(folder, "egm96", geoid=grid).read(7.1, 47.1, 8.2, 47.9).height)
    np.testing.assert_allclose(patches[0], patches[1], rtol=0, atol=3.1e-5)  # one step of float32


def test_threads_get_the_same_heights_and_make_each_chunk_once(
    rough: Dem, monkeypatch: pytest.MonkeyPatch
) -> None:
    dem = Dem.open(rough.path, "ellipsoid", sea="nodata")
    made: list[tuple[int, int]] = []
    make = dem._chunks._make
    monkeypatch.setattr(dem._chunks, "_make", lambda key: made.append(key) or make(key))
    with ThreadPoolExecutor(8) as pool:
        patches = list(pool.map(lambda _: dem.read(7.6, 47.2, 7.9, 47.5).height, range(32)))
    assert sorted(made) == sorted(set(made))
    assert len(made) == 4
    for height in patches:
        np.testing.assert_array_equal(height, patches[0])


def test_cache_is_bounded(rough: Dem) -> None:
    dem = Dem.open(rough.path, "ellipsoid", sea="nodata", cache_bytes=9 << 20)
    first = dem.read(7.6, 47.2, 7.9, 47.5).height
    assert dem._chunks._bytes == 8 << 20  # two chunks of 4 MiB of the four that were made
    np.testing.assert_array_equal(dem.read(7.6, 47.2, 7.9, 47.5).height, first)
    dem.close()
    assert dem._chunks._bytes == 0


# --- voids and sea ---


def test_small_voids_are_closed_and_large_ones_stay() -> None:
    height = np.full((30, 40), 50.0, np.float32)
    height[:, 20:] = 90.0
    height[5, 5] = np.nan
    height[10:14, 10:15] = np.nan  # 20 samples
    height[20:27, 10:13] = np.nan  # 21 samples
    height[10, 39] = np.nan  # open to the edge
    filled = fill_small_voids(height, 20)
    assert np.isnan(filled).sum() == 22
    assert (filled[10:14, 10:15] == 50.0).all()
    assert np.isnan(filled[20:27, 10:13]).all()


def test_void_is_weighted_by_inverse_square_distance() -> None:
    height = np.zeros((5, 5), np.float32)
    height[2, 2] = np.nan
    height[2, 3] = 6.0
    height[1, 1] = 12.0
    # four sides of weight 1, four corners of weight 1/2
    assert fill_small_voids(height, 20)[2, 2] == pytest.approx((6.0 + 12.0 / 2) / 6.0)


@pytest.mark.parametrize("void", [-32768, -9999, 77])
def test_values_that_are_no_heights(tmp_path: Path, void: int) -> None:
    height = np.full((20, 20), 100, np.int16)
    height[:6, :6] = void
    path = write_dem(tmp_path / "d.tif", height, 10.0, 45.0, 0.01, 0.01)
    patch = Dem.open(path, "ellipsoid", nodata=77, sea="nodata").read(10.0, 44.81, 10.19, 45.0)
    known = patch.height[np.isfinite(patch.height)]
    assert known.size == 400 - 36
    assert (known == 100).all()


def test_float_raster_with_the_lowest_double_as_nodata(tmp_path: Path) -> None:
    height = np.full((20, 20), 100, np.float32)
    height[:6, :6] = np.finfo(np.float32).min
    path = write_dem(
        tmp_path / "d.tif", height, 10.0, 45.0, 0.01, 0.01, nodata=float(np.finfo(np.float32).min)
    )
    patch = Dem.open(path, "ellipsoid", sea="nodata").read(10.0, 44.81, 10.19, 45.0)
    assert np.isfinite(patch.height).sum() == 400 - 36


def write_geoid(path: Path, level: float = 40.0) -> Path:
    """A global 15' grid that slopes with latitude: level + latitude / 10."""
    lat = 90.0 - np.arange(721) * 0.25
    nodes = np.repeat((level + lat / 10.0)[:, np.newaxis], 1440, axis=1).astype(np.float32)
    return write_dem(path, nodes, -180.0, 90.0, 0.25, 0.25, driver="GTX")


def test_sea_is_the_geoid(tmp_path: Path) -> None:
    """Gaps between tiles and voids in them are water; every height is of the same datum."""
    grid = write_geoid(tmp_path / "egm96_15.gtx")
    folder = tmp_path / "tiles"
    folder.mkdir()
    with rasterio.open(write_tile(folder, 7, 47), "r+") as dataset:
        height = dataset.read(1)
        height[:40, :40] = np.nan
        dataset.write(height, 1)
    sea = 40.0 + 4.75
    expected = {"egm96": plane(7.5, 47.5) + sea, "ellipsoid": plane(7.5, 47.5)}
    for datum, land in expected.items():
        patch = Dem.open(folder, datum, geoid=grid).read(6.5, 47.2, 7.9, 47.9)
        assert at(patch, 7.5, 47.5) == pytest.approx(land, abs=1e-3)
        assert at(patch, 6.6, 47.5) == pytest.approx(sea, abs=1e-3)
        assert at(patch, 7.1, 47.8) == pytest.approx(40.0 + 4.78, abs=1e-3)
        assert np.isfinite(patch.height).all()
    unknown = Dem.open(folder, "egm96", geoid=grid, sea="nodata").read(6.5, 47.2, 7.9, 47.9)
    assert np.isnan(at(unknown, 6.6, 47.5))


def test_sea_of_an_ellipsoidal_dem_needs_a_geoid_grid_only_where_it_is(tmp_path: Path) -> None:
    tiles = tmp_path / "tiles"
    tiles.mkdir()
    write_tile(tiles, 7, 47)
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    write_dem(nowhere / "land.tif", np.ones((5, 5), np.float32), 10.0, 45.0, 0.01, 0.01)
    land = Dem.open(nowhere / "land.tif", "ellipsoid", geoid=nowhere)
    assert np.isfinite(land.read(10.0, 44.96, 10.04, 45.0).height).sum() == 25
    coast = Dem.open(tiles, "ellipsoid", geoid=nowhere)
    assert np.isfinite(coast.read(7.1, 47.1, 7.9, 47.9).height).all()
    with pytest.raises(DemError, match=r"height of the sea.*projsync.*sea='nodata'"):
        coast.read(6.5, 47.2, 7.9, 47.9)


# --- datums ---


@pytest.mark.parametrize("grid", ["egm08_25.gtx", "us_nga_egm08_25.tif"])
def test_egm2008_is_added(tmp_path: Path, grid: str) -> None:
    step = 2.5 / 60.0
    lon, lat = 5.0 + np.arange(120) * step, 50.0 - np.arange(120) * step
    nodes = (30.0 + 2.0 * (lon - 7.0) - 3.0 * (lat[:, np.newaxis] - 47.0)).astype(np.float32)
    driver = "GTX" if grid.endswith("gtx") else "GTiff"
    write_dem(tmp_path / grid, nodes, 5.0, 50.0, step, step, driver=driver)
    tile = write_dem(tmp_path / "d.tif", np.full((60, 60), 200, np.int16), 7.0, 47.0, 0.001, 0.001)
    patch = Dem.open(tile, "egm2008", geoid=tmp_path).read(7.0, 46.95, 7.05, 47.0)
    for x, y in [(7.0, 47.0), (7.0313, 46.9688), (7.05, 46.95)]:
        assert at(patch, x, y) == pytest.approx(230.0 + 2.0 * (x - 7.0) - 3.0 * (y - 47.0), abs=1e-3)


def test_projected_dem_takes_the_geoid_at_its_longitude_and_latitude(tmp_path: Path) -> None:
    grid = write_geoid(tmp_path / "egm96_15.gtx")
    height = np.full((200, 200), 100, np.float32)
    path = write_dem(tmp_path / "d.tif", height, 600_000.0, 5_200_000.0, 25.0, 25.0, crs="EPSG:32632")
    patch = Dem.open(path, "egm96", geoid=grid).read(600_000.0, 5_195_500.0, 604_500.0, 5_200_000.0)
    to_lon_lat = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    for x, y in [(600_000.0, 5_200_000.0), (603_333.0, 5_196_666.0)]:
        lat = to_lon_lat.transform(x, y)[1]
        assert at(patch, x, y) == pytest.approx(140.0 + lat / 10.0, abs=2e-4)


def test_real_orthometric_dem_becomes_the_ellipsoidal_one(shared: Path) -> None:
    folder = shared / "snap/inputs/slc_pair"
    area = (10.72, 45.0, 10.9, 45.4)
    geoid = shared / "data/dem/egm96_15.gtx"
    made = Dem.open(folder / "dem_orthometric.tif", "egm96", geoid=geoid).read(*area)
    truth = Dem.open(folder / "truth/dem_ellipsoidal.tif", "ellipsoid").read(*area)
    np.testing.assert_allclose(made.height, truth.height, atol=0.01)


def test_guessed_datums(tmp_path: Path, shared: Path) -> None:
    def raster(name: str, crs: str = "EPSG:4326", **tags: str) -> Path:
        path = write_dem(tmp_path / name, np.ones((4, 4), np.float32), 10.0, 45.0, 0.01, 0.01, crs=crs)
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(**tags)
        return path

    assert guess_datum(raster("a.tif")) is None
    assert guess_datum(raster("Copernicus_DSM_COG_10_N47_00_E011_00_DEM.tif")) is VerticalDatum.EGM2008
    assert guess_datum(raster("srtm_39_03.tif")) is VerticalDatum.EGM96
    assert guess_datum(raster("b.tif", crs="EPSG:4326+3855")) is VerticalDatum.EGM2008
    assert guess_datum(raster("c.tif", crs="EPSG:4326+5773")) is VerticalDatum.EGM96
    assert guess_datum(raster("d.tif", crs="EPSG:4979")) is VerticalDatum.ELLIPSOID
    assert guess_datum(raster("srtm_e.tif", VERTICAL_DATUM="WGS84 ellipsoid")) is VerticalDatum.ELLIPSOID
    assert guess_datum(shared / "data/dem/Rome-30m-DEM.tif") is VerticalDatum.EGM96
    assert Dem.open(tmp_path / "d.tif", "ellipsoid").crs == "EPSG:4326"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert guess_datum(empty) is None


# --- refusals ---


def test_dem_elsewhere_names_both_places(tmp_path: Path) -> None:
    for crs, x, y, step in (("EPSG:4326", 7.0, 47.0, 0.01), ("EPSG:32632", 600_000.0, 5_200_000.0, 100.0)):
        path = write_dem(tmp_path / "d.tif", np.ones((50, 50), np.float32), x, y, step, step, crs=crs)
        dem = Dem.open(path, "ellipsoid")
        with pytest.raises(DemError, match=r"longitudes \d.*does not touch.*longitudes 12\.000\.\.13\.000"):
            dem.require_overlap((12.0, 45.0, 13.0, 46.0))
        dem.require_overlap((7.0, 46.0, 10.5, 48.0))


def test_dem_of_nothing_but_voids(tmp_path: Path) -> None:
    height = np.full((50, 50), -32768, np.int16)
    height[:, 40:] = 5
    path = write_dem(tmp_path / "d.tif", height, 7.0, 47.0, 0.01, 0.01)
    dem = Dem.open(path, "ellipsoid", sea="nodata")
    dem.require_overlap((7.0, 46.6, 7.5, 47.0))
    with pytest.raises(DemError, match="nothing but voids"):
        dem.require_overlap((7.05, 46.6, 7.3, 46.9))


def test_coverage(tmp_path: Path) -> None:
    write_tile(tmp_path, 7, 47)
    dem = Dem.open(tmp_path, "ellipsoid")
    half_sample = 0.5 / PER_DEGREE
    assert dem.coverage((7.2, 47.2, 7.8, 47.8)) == 1.0
    assert dem.coverage((6.0, 47.2, 8.0, 47.8)) == pytest.approx(0.5, abs=half_sample)
    assert dem.coverage((367.2, 47.2, 367.8, 47.8)) == 1.0
    assert dem.coverage((3.0, 47.2, 4.0, 47.8)) == 0.0


def test_unusable_rasters(tmp_path: Path) -> None:
    ones = np.ones((4, 4), np.float32)
    place = (10.0, 45.0, 0.01, 0.01)
    write_dem(tmp_path / "complex.tif", ones.astype(np.complex64), *place)
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            tmp_path / "nocrs.tif", "w", driver="GTiff", height=4, width=4, count=1, dtype="float32"
        ) as dataset,
    ):
        dataset.write(ones, 1)
    with rasterio.open(write_dem(tmp_path / "feet.tif", ones, *place), "r+") as dataset:
        dataset.units = ("ft",)
    with rasterio.open(write_dem(tmp_path / "rotated.tif", ones, *place), "r+") as dataset:
        dataset.transform = Affine(0.01, 0.001, 10.0, 0.001, -0.01, 45.0)
    (tmp_path / "text.tif").write_text("no raster")
    (tmp_path / "folder").mkdir()
    cases = {
        "complex.tif": "first band",
        "nocrs.tif": "no coordinate reference system",
        "feet.tif": "heights are in 'ft'",
        "rotated.tif": "not north-up",
        "text.tif": "cannot be opened",
        "missing.tif": "does not exist",
        "folder": "holds no elevation raster",
    }
    for name, message in cases.items():
        with pytest.raises(DemError, match=f"{name}.*{message}"):
            Dem.open(tmp_path / name, "ellipsoid")


def test_truncated_raster_is_refused_when_read(tmp_path: Path) -> None:
    height = np.random.default_rng(1).normal(size=(400, 400)).astype(np.float32)
    path = write_dem(tmp_path / "d.tif", height, 10.0, 45.0, 0.001, 0.001, compress="deflate")
    path.write_bytes(path.read_bytes()[:200_000])
    dem = Dem.open(path, "ellipsoid")
    for _ in range(2):  # a failure is not cached as a success
        with pytest.raises(DemError, match=r"d\.tif.*cannot be read.*truncated"):
            dem.read(10.0, 44.61, 10.39, 45.0)


def test_tiles_of_two_crs_are_refused(tmp_path: Path) -> None:
    write_dem(tmp_path / "a.tif", np.ones((4, 4), np.float32), 10.0, 45.0, 0.01, 0.01)
    write_dem(tmp_path / "b.tif", np.ones((4, 4), np.float32), 6e5, 5e6, 30.0, 30.0, crs="EPSG:32632")
    with pytest.raises(DemError, match=r"EPSG:32632.*EPSG:4326"):
        Dem.open(tmp_path, "ellipsoid")


def test_impossible_rectangle(rough: Dem) -> None:
    with pytest.raises(DemError, match="impossible rectangle"):
        rough.read(7.0, 46.0, np.inf, 47.0)


# --- kernels ---

rows_and_cols = st.tuples(st.floats(1.0, 7.0), st.floats(1.0, 9.0))


@given(position=rows_and_cols)
def test_kernels_on_a_plane(position: tuple[float, float]) -> None:
    r, c = position
    row, col = np.mgrid[0:9, 0:11]
    height = (3.0 * row - 2.0 * col).astype(np.float32)
    assert sample_bilinear(height, r, c) == pytest.approx(3.0 * r - 2.0 * c, abs=1e-5)
    assert sample_cubic(height, r, c) == pytest.approx(3.0 * r - 2.0 * c, abs=1e-5)


def test_cubic_by_hand() -> None:
    """Mid-way weights of Catmull-Rom are -1/16, 9/16, 9/16, -1/16."""
    height = np.zeros((4, 4), np.float32)
    height[1] = [0.0, 16.0, 0.0, 32.0]
    assert sample_cubic(height, 1.0, 1.5) == pytest.approx(9.0 - 2.0)
    assert sample_cubic(height, 1.5, 1.5) == pytest.approx(7.0 * 9.0 / 16.0)


def test_kernels_need_only_samples_of_non_zero_weight() -> None:
    height = np.ones((6, 6), np.float32)
    height[3, 3] = np.nan
    for kernel in (sample_bilinear, sample_cubic):
        assert kernel(height, 2.0, 2.0) == 1.0
        assert kernel(height, 2.0, 2.4) == 1.0
        assert kernel(height, 4.0, 3.0) == 1.0
        assert np.isnan(kernel(height, 3.0, 3.0))
        assert np.isnan(kernel(height, 2.6, 2.6))
        assert np.isnan(kernel(height, np.nan, 2.0))
        assert np.isnan(kernel(height, -0.6, 2.0))
        assert np.isnan(kernel(height, 2.0, 5.6))
    assert sample_bilinear(height, 5.0, 5.0) == 1.0
    assert np.isnan(sample_cubic(height, 0.5, 1.0))


class TestHeightAt:
    def test_between_samples(self, tmp_path: Path) -> None:
        write_tile(tmp_path, 7, 48)
        dem = Dem.open(tmp_path, "ellipsoid")
        assert dem.height_at(7.333, 48.777) == pytest.approx(plane(7.333, 48.777), abs=1e-4)
        assert dem.height_at(-352.667, 48.777) == pytest.approx(plane(7.333, 48.777), abs=1e-4)

    def test_projected(self, tmp_path: Path) -> None:
        height = np.full((50, 60), 321.0, np.float32)
        path = write_dem(tmp_path / "a.tif", height, 500_000, 5_300_000, 30, 30, crs="EPSG:32632")
        dem = Dem.open(path, "ellipsoid")
        assert dem.height_at(9.01, 47.85) == 321.0
        assert np.isnan(dem.height_at(8.99, 47.85))

    def test_unknown_outside_the_files_although_there_may_be_sea(self, tmp_path: Path) -> None:
        (tmp_path / "tiles").mkdir()
        write_tile(tmp_path / "tiles", 7, 48)
        dem = Dem.open(tmp_path / "tiles", "ellipsoid", geoid=write_geoid(tmp_path / "egm96_15.gtx"))
        assert np.isnan(dem.height_at(8.5, 48.5))
