"""Collocate: names, values of hand-made rasters, where products have pixels, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_cases import Small, chain, map_product, node, samples, small
from memory_cases import product, whole
from pyproj import Transformer

from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.engine import NativeEngine, check_capability
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.graph.model import Graph, Node, Parameter, SourceRef
from s1card.graph.operators import resolve_parameters, sources_in_order
from s1card.window import Window

__all__ = ["small"]

GRID = MapGrid("EPSG:32632", 500_000.0, 5_000_000.0, 10.0, 10.0, 3, 4)
ONE = np.arange(12, dtype=np.float32).reshape(3, 4)
OTHER = np.array([[10, 20], [30, 40]], np.float32)


def on_map(values: np.ndarray, name: str, grid: MapGrid = GRID, band: str = "Sigma0_VV") -> Product:
    return replace(
        map_product(values, replace(grid, rows=len(values), cols=values.shape[1]), band), name=name
    )


def collocated(*sources: Product, **parameters: Any) -> Product:
    values = resolve_parameters(node("it", "Collocate", "", **parameters))
    return OPERATORS["Collocate"](list(sources), values, Context(Surroundings()))


def two(**parameters: Any) -> Product:
    """The second product has pixels of 20 m, its corner 10 m to the right of that of the first."""
    coarse = replace(GRID, left=500_010.0, spacing_x=20.0, spacing_y=20.0)
    return collocated(on_map(ONE, "one"), on_map(OTHER, "two", coarse), **parameters)


def names(made: Product) -> list[str]:
    return [band.name for band in made.bands]


class TestValues:
    def test_nearest(self) -> None:
        made = two()
        assert made.grid == GRID
        np.testing.assert_array_equal(samples(made, "Sigma0_VV_M"), ONE)
        np.testing.assert_array_equal(
            samples(made, "Sigma0_VV_S"), [[np.nan, 10, 10, 20], [np.nan, 10, 10, 20], [np.nan, 30, 30, 40]]
        )
        flags = samples(made, "collocationFlags")
        assert flags.dtype == np.uint8
        np.testing.assert_array_equal(flags, [[0, 1, 1, 1]] * 3)

    def test_bilinear(self) -> None:
        """Centres of 10 m lie at a quarter and three quarters between those of 20 m."""
        got = samples(two(resamplingType="BILINEAR_INTERPOLATION"), "Sigma0_VV_S")
        across = np.array([0.0, 0.25, 0.75])
        down = np.array([0.0, 0.25, 0.75])
        expected = 10 + 10 * across + 20 * down[:, None]
        assert np.isnan(got[:, 0]).all()
        np.testing.assert_allclose(got[:, 1:], expected, rtol=1e-6)

    @pytest.mark.parametrize("method", ["CUBIC_CONVOLUTION", "BICUBIC_INTERPOLATION"])
    def test_cubic_on_the_same_pixels(self, method: str) -> None:
        made = collocated(on_map(ONE, "one"), on_map(ONE * 2, "two"), resamplingType=method)
        np.testing.assert_array_equal(samples(made, "Sigma0_VV_S"), ONE * 2)

    def test_pixels_of_one_lattice_stay_as_they_are(self) -> None:
        """Rounding of coordinates moves nothing, also at the rim."""
        degrees = MapGrid("EPSG:4326", 10.123456, 45.1, 8.983152841195215e-5, 8.983152841195215e-5, 30, 40)
        values = np.random.default_rng(7).gamma(4.0, size=degrees.shape).astype(np.float32)
        part = degrees.crop(Window(7, 11, 20, 25))
        made = collocated(
            on_map(np.zeros(part.shape, np.float32), "one", part),
            on_map(values, "two", degrees),
            resamplingType="BILINEAR_INTERPOLATION",
        )
        np.testing.assert_array_equal(samples(made, "Sigma0_VV_S"), values[7:27, 11:36])

    def test_another_map(self) -> None:
        """The second product is the first one's longitude, on a grid of degrees."""
        degrees = MapGrid("EPSG:4326", 8.99, 45.16, 1e-4, 1e-4, 200, 300)
        row, col = np.mgrid[0:200, 0:300]
        there = on_map(degrees.x(col).astype(np.float32), "two", degrees)
        made = collocated(on_map(ONE, "one"), there, resamplingType="BILINEAR_INTERPOLATION")
        to_geographic = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
        row, col = np.mgrid[0:3, 0:4]
        expected, _ = to_geographic.transform(GRID.x(col), GRID.y(row))
        np.testing.assert_allclose(samples(made, "Sigma0_VV_S"), expected, atol=2e-6)

    def test_whole_numbers_and_flags(self) -> None:
        whole_numbers = on_map(np.array([[5, 6], [7, 8]], np.uint16), "two", GRID)
        made = collocated(on_map(ONE, "one"), whole_numbers)
        got = samples(made, "Sigma0_VV_S")
        assert got.dtype == np.uint16
        np.testing.assert_array_equal(got, [[5, 6, 0, 0], [7, 8, 0, 0], [0, 0, 0, 0]])
        again = collocated(on_map(ONE, "three"), made, resamplingType="BILINEAR_INTERPOLATION")
        assert samples(again, "collocationFlags_S").dtype == np.uint8


