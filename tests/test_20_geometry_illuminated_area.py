"""Areas of facets in radar samples: exact, conserved, the same however the image is cut; shadow by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from geometry_cases import TO_ECEF, View

from s1card.geometry.cast_shadow import shadowed
from s1card.geometry.dem import Dem
from s1card.geometry.facet_sharing import Facets, Looks, finish_sharing, share_facets
from s1card.geometry.height_range import HeightRanges
from s1card.geometry.illuminated_area import IlluminatedArea, facet_grid
from s1card.geometry.radar_cell import cell_nodes
from s1card.simulate.config import GrdConfig
from s1card.window import Window

WIDTH, TALL = 10.0, 20.0
SLANTED = np.array([0.6, 0.0, 0.8])


def looks(direction: np.ndarray, cell: int = 16, nodes: int = 8) -> Looks:
    """One direction everywhere, facets of 10 m x 20 m."""
    zero = np.broadcast_to(direction, (nodes, nodes, 3)).copy()
    spacing = np.broadcast_to([WIDTH, TALL], (nodes, nodes, 2)).copy()
    return Looks(zero, np.zeros_like(zero), spacing, cell, 0, 0)


def shared(
    line: np.ndarray,
    pixel: np.ndarray,
    height: np.ndarray,
    shape: tuple[int, int],
    *,
    first: tuple[int, int] = (0, 0),
    direction: np.ndarray = SLANTED,
    shadow: np.ndarray | None = None,
) -> np.ndarray:
    """Areas in a tile: gamma nought and sigma nought."""
    area = np.zeros((2, shape[0], shape[1] + 2))
    dark = np.zeros(line.shape, np.uint8) if shadow is None else shadow
    facets = Facets(
        np.ascontiguousarray(line),
        np.ascontiguousarray(pixel),
        np.ascontiguousarray(height, np.float32),
        dark,
    )
    share_facets(facets, looks(direction), first, area)
    finish_sharing(area)
    return area[..., :-2]


def affine(
    rows: int, cols: int, matrix: list[list[float]], origin: tuple[float, float]
) -> tuple[np.ndarray, ...]:
    i, j = np.indices((rows, cols)).astype(np.float64)
    (a, b), (c, d) = matrix
    return origin[0] + a * i + b * j, origin[1] + c * i + d * j


def test_one_cell_over_four_samples() -> None:
    """A cell of one sample, its corners in the middles of four of them: each gets a quarter."""
    line, pixel = affine(2, 2, [[1.0, 0.0], [0.0, 1.0]], (0.0, 0.0))
    gamma, sigma = shared(line, pixel, np.zeros((2, 2)), (3, 3))
    expected = np.zeros((3, 3))
    expected[:2, :2] = 0.25
    np.testing.assert_allclose(gamma, 0.8 * WIDTH * TALL * expected, atol=1e-9)
    np.testing.assert_allclose(sigma, WIDTH * TALL * expected, atol=1e-9)


@pytest.mark.parametrize(
    "matrix", [[[0.9, 0.21], [-0.17, 0.73]], [[1.7, -0.4], [0.5, 2.3]], [[0.31, 0.0], [0.0, -0.43]]]
)
def test_a_plane_gives_every_sample_the_same(matrix: list[list[float]]) -> None:
    """However facets lie to samples, and whichever way they turn: no pattern, to the last digits."""
    line, pixel = affine(100, 100, matrix, (-40.0 * (matrix[0][0] + matrix[0][1]), 0.0))
    pixel -= pixel.mean() - 8.0
    line -= line.mean() - 8.0
    gamma, sigma = shared(line, pixel, np.full((100, 100), 7.0), (16, 16))
    density = WIDTH * TALL / abs(np.linalg.det(matrix)) * (1.0 + 2.0 * 7.0 / 6_371_000.0)
    np.testing.assert_allclose(sigma, density, rtol=1e-10)
    np.testing.assert_allclose(gamma, 0.8 * density, rtol=1e-10)


def rough(seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices in disorder, some of them folded over as in layover; a height is missing."""
    random = np.random.default_rng(seed)
    line, pixel = affine(12, 14, [[1.1, 0.2], [-0.3, 0.9]], (1.0, 5.0))
    height = random.normal(0.0, 6.0, line.shape)
    pixel = pixel - 0.25 * height + random.normal(0.0, 0.2, line.shape)
    line = line + random.normal(0.0, 0.2, line.shape)
    height[5, 6] = np.nan
    return line, pixel, height


