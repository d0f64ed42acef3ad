"""Which pixels belong to a parcel: against GDAL's rasterizer, and against areas of intersections."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from parcel_cases import as_raster, random_polygon
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from s1card.geometry.map_grid import MapGrid
from s1card.parcels.centre_rule import spans_by_centre
from s1card.parcels.coverage_rule import spans_by_coverage
from s1card.parcels.lattice import Lattice
from s1card.parcels.rings import rings_of
from s1card.parcels.spans import WHOLE, joined
from s1card.window import Window

LATTICE = Lattice("EPSG:32632", 10.0, 10.0)
WINDOW = Window(-50, -10, 80, 80)
"""Map x from -100, y from 500 downwards."""


def array(geometries: list[BaseGeometry]) -> np.ndarray:
    out = np.empty(len(geometries), object)
    out[:] = geometries
    return out


def random_parcels(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return array(
        [random_polygon(rng, tuple(rng.uniform(80, 200, 2)), rng.uniform(4, 110)) for _ in range(count)]
    )


def rectilinear_parcels(count: int, seed: int) -> np.ndarray:
    """Polygons whose edges run exactly through centres and edges of pixels."""
    rng = np.random.default_rng(seed)
    out = []
    while len(out) < count:
        corners = rng.integers(0, 40, (4, 2)) * 5
        sizes = rng.integers(1, 24, (4, 2)) * 5
        boxes = [shapely.box(*c, *(c + s)) for c, s in zip(corners, sizes, strict=True)]
        shape = shapely.union_all(boxes[:3]).difference(boxes[3])
        if rng.random() < 0.5:
            shape = shape.reverse()
        if not shape.is_empty and shape.geom_type in {"Polygon", "MultiPolygon"}:
            out.append(shape)
    return array(out)


def gdal_mask(geometry: BaseGeometry) -> np.ndarray:
    return rasterize([geometry], out_shape=WINDOW.shape, transform=Affine(10, 0, -100, 0, -10, 500))


@pytest.mark.parametrize(
    "parcels", [random_parcels(400, 1), rectilinear_parcels(400, 2)], ids=["random", "through-centres"]
)
def test_centre_rule_is_that_of_gdal(parcels: np.ndarray) -> None:
    spans = spans_by_centre(rings_of(parcels, LATTICE))
    for k, parcel in enumerate(parcels):
        assert np.array_equal(as_raster(spans, k, WINDOW), gdal_mask(parcel)), parcel.wkt


@pytest.mark.parametrize(
    "parcels", [random_parcels(150, 3), rectilinear_parcels(150, 4)], ids=["random", "through-centres"]
)
def test_coverage_is_the_area_of_the_intersection(parcels: np.ndarray) -> None:
    spans = spans_by_coverage(rings_of(parcels, LATTICE))
    left, top = np.meshgrid(-100 + 10 * np.arange(80), 500 - 10 * np.arange(80))
    pixels = shapely.box(left, top - 10, left + 10, top)
    for k, parcel in enumerate(parcels):
        expected = shapely.area(shapely.intersection(pixels, parcel)) / 100
        np.testing.assert_allclose(as_raster(spans, k, WINDOW), expected, rtol=0, atol=1e-7)


def test_a_hand_computed_triangle() -> None:
    """Corners at the lower left of pixel (0, 0), 2 pixels to the right and 2 up: half of two pixels, all of one."""
    triangle = array([shapely.Polygon([(0, -10), (20, -10), (0, 10)])])
    window = Window(-1, 0, 2, 2)
    coverage = as_raster(spans_by_coverage(rings_of(triangle, LATTICE)), 0, window)
    assert coverage.tolist() == [[0.5, 0.0], [1.0, 0.5]]
    centre = as_raster(spans_by_centre(rings_of(triangle, LATTICE)), 0, window)
    assert centre.tolist() == [[1.0, 0.0], [1.0, 1.0]]  # centres on the right end of a span belong to it


def test_pixels_that_lie_whole_in_a_parcel_need_no_weights() -> None:
    square = array([shapely.box(0, 0, 50, 50)])
    spans = spans_by_coverage(rings_of(square, LATTICE))
    assert (spans.weight == WHOLE).all()
    assert len(spans.weights) == 0
    assert len(spans.row) == 5


def test_a_parcel_between_pixel_centres_has_no_pixel_by_centre_and_some_by_coverage() -> None:
    tiny = array([shapely.box(1, 1, 4, 4)])
    assert len(spans_by_centre(rings_of(tiny, LATTICE)).row) == 0
    assert spans_by_coverage(rings_of(tiny, LATTICE)).weights.tolist() == pytest.approx([0.09])


def test_parcels_do_not_depend_on_their_neighbours() -> None:
    parcels = random_parcels(30, 5)
    for rule in (spans_by_centre, spans_by_coverage):
        together = rule(rings_of(parcels, LATTICE))
        one_by_one = joined([rule(rings_of(parcels[k : k + 1], LATTICE)) for k in range(len(parcels))])
        for name in ("start", "row", "col", "length", "weight", "weights"):
            assert np.array_equal(getattr(together, name), getattr(one_by_one, name))


def test_no_parcels() -> None:
    for rule in (spans_by_centre, spans_by_coverage):
        assert len(rule(rings_of(array([]), LATTICE))) == 0
    assert len(joined([])) == 0


class TestLattice:
    def test_snapped_grids_share_one(self) -> None:
        first = MapGrid("EPSG:32632", 600_000, 5_400_000, 10, 10, 100, 100)
        second = MapGrid("EPSG:32632", 601_230, 5_399_990, 10, 10, 7, 9)
        assert Lattice.of(first) == Lattice.of(second) == LATTICE
        assert LATTICE.window(first) == Window(-540_000, 60_000, 100, 100)
        assert LATTICE.window(second) == Window(-539_999, 60_123, 7, 9)

    @pytest.mark.parametrize("left", [600_003.7, 599_996.3, 600_009.999999])
    def test_grids_that_are_not_snapped_have_their_own(self, left: float) -> None:
        grid = MapGrid("EPSG:32632", left, 5_400_001.25, 10, 10, 10, 10)
        lattice = Lattice.of(grid)
        window = lattice.window(grid)
        assert 0 <= lattice.phase_x < 1
        assert lattice.x(np.array([float(window.col)]))[0] == pytest.approx(left, abs=2e-5)
        assert lattice.y(np.array([float(window.row)]))[0] == pytest.approx(5_400_001.25, abs=2e-5)

    def test_rows_grow_to_the_south(self) -> None:
        assert LATTICE.row(np.array([25.0, -25.0])).tolist() == [-2.5, 2.5]
        assert LATTICE.col(np.array([25.0, -25.0])).tolist() == [2.5, -2.5]