class TestNames:
    def test_usual(self) -> None:
        made = two()
        assert names(made) == ["Sigma0_VV_M", "Sigma0_VV_S", "collocationFlags"]
        assert made.name == "_collocated"
        assert made.facts[-1] == ("Collocate", "two on the pixels of one, NEAREST_NEIGHBOUR")

    def test_several_secondaries_are_counted(self) -> None:
        made = collocated(*(on_map(ONE, name) for name in ("one", "two", "three")), targetProductName="all")
        assert names(made) == [
            "Sigma0_VV_M",
            "Sigma0_VV_S0",
            "collocationFlags_S0",
            "Sigma0_VV_S1",
            "collocationFlags_S1",
        ]
        assert made.name == "all"

    def test_names_are_kept(self) -> None:
        made = collocated(
            on_map(ONE, "one"), on_map(ONE, "two", band="coh"),
            renameReferenceComponents=False, renameSecondaryComponents=False,
        )  # fmt: skip
        assert names(made) == ["Sigma0_VV", "coh", "collocationFlags"]
        clash = collocated(
            on_map(ONE, "one"), on_map(ONE, "two"),
            renameReferenceComponents=False, renameSecondaryComponents=False,
        )  # fmt: skip
        assert names(clash) == ["Sigma0_VV", "Sigma0_VV_S", "collocationFlags"]

    def test_patterns(self) -> None:
        made = two(
            referenceComponentPattern="ref_${ORIGINAL_NAME}", slaveComponentPattern="${ORIGINAL_NAME}_of_two"
        )
        assert names(made)[:2] == ["ref_Sigma0_VV", "Sigma0_VV_of_two"]

    def test_taken_flag_band(self) -> None:
        made = collocated(two(), on_map(ONE, "four", band="coh"), renameReferenceComponents=False)
        assert names(made)[-1] == "collocationFlags1"

    @pytest.mark.parametrize(
        "parameters",
        [{"referenceComponentPattern": "${ORIGINAL_NAME}_S"}, {"secondaryComponentPattern": "Sigma0_VV_M"}],
    )
    def test_one_name_for_two_bands_is_refused(self, parameters: dict[str, str]) -> None:
        with pytest.raises(GraphError, match=r"two bands of Collocate would have the name 'Sigma0_VV_[SM]'"):
            two(**parameters)


class TestReference:
    def test_by_name(self) -> None:
        coarse = replace(GRID, spacing_x=20.0, spacing_y=20.0)
        sources = on_map(ONE, "one"), on_map(OTHER, "two", coarse)
        made = collocated(*sources, referenceProductName="two")
        assert made.shape == (2, 2)
        assert collocated(*sources, masterProductName="two").shape == (2, 2)
        with pytest.raises(GraphError, match=r"referenceProductName 'three'.*There are one, two"):
            collocated(*sources, referenceProductName="three")

    @pytest.mark.parametrize("label", ["reference", "master"])
    def test_by_label(self, label: str) -> None:
        reads = tuple(Node(name, "Read", (), (Parameter("file", name),)) for name in "ab")
        sources = SourceRef("slave", "a"), SourceRef(label, "b")
        graph = Graph((*reads, Node("C", "Collocate", sources)))
        assert [source.id for source in sources_in_order(graph, graph.node("C"))] == ["b", "a"]
        plain = Graph((*reads, Node("C", "Collocate", (SourceRef("x", "a"), SourceRef("y", "b")))))
        assert [source.id for source in sources_in_order(plain, plain.node("C"))] == ["a", "b"]