def triangles(height: np.ndarray) -> list[tuple[list[tuple[int, int]], float, float]]:
    """Corners, slope to the east and slope to the north of the two triangles of every cell."""
    found = []
    for i in range(height.shape[0] - 1):
        for j in range(height.shape[1] - 1):
            a, b, c, d = height[i, j], height[i, j + 1], height[i + 1, j], height[i + 1, j + 1]
            one = [(i, j), (i, j + 1), (i + 1, j)]
            two = [(i + 1, j + 1), (i + 1, j), (i, j + 1)]
            found.append((one, (b - a) / WIDTH, (a - c) / TALL))
            found.append((two, (d - c) / WIDTH, (b - d) / TALL))
    return [one for one in found if np.isfinite(one[1]) and np.isfinite(one[2])]


def test_shares_are_those_of_polygons() -> None:
    """Truth by shapely: the overlap of every triangle with every sample."""
    line, pixel, height = rough()
    shape = (15, 17)
    gamma, sigma = shared(line, pixel, height, shape)
    boxes = [
        shapely.box(c - 0.5, r - 0.5, c + 0.5, r + 0.5) for r in range(shape[0]) for c in range(shape[1])
    ]
    expected = np.zeros((2, len(boxes)))
    for corners, east, north in triangles(height):
        facing = np.array([-east, -north, 1.0]) @ SLANTED
        if facing > 0:
            outline = shapely.Polygon([(pixel[p], line[p]) for p in corners])
            part = shapely.area(shapely.intersection(outline, boxes)) / outline.area
            half = WIDTH * TALL / 2.0
            expected[0] += half * facing * part
            expected[1] += half * np.sqrt(1.0 + east**2 + north**2) * part
    np.testing.assert_allclose(gamma.ravel(), expected[0], rtol=2e-5, atol=1e-6)  # 1 + 2 h / radius
    np.testing.assert_allclose(sigma.ravel(), expected[1], rtol=2e-5, atol=1e-6)


def test_nothing_is_lost_and_tiles_do_not_matter() -> None:
    line, pixel, height = rough(7)
    whole = shared(line, pixel, height, (40, 40), first=(-12, -12))
    facing = [np.array([-e, -n, 1.0]) @ SLANTED for _, e, n in triangles(height)]
    assert whole[0].sum() == pytest.approx(WIDTH * TALL / 2.0 * sum(max(f, 0.0) for f in facing), rel=1e-5)
    for row in range(0, 40, 13):
        for col in range(0, 40, 7):
            part = shared(line, pixel, height, (13, 7), first=(row - 12, col - 12))
            there = whole[:, row : row + 13, col : col + 7]
            np.testing.assert_allclose(part[:, : there.shape[1], : there.shape[2]], there, atol=1e-8)


def test_facets_seen_edge_on_keep_their_area() -> None:
    """All vertices on one line of the image: nothing is covered there, and the area goes to its samples."""
    line, pixel = affine(2, 5, [[0.0, 0.0], [0.0, 0.5]], (3.0, 3.0))
    gamma, _ = shared(line, pixel, np.zeros((2, 5)), (8, 8))
    assert gamma.sum() == pytest.approx(4 * 0.8 * WIDTH * TALL)
    assert gamma[3].sum() == pytest.approx(gamma.sum())


def test_slopes_that_look_away_count_nothing() -> None:
    line, pixel = affine(3, 3, [[1.0, 0.0], [0.0, 1.0]], (2.0, 2.0))
    away = (
        -14.0 * np.indices((3, 3))[1]
    )  # falls to the east by 1.4; the sensor stands 53 degrees high in the east
    toward, back = (shared(line, pixel, h, (6, 6))[0].sum() for h in (-away, away))
    assert back == pytest.approx(4 * WIDTH * TALL * (0.8 + 1.4 * 0.6), rel=1e-5)
    assert toward == 0.0


