"""The sparse lattice against the exact solution of every pixel, real data, and its independence of the cut."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import rasterio
from geometry_cases import (
    TO_ECEF,
    View,
    ecef,
    ground_range_root,
    lagrange,
    map_to_geographic,
    zero_doppler_root,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import Affine

from s1card.geometry.dem import Dem
from s1card.geometry.geocoding import Geocoder, Located
from s1card.geometry.map_grid import MapGrid
from s1card.geometry.orbit import tabulate_orbit, zero_doppler
from s1card.geometry.radar_grid import RadarGrid, SlantRange, radar_grid
from s1card.geometry.resampling import METHODS
from s1card.scene import open_scene, read_orbit_file
from s1card.scene.annotation import parse_annotation
from s1card.scene.records import SPEED_OF_LIGHT, StateVectors
from s1card.scene.xml import parse_xml
from s1card.simulate.config import GrdConfig
from s1card.window import Window

BOUND = 0.002  # pixels and lines
SIZE = 70  # more than two cells of the lattice
DEGREES_10_M = 8.983e-5

IW = GrdConfig(lines=4_000, pixels=25_000)
EW = GrdConfig(lines=3_000, pixels=10_300, mode="EW")


@cache
def view(config: GrdConfig) -> View:
    return View(config)


@cache
def heights(size: int = SIZE) -> np.ndarray:
    """Rougher than any terrain: every height from -400 to 8800 m in any place."""
    return np.random.default_rng(7).uniform(-400, 8800, (size, size)).astype(np.float32)


def exact(scene: View, grid: MapGrid, located: Located) -> tuple[np.ndarray, np.ndarray]:
    """Line and pixel by the simulator's own solution, which shares nothing with the lattice."""
    window = located.window
    rows, cols = np.mgrid[window.row : window.row_end, window.col : window.col_end]
    longitude, latitude = map_to_geographic(grid, rows.ravel(), cols.ravel())
    points = TO_ECEF.transform(longitude, latitude, located.height.ravel().astype(np.float64))
    line, pixel = scene.acquisition.image_position(np.stack(points, axis=1))
    return line.reshape(window.shape), pixel.reshape(window.shape)