def test_refusals() -> None:
    with pytest.raises(GraphError, match=r"Collocate needs a product on a map.*after Terrain-Correction"):
        collocated(on_map(ONE, "one"), product(ONE))
    with pytest.raises(GraphError, match="at least two products"):
        collocated(on_map(ONE, "one"))
    graph = chain(
        ("Read", {"file": "scene.zip"}),
        ("Collocate", {"sourceProductPaths": "a.dim,b.dim"}),
        ("Write", {"file": "out.tif"}),
    )
    with pytest.raises(GraphError, match=r"no sourceProductPaths=a\.dim,b\.dim of Collocate"):
        check_capability(graph)


@pytest.mark.parametrize("method", ["NEAREST_NEIGHBOUR", "BICUBIC_INTERPOLATION"])
def test_nothing_depends_on_the_window(method: str) -> None:
    values = np.random.default_rng(4).gamma(4.0, size=(60, 50)).astype(np.float32)
    values[7:9, 20:30] = np.nan
    degrees = MapGrid("EPSG:4326", 8.999, 45.155, 1.1e-4, 1.0e-4, 60, 50)
    made = collocated(
        on_map(np.zeros((40, 45), np.float32), "one"), on_map(values, "two", degrees), resamplingType=method
    )
    everything = {name: samples(made, name) for name in names(made)}
    assert 0.2 < np.isfinite(everything["Sigma0_VV_S"]).mean() < 1.0
    for window in reversed(list(made.grid.window.tiles(7, 11))):
        for name, values in everything.items():
            part = samples(made, name, window)
            assert part.tobytes() == values[window.slices_in(whole(values))].tobytes()


def graph_of(small: Small, target: Path, **parameters: Any) -> Graph:
    """The scene on two maps, one on the pixels of the other."""
    read, first = small.read, small.terrain_correction(pixelSpacingInMeter=20)
    second = small.terrain_correction(mapProjection="EPSG:32633", pixelSpacingInMeter=15)
    nodes = (
        node("Read", *read[:1], "", **read[1]),
        node("Cal", "Calibration", "Read"),
        node("One", first[0], "Cal", **first[1]),
        node("Two", second[0], "Cal", **second[1]),
    )
    sources = SourceRef("slave", "Two"), SourceRef("master", "One")
    both = Node("Both", "Collocate", sources, tuple(Parameter(k, str(v)) for k, v in parameters.items()))
    return Graph((*nodes, both, node("Write", "Write", "Both", file=target, formatName="GeoTIFF-BigTIFF")))


def test_a_graph_of_two_maps(small: Small, tmp_path: Path) -> None:
    """Scenes on two maps show the same; files depend on neither blocks nor threads."""
    found = set()
    for threads, block in ((1, 512), (2, 256), (2, 1024)):
        target = tmp_path / f"{threads}-{block}.tif"
        graph = graph_of(small, target, resamplingType="BILINEAR_INTERPOLATION")
        engine = NativeEngine(Surroundings(orbit="none", threads=threads, block=block))
        made = engine.build(graph)["Both"]
        engine.run(graph)
        found.add(target.read_bytes())
    assert len(found) == 1
    one, two = (samples(made, f"Sigma0_VV_{end}") for end in "MS")
    both = np.isfinite(one) & np.isfinite(two)
    assert both.sum() > 0.9 * np.isfinite(one).sum()
    ratio = two[both] / one[both]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.002)
    assert np.percentile(np.abs(np.log(ratio)), 75) < 0.05
    assert np.isfinite(two).sum() <= samples(made, "collocationFlags").sum()