class TestShadow:
    def test_behind_a_wall(self) -> None:
        """A wall of 40 m, the ray falls by 4 m in 3: it meets the ground 30 m behind the wall, in the third vertex."""
        height = np.zeros((5, 30), np.float32)
        height[:, 20] = 40.0
        found = shadowed(height, looks(SLANTED))
        np.testing.assert_array_equal(np.flatnonzero(found[2]), [18, 19])

    def test_a_long_one_ends_on_rising_ground(self) -> None:
        """Ground rises away from the sensor by 0.2 m in 10 m: a wall of 40 m at 53 degrees from the zenith."""
        low = np.array([0.8, 0.0, 0.6])
        height = np.tile(0.2 * np.arange(30.0)[::-1], (5, 1)).astype(np.float32)
        height[:, 20] += 40.0
        found = np.flatnonzero(shadowed(height, looks(low))[2])
        top = height[2, 20]
        expected = [k for k in range(20) if height[2, k] < top - (20 - k) * WIDTH * 0.75]
        np.testing.assert_array_equal(found, expected)
        assert len(found) == 5

    def test_gentle_slopes_cast_none(self) -> None:
        height = (30.0 * np.sin(np.indices((40, 40))[1] / 4.0)).astype(np.float32)  # slopes to 0.75
        assert not shadowed(height, looks(SLANTED)).any()

    def test_dark_vertices_take_their_facets_out(self) -> None:
        line, pixel = affine(2, 2, [[1.0, 0.0], [0.0, 1.0]], (0.5, 0.5))
        dark = np.array([[1, 1], [0, 0]], np.uint8)
        gamma, _ = shared(line, pixel, np.zeros((2, 2)), (2, 2), shadow=dark)
        assert gamma.sum() == pytest.approx(0.4 * WIDTH * TALL)


VIEW = View(GrdConfig(lines=200, pixels=240, terrain="flat"))
STEP = 1.0 / 3600.0


def write_dem(path: Path, height: np.ndarray, west: float, north: float) -> Dem:
    transform = rasterio.Affine(STEP, 0.0, west - STEP / 2, 0.0, -STEP, north + STEP / 2)
    shape = {"height": height.shape[0], "width": height.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:4326", transform=transform, nodata=-9999.0, **shape
    ) as f:
        f.write(height.astype(np.float32), 1)
    return Dem.open(path, "ellipsoid", sea="nodata")


def area_of(dem: Dem, facet: float) -> IlluminatedArea:
    start = VIEW.acquisition.ground(np.array([100.0]), np.array([120.0]), 0.0)[0]
    return IlluminatedArea(VIEW.radar, VIEW.orbit, dem, facet, start)


def test_the_area_in_the_image_is_that_of_the_facets(tmp_path: Path) -> None:
    """A hill in the middle of the image, nothing around it: all its area, by vectors in earth-centred coordinates."""
    lon, lat = VIEW.place(100.0, 120.0)
    i, j = np.indices((31, 31))
    height = 150.0 * np.exp(-((i - 15) ** 2 + (j - 15) ** 2) / 60.0) + 20.0
    west, north = round(lon / STEP) * STEP - 15 * STEP, round(lat / STEP) * STEP + 15 * STEP
    image = area_of(write_dem(tmp_path / "hill.tif", height, west, north), 31.0)
    whole = image.over(Window(0, 0, 200, 240), surface=True)[..., :-2]

    points = np.stack(TO_ECEF.transform(west + j * STEP, north - i * STEP, height), axis=-1)
    a, b, c, d = points[:-1, :-1], points[:-1, 1:], points[1:, :-1], points[1:, 1:]
    normals = [0.5 * np.cross(c - a, b - a), 0.5 * np.cross(b - d, c - d)]
    grid = image.geocoder.grid
    first = round((float(grid.y(0)) - north) / STEP), round((west - float(grid.x(0))) / STEP)
    read = image.geocoder.heights(Window(*first, 31, 31))
    known = np.isfinite(read)  # a vertex on the rim of the model may be taken for one beyond it
    np.testing.assert_allclose(read[known], height[known], atol=1e-3)
    assert known[1:-1, 1:-1].all()
    shared_edge = known[:-1, 1:] & known[1:, :-1]
    normals[0][~(shared_edge & known[:-1, :-1])] = 0.0
    normals[1][~(shared_edge & known[1:, 1:])] = 0.0
    sensor = VIEW.acquisition.orbit.position(float(VIEW.acquisition.line_time(100.0)))
    look = sensor - points[15, 15]
    look /= np.linalg.norm(look)
    assert whole[0].sum() == pytest.approx(sum(np.maximum(n @ look, 0.0).sum() for n in normals), rel=5e-4)
    assert whole[1].sum() == pytest.approx(sum(np.linalg.norm(n, axis=-1).sum() for n in normals), rel=5e-4)

    finer = area_of(image.dem, 8.0).over(Window(0, 0, 200, 240))
    inside = np.s_[0, 85:115, 100:140]
    assert finer[inside].sum() == pytest.approx(whole[inside].sum(), rel=5e-3)