def errors(scene: View, grid: MapGrid, radar: RadarGrid | None = None) -> tuple[float, float]:
    """Greatest errors of line and pixel over a window that starts in the middle of a cell."""
    geocoder = scene.geocoder(grid, radar)
    window = Window(grid.rows // 2 - 13, grid.cols // 2 - 9, SIZE, SIZE)
    located = geocoder.locate_on(geocoder.lattice(window), window, heights())
    line, pixel = exact(scene, grid, located)
    if radar is not None and isinstance(radar.range_axis, SlantRange):
        pixel = slant_pixel(scene, radar.range_axis, line, pixel)
    inside = (pixel >= 0) & (pixel <= geocoder.radar.pixels - 1)
    assert inside.any()
    assert not np.isnan(located.pixel[inside]).any()
    assert not np.isnan(located.line).any()
    return (
        float(np.abs(located.line - line)[inside].max()),
        float(np.abs(located.pixel - pixel)[inside].max()),
    )


def slant_pixel(scene: View, axis: SlantRange, line: np.ndarray, pixel: np.ndarray) -> np.ndarray:
    slant = scene.acquisition.slant_range(scene.acquisition.line_time(line).ravel(), pixel.ravel())
    return (slant.reshape(line.shape) - axis.near) / axis.spacing


class TestAgainstExactSolution:
    @pytest.mark.parametrize(("line", "pixel"), [(200, 300), (3_800, 1000), (2000, 24_700)])
    @pytest.mark.parametrize("ascending", [True, False])
    @pytest.mark.parametrize(
        ("latitude", "crs", "spacing"),
        [
            (45.25, "EPSG:32632", 10.0),
            (45.25, "EPSG:4326", DEGREES_10_M),
            (68.0, "EPSG:32632", 10.0),
            (68.0, "EPSG:4326", DEGREES_10_M),
            (-33.0, "EPSG:32732", 10.0),
        ],
    )
    def test_iw(
        self, line: int, pixel: int, ascending: bool, latitude: float, crs: str, spacing: float
    ) -> None:
        scene = view(replace(IW, ascending=ascending, latitude=latitude))
        in_line, in_pixel = errors(scene, scene.grid(crs, spacing, line, pixel))
        assert in_line <= 1e-4
        assert in_pixel <= 0.0008

    @pytest.mark.parametrize("spacing", [2.0, 12.5, 20.0, 50.0, 100.0, 500.0])
    def test_any_map_spacing(self, spacing: float) -> None:
        """Nodes are 160 m apart at most, or at every pixel: coarse maps are not less exact."""
        scene = view(IW)
        grid = scene.grid("EPSG:32632", spacing, 2000, 600, half=100.0)
        assert scene.geocoder(grid).cell == {2.0: 32, 12.5: 12, 20.0: 8, 50.0: 3}.get(spacing, 1)
        in_line, in_pixel = errors(scene, grid)
        assert in_line <= 1e-4
        assert in_pixel <= 0.0008

    @pytest.mark.parametrize(("crs", "spacing"), [("EPSG:32632", 40.0), ("EPSG:4326", 4 * DEGREES_10_M)])
    @pytest.mark.parametrize("pixel", [300, 10_000])
    def test_ew(self, crs: str, spacing: float, pixel: int) -> None:
        scene = view(EW)
        in_line, in_pixel = errors(scene, scene.grid(crs, spacing, 1500, pixel))
        assert in_line <= 1e-4
        assert in_pixel <= 0.0008

    @pytest.mark.parametrize("crs", ["EPSG:3035", "EPSG:3857", "EPSG:25832"])
    def test_other_projections(self, crs: str) -> None:
        scene = view(IW)
        in_line, in_pixel = errors(scene, scene.grid(crs, 10.0, 2000, 600))
        assert max(in_line, in_pixel) <= 0.0008

    @pytest.mark.parametrize("pixel", [600, 24_700])
    def test_slant_range(self, pixel: int) -> None:
        """Pixels of an IW SLC image, 2.33 m in slant range, are the smallest in use."""
        scene = view(IW)
        slant = SlantRange(scene.acquisition.near_range, SPEED_OF_LIGHT / 2 / 64.345238e6)
        radar = replace(scene.radar, range_axis=slant, pixels=80_000)
        in_line, in_pixel = errors(scene, scene.grid("EPSG:32632", 10.0, 2000, pixel), radar)
        assert in_line <= 1e-4
        assert in_pixel <= BOUND

    def test_the_exact_solution_itself_by_bisection(self) -> None:
        scene = view(IW)
        grid = scene.grid("EPSG:32632", 10.0, 2000, 3000)
        geocoder = scene.geocoder(grid)
        window = Window(290, 300, 6, 6)
        located = geocoder.locate_on(geocoder.lattice(window), window, heights(6))
        line, pixel = exact(scene, grid, located)
        rows, cols = np.mgrid[290:296, 300:306]
        longitude, latitude = map_to_geographic(grid, rows, cols)
        orbit = lagrange(scene.vectors, scene.radar.epoch)
        for k in range(0, 36, 5):
            point = ecef(longitude.flat[k], latitude.flat[k], float(located.height.flat[k]))
            time, slant = zero_doppler_root(orbit, point, -10.0, 40.0)
            at_line = (time - scene.radar.first_azimuth_time) / scene.radar.line_interval
            at_pixel = ground_range_root(scene.radar.range_axis, time, slant)
            assert (line.flat[k], pixel.flat[k]) == pytest.approx((at_line, at_pixel), rel=0, abs=2e-5)
            assert located.line.flat[k] == pytest.approx(at_line, abs=1e-4)
            assert located.pixel.flat[k] == pytest.approx(at_pixel, abs=0.0008)


class TestOutside:
    def test_unknown_height_has_no_place(self) -> None:
        scene = view(IW)
        geocoder = scene.geocoder(scene.grid("EPSG:32632", 10.0, 2000, 600))
        window = Window(290, 300, 4, 40)
        height = np.full(window.shape, 100.0, np.float32)
        height[1, 7:9] = np.nan
        located = geocoder.locate_on(geocoder.lattice(window), window, height)
        unknown = np.isnan(height)
        assert np.isnan(located.line[unknown]).all()
        assert np.isnan(located.pixel[unknown]).all()
        assert not np.isnan(located.line[~unknown]).any()
        assert not np.isnan(located.pixel[~unknown]).any()

    @pytest.mark.parametrize(("line", "pixel"), [(-3000, 9000), (8000, 9000), (2000, -3000), (2000, 27_000)])
    def test_windows_beside_the_scene(self, line: int, pixel: int) -> None:
        scene = view(IW)
        geocoder = scene.geocoder(scene.grid("EPSG:32632", 10.0, line, pixel))
        window = Window(300, 300, 64, 64)
        assert geocoder.misses_scene(geocoder.lattice(window))
        assert geocoder.locate(window) is None

    @pytest.mark.parametrize(("line", "pixel"), [(0, 9000), (3_999, 9000), (2000, 0), (2000, 24_999)])
    def test_windows_on_the_edge(self, line: int, pixel: int) -> None:
        scene = view(IW)
        geocoder = scene.geocoder(scene.grid("EPSG:32632", 10.0, line, pixel))
        assert not geocoder.misses_scene(geocoder.lattice(Window(300, 300, 2, 2)))

    def test_source_window(self) -> None:
        line = np.array([[-1.0, 2.25, 5.0], [np.nan, 7.5, 99.0], [9.0, 3.0, 3.0]])
        pixel = np.array([[4.0, 11.75, 12.0], [1.0, 19.0, 3.0], [19.01, 19.0, np.nan]])
        located = Located(Window(0, 0, 3, 3), line, pixel, line.astype(np.float32))
        # Inside 10 x 20: (2.25, 11.75), (5, 12), (7.5, 19), (3, 19).
        assert located.source_window((10, 20)) == Window(2, 11, 7, 9)
        assert located.source_window((2, 20)).is_empty


GRID = view(IW).grid("EPSG:32632", 10.0, 2000, 12_500)
WHOLE = Window(230, 215, 150, 160)


GEOCODER = view(IW).geocoder(GRID)


def located(window: Window) -> Located:
    height = np.ascontiguousarray(heights(160)[window.slices_in(Window(230, 215, 160, 160))])
    return GEOCODER.locate_on(GEOCODER.lattice(window), window, height)


class TestIndependenceOfTheCut:
    """Any window has the bits that the whole has there."""

    @settings(deadline=None)
    @given(st.integers(0, 149), st.integers(0, 159), st.integers(1, 100), st.integers(1, 100))
    def test_places(self, row: int, col: int, rows: int, cols: int) -> None:
        window = Window(230 + row, 215 + col, rows, cols).intersection(WHOLE)
        whole, part, cut = located(WHOLE), located(window), window.slices_in(WHOLE)
        assert np.array_equal(part.line, whole.line[cut])
        assert np.array_equal(part.pixel, whole.pixel[cut])

    @pytest.mark.parametrize("method", ["NEAREST_NEIGHBOUR", "BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"])
    def test_heights(self, method: str, rough_dem: Dem) -> None:
        geocoder = replace(view(IW).geocoder(GRID), dem=rough_dem, dem_taps=METHODS[method])
        whole = geocoder.heights(WHOLE)
        assert not np.isnan(whole).any()
        rng = np.random.default_rng(3)
        for _ in range(25):
            row, col = int(rng.integers(150)), int(rng.integers(160))
            window = Window(230 + row, 215 + col, *rng.integers(1, 90, 2).tolist()).intersection(WHOLE)
            assert np.array_equal(geocoder.heights(window), whole[window.slices_in(WHOLE)])


def write_dem(path: Path, grid: MapGrid, values: np.ndarray, x: np.ndarray, y: np.ndarray) -> Dem:
    """Heights at longitudes x and latitudes y, falling."""
    step_x, step_y = x[1] - x[0], y[0] - y[1]
    profile = {"driver": "GTiff", "crs": "EPSG:4326", "dtype": "float32", "count": 1}
    transform = Affine(step_x, 0, x[0] - step_x / 2, 0, -step_y, y[0] + step_y / 2)
    with rasterio.open(path, "w", height=y.size, width=x.size, transform=transform, **profile) as target:
        target.write(values.astype(np.float32), 1)
    return Dem.open(path, "ellipsoid")


def dem_axes(grid: MapGrid) -> tuple[np.ndarray, np.ndarray]:
    longitude, latitude = map_to_geographic(grid, np.array([0, grid.rows]), np.array([0, grid.cols]))
    middle = longitude.mean(), latitude.mean()
    return middle[0] + np.arange(-200, 201) / 3600, middle[1] - np.arange(-150, 151) / 3600


@pytest.fixture(scope="module")
def rough_dem(tmp_path_factory: pytest.TempPathFactory) -> Dem:
    grid = GRID
    x, y = dem_axes(grid)
    values = np.random.default_rng(1).uniform(0, 3000, (y.size, x.size))
    return write_dem(tmp_path_factory.mktemp("dem") / "rough.tif", grid, values, x, y)


@pytest.mark.parametrize("method", ["BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"])
@pytest.mark.parametrize(("crs", "spacing"), [("EPSG:32632", 10.0), ("EPSG:4326", DEGREES_10_M)])
def test_heights_of_a_plane(method: str, crs: str, spacing: float, tmp_path: Path) -> None:
    """A plane in longitude and latitude is met where the pixel centres are, to 5 cm on 100 m."""
    grid = view(IW).grid(crs, spacing, 2000, 12_500)
    x, y = dem_axes(grid)
    plane = 900.0 + 3e4 * (x - x[0]) - 2e4 * (y[:, None] - y[0])
    dem = write_dem(tmp_path / "plane.tif", grid, plane, x, y)
    geocoder = replace(view(IW).geocoder(grid), dem=dem, dem_taps=METHODS[method])
    window = Window(250, 260, 70, 80)
    longitude, latitude = map_to_geographic(grid, *np.mgrid[250:320, 260:340])
    expected = 900.0 + 3e4 * (longitude - x[0]) - 2e4 * (latitude - y[0])
    np.testing.assert_allclose(geocoder.heights(window), expected, rtol=0, atol=0.005)
    located = geocoder.locate(window)
    assert located is not None
    line, pixel = exact(view(IW), grid, located)
    np.testing.assert_allclose(located.line, line, rtol=0, atol=1e-4)
    np.testing.assert_allclose(located.pixel, pixel, rtol=0, atol=0.0008)


@pytest.mark.parametrize("crs", ["EPSG:32701", "EPSG:32760"])
def test_heights_across_the_antimeridian(crs: str, tmp_path: Path) -> None:
    """The raster goes on from 179.9 to 180.1 degrees, the map comes back as 179.99 and -179.99."""
    scene = view(GrdConfig(lines=300, pixels=400, longitude=180.0, latitude=-17.0))
    grid = scene.grid(crs, 10.0, 150, 200)
    x, y = 180.0 + np.arange(-300, 301) / 3600, -17.0 - np.arange(-300, 301) / 3600
    dem = write_dem(tmp_path / "dem.tif", grid, 500.0 + 3e3 * (x - 180.0) + 0 * y[:, None], x, y)
    geocoder = replace(scene.geocoder(grid), dem=dem)
    window = Window(100, 100, 400, 400)
    longitude, _ = map_to_geographic(grid, *np.mgrid[100:500, 100:500])
    assert longitude.min() < -179.98
    assert longitude.max() > 179.98
    expected = 500.0 + 3e3 * (longitude % 360 - 180.0)
    np.testing.assert_allclose(geocoder.heights(window), expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("name", ["grd", "grd_desc"])
def test_targets_of_another_simulator(shared: Path, name: str) -> None:
    """Point targets of products that were made independently of this project."""
    folder = shared / "snap" / "inputs" / name
    annotation = open_scene(next(folder.glob("*.SAFE.zip"))).images[0].annotation
    radar = radar_grid(annotation)
    vectors = read_orbit_file(
        next(folder.glob("*.EOF.zip")), annotation.first_line_time, annotation.last_line_time
    )
    with (folder / "truth" / "targets.csv").open() as stream:
        listed = list(csv.DictReader(stream))
    assert len(listed) > 5
    to_map = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
    for target in listed:
        x, y = to_map.transform(float(target["lon"]), float(target["lat"]))
        # A grid of which pixel (5, 3), off the nodes, has its centre on the target.
        grid = MapGrid("EPSG:32632", x - 35.0, y + 55.0, 10.0, 10.0, 20, 20)
        geocoder = Geocoder(grid, radar, tabulate_orbit(vectors, radar.epoch), None)  # type: ignore[arg-type]
        window = Window(5, 3, 1, 1)
        height = np.full((1, 1), float(target["h"]), np.float32)
        located = geocoder.locate_on(geocoder.lattice(window), window, height)
        assert located.line[0, 0] == pytest.approx(float(target["line"]), abs=BOUND)
        assert located.pixel[0, 0] == pytest.approx(float(target["pixel"]), abs=BOUND)


@pytest.mark.parametrize(
    ("place", "line", "column"),
    [
        ((-27.2264349, 38.6393705, 58.82), 10197.179725, 11660.243008),
        ((-27.2813912, 38.6393705, 204.0), 10253.111737, 13020.014682),
        ((-27.1807716, 38.2550504, -40.0), 13522.448118, 8445.853941),
    ],
)
def test_azores(shared: Path, place: tuple[float, float, float], line: float, column: float) -> None:
    """Stacked line and column in a real SLC image; the first point was published with another processor."""
    folder = shared / "data" / "slc-crop-azores"
    root = parse_xml(next(folder.glob("*.xml")).read_bytes(), "Azores")
    annotation = parse_annotation(root, 22)
    radar = radar_grid(annotation)
    vectors = read_orbit_file(
        next(folder.glob("*.EOF")), annotation.first_line_time, annotation.last_line_time
    )
    orbit = tabulate_orbit(vectors, radar.epoch)
    time, slant = zero_doppler(orbit.time, orbit.coefficients, *(float(c) for c in ecef(*place)), 10.0)
    burst = int(line // 1514)
    start = root.element.findall(".//burst/azimuthTime")[burst].text
    burst_time = (np.datetime64(start) - radar.epoch) / np.timedelta64(1, "us") * 1e-6
    assert burst * 1514 + (time - burst_time) / radar.line_interval == pytest.approx(line, abs=3e-4)
    table = radar.range_table()
    pixel = np.interp(slant, table.near + table.step * np.arange(2), table.pixel[0])
    assert pixel == pytest.approx(column, abs=1e-4)


def test_amsterdam(shared: Path) -> None:
    """SNAP's own latitude, longitude and height of every pixel lead back to the pixel."""
    folder = shared / "data" / "slc-pair-amsterdam"
    pair = np.load(folder / "pair.npz")
    vectors = snap_vectors(json.loads((folder / "metadata.json").read_text()))
    epoch = np.datetime64("2023-03-31T05:50:33.935118", "us")
    orbit = tabulate_orbit(vectors, epoch)
    # SNAP's crop starts 912 lines after the burst and 9178 samples after the first.
    near = 6.019467982321830e-03 * SPEED_OF_LIGHT / 2
    spacing = SPEED_OF_LIGHT / 2 / 6.434523812571428e07
    radar = RadarGrid(
        epoch, 912 * 2.055556299999998e-3, 2.055556299999998e-3, 84, 338, SlantRange(near, spacing)
    )
    solved = np.array(
        [
            zero_doppler(orbit.time, orbit.coefficients, *(float(c) for c in ecef(*place)), 2.0)
            for place in zip(
                *(pair[k].astype(float).ravel() for k in ("longitude", "latitude", "elevation")), strict=True
            )
        ]
    )
    line = radar.line(solved[:, 0]).reshape(84, 338) - np.arange(84)[:, None]
    pixel = ((solved[:, 1] - near) / spacing - 9178).reshape(84, 338) - np.arange(338)
    assert abs(pixel.mean()) < 0.002
    assert pixel.std() < 0.01
    assert abs(line.mean()) < 0.003
    assert line.std() < 0.012


def snap_vectors(metadata: dict[str, dict[str, list[dict[str, list[float]]]]]) -> StateVectors:
    listed = metadata["reference"]["orbit_state_vectors"]

    def columns(kind: str) -> np.ndarray:
        return np.array([[entry[f"{axis}_{kind}"][0] for axis in "xyz"] for entry in listed])

    days, seconds, microseconds = np.array([entry["time"] for entry in listed], np.int64).T
    time = np.datetime64("2000-01-01", "us") + ((days * 86_400 + seconds) * 1_000_000 + microseconds)
    return StateVectors(time, columns("pos"), columns("vel"), "POEORB")