def test_tiles_of_the_image_agree(tmp_path: Path) -> None:
    """Steep ground with layover and shadow: every tile finds the facets that fall into it, and what shades them."""
    lon, lat = VIEW.place(100.0, 120.0)
    random = np.random.default_rng(2)
    height = np.kron(random.uniform(0.0, 400.0, (40, 40)), np.ones((4, 4)))
    west, north = round(lon / STEP) * STEP - 80 * STEP, round(lat / STEP) * STEP + 80 * STEP
    image = area_of(write_dem(tmp_path / "steep.tif", height, west, north), 16.0)
    whole = image.over(Window(0, 0, 200, 240))[0, :, :-2]
    assert (whole == 0.0).mean() > 0.01  # shadow
    for window in (Window(0, 0, 64, 240), Window(50, 60, 90, 70), Window(120, 200, 80, 40)):
        part = image.over(window)[0, :, :-2]
        np.testing.assert_allclose(
            part, whole[window.slices_in(Window(0, 0, 200, 240))], rtol=1e-6, atol=1e-3
        )


def test_shadow_falls_into_a_tile_from_outside(tmp_path: Path) -> None:
    """Behind a ridge of 900 m, which the tile itself does not see: dark near it, lit farther away."""
    lon, lat = VIEW.place(100.0, 120.0)
    height = np.zeros((200, 320))
    height[:, 160:163] = 900.0
    west, north = round(lon / STEP) * STEP - 160 * STEP, round(lat / STEP) * STEP + 100 * STEP
    image = area_of(write_dem(tmp_path / "ridge.tif", height, west, north), 16.0)
    whole = image.over(Window(80, 0, 40, 240))[0, :, :-2]
    part = image.over(Window(90, 150, 20, 20))[0, :, :-2]
    assert part.max() < 1e-9
    assert whole[10:30, 150:170].max() < 1e-9
    assert whole[:, 225:].min() > 50.0


def test_facets_lie_on_the_samples_of_the_elevation_model(tmp_path: Path) -> None:
    dem = write_dem(tmp_path / "dem.tif", np.zeros((100, 100)), 10.0, 45.0)
    grid = facet_grid(dem, 16.0)
    assert (grid.spacing_x, grid.spacing_y) == pytest.approx((STEP / 2, STEP / 2))
    for place in ((10.0 - float(grid.x(0))) / STEP, (float(grid.y(0)) - 45.0) / STEP):
        assert place == pytest.approx(round(place), abs=1e-6)
    coarse = facet_grid(dem, 70.0)
    assert (coarse.spacing_x, coarse.spacing_y) == pytest.approx((3 * STEP, 2 * STEP))


def test_height_ranges(tmp_path: Path) -> None:
    height = np.zeros((600, 300))
    height[500, 200] = 50.0
    ranges = HeightRanges(write_dem(tmp_path / "dem.tif", height, 10.0, 45.0))
    low = ranges.over(10.0, 44.95, 10.01, 45.0)
    assert low is not None and (low.lowest, low.highest, low.steepest) == (0.0, 0.0, 0.0)
    all_of_it = ranges.over(9.0, 44.0, 11.0, 46.0)
    assert all_of_it is not None and (all_of_it.lowest, all_of_it.highest) == (0.0, 50.0)
    assert 2.7 < all_of_it.steepest < 3.0  # 50 m over 30.9 and over 21.9 m
    assert ranges.over(20.0, 44.0, 20.1, 44.1) is None


def test_area_of_a_sample() -> None:
    """Along track the chord between points of neighbouring lines, across the difference of slant ranges."""
    start = VIEW.acquisition.ground(np.array([100.0]), np.array([120.0]), 0.0)[0]
    cells = cell_nodes(VIEW.radar, VIEW.orbit, start, Window(0, 0, 200, 240))
    line, pixel = np.array([63.5, 64.5]), np.array([128.0, 128.0])
    slant = VIEW.acquisition.slant_range(
        VIEW.acquisition.line_time(np.array([64.0] * 2)), np.array([127.5, 128.5])
    )
    points = VIEW.acquisition.ground(line, pixel, 0.0)
    along = np.linalg.norm(points[1] - points[0])
    assert cells.area[1, 2] == pytest.approx(along * (slant[1] - slant[0]), rel=2e-5)
