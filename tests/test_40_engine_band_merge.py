"""BandMerge: names, places, and what is known of the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import map_product, node, samples
from interferogram_cases import DATES, Pair, complex_samples, pair
from memory_cases import complex_product, noise, product, ties_of

from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.geometry.map_grid import MapGrid
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

__all__ = ["pair"]

GRID = MapGrid("EPSG:32632", 500_000.0, 5_000_000.0, 10.0, 10.0, 4, 6)


def merged(*sources: Product, **parameters: object) -> Product:
    values = resolve_parameters(node("it", "BandMerge", "", **parameters))
    return OPERATORS["BandMerge"](list(sources), values, Context(Surroundings()))


def on_map(value: float, name: str = "Sigma0_VV", grid: MapGrid = GRID, product_name: str = "") -> Product:
    made = map_product(np.full(grid.shape, value, np.float32), grid, name)
    return replace(made, name=product_name or made.name)


class TestNames:
    def test_all_bands_in_the_order_of_the_sources(self) -> None:
        result = merged(on_map(1, "Sigma0_VV"), on_map(2, "Sigma0_VH"), on_map(3, "coh_VV"))
        assert [b.name for b in result.bands] == ["Sigma0_VV", "Sigma0_VH", "coh_VV"]
        assert [samples(result, b.name)[0, 0] for b in result.bands] == [1, 2, 3]
        assert result.name == on_map(1).name
        assert result.grid == GRID

    def test_taken_names(self) -> None:
        result = merged(on_map(1, "a"), on_map(2, "a"), on_map(3, "a_3"), on_map(4, "a"), on_map(5, "a_2"))
        assert {b.name: samples(result, b.name)[0, 0] for b in result.bands} == {
            "a": 1, "a_2": 2, "a_3": 3, "a_4": 4, "a_2_2": 5,
        }  # fmt: skip

    def test_one_source(self) -> None:
        assert [b.name for b in merged(on_map(1)).bands] == ["Sigma0_VV"]

    def test_named_bands(self) -> None:
        sources = on_map(1, "a", product_name="one"), on_map(2, "a", product_name="two"), on_map(3, "b")
        assert [b.name for b in merged(*sources, sourceBands="b,a").bands] == ["a", "a_2", "b"]
        result = merged(*sources, sourceBands="a::two")
        assert samples(result, "a")[0, 0] == 2
        for missing in ("c", "a::three", "b::one"):
            with pytest.raises(GraphError, match=f"no source has the band '{missing}'"):
                merged(*sources, sourceBands=missing)


class TestComplexImages:
    def test_keep_together(self) -> None:
        first, second = noise((6, 8), 1), noise((6, 8), 2)
        result = merged(complex_product(first, interferogram=True), complex_product(second))
        assert [(b.name, b.is_virtual) for b in result.bands] == [
            ("i_VV", False), ("q_VV", False), ("Intensity_VV", True), ("Phase_VV", True),
            ("i_VV_2", False), ("q_VV_2", False), ("Intensity_VV_2", True),
        ]  # fmt: skip
        for number, values in enumerate((first, second)):
            np.testing.assert_allclose(complex_samples(result, number), values, rtol=1e-6)
        np.testing.assert_allclose(samples(result, "i_VV_2"), second.real, rtol=1e-6)

    def test_named_parts(self) -> None:
        source = complex_product(noise((6, 8)))
        both = merged(source, sourceBands="i_VV,q_VV")
        assert len(both.signals) == 1
        alone = merged(source, sourceBands="q_VV")
        assert alone.signals == ()
        assert [b.name for b in alone.bands] == ["q_VV"]
        power = merged(source, sourceBands="Intensity_VV")
        assert [(b.name, b.is_virtual) for b in power.bands] == [("Intensity_VV", False)]
        all_three = merged(source, sourceBands="i_VV,q_VV,Intensity_VV")
        assert [b.name for b in all_three.real_bands()] == ["i_VV", "q_VV", "Intensity_VV"]


class TestPlaces:
    def test_other_size(self) -> None:
        other = on_map(2, grid=replace(GRID, rows=5))
        with pytest.raises(GraphError, match="products of one size, not 4 x 6 and 5 x 6"):
            merged(on_map(1), other)

    @pytest.mark.parametrize(("metres", "allowed"), [(0.9, True), (1.3, False)])
    def test_other_place(self, metres: float, allowed: bool) -> None:
        """A metre is 9e-6 degrees of latitude."""
        other = on_map(2, grid=replace(GRID, top=GRID.top + metres))
        if allowed:
            assert len(merged(on_map(1), other).bands) == 2
            return
        with pytest.raises(GraphError, match=r"1\.2e-05 degrees apart, geographicError allows 1e-05"):
            merged(on_map(1), other)
        assert len(merged(on_map(1), other, geographicError=1e-4).bands) == 2

    def test_other_projection_of_the_same_place(self) -> None:
        other = on_map(2, grid=replace(GRID, crs="EPSG:25832"))
        assert len(merged(on_map(1), other, geographicError=1e-4).bands) == 2

    def test_radar_geometry(self) -> None:
        a, b = product(np.ones((6, 8), np.float32)), product(np.zeros((6, 8), np.float32))
        assert [band.name for band in merged(a, b).bands] == ["it", "it_2"]
        with pytest.raises(GraphError, match="degrees apart"):
            merged(a, replace(b, ties=ties_of((6, 8)).moved(1.0, 0.0)))

    def test_bursts(self, pair: Pair) -> None:
        step = ("Interferogram", {"includeCoherence": False})
        whole = pair.product(step)
        again = pair.product(("Coherence", {"cohWinAz": 2, "cohWinRg": 5}))
        result = merged(whole, again)
        assert [b.name for b in result.real_bands()][-1] == f"coh_IW1_VV_{DATES}"
        assert result.bursts is whole.bursts
        assert len(result.pairs) == 2
        window = Window(40, 100, 20, 30)
        name = f"coh_IW1_VV_{DATES}"
        assert np.array_equal(samples(result, name, window), samples(again, name, window), equal_nan=True)
        (deburst,) = pair.products(step, ("TOPSAR-Deburst", {}))
        with pytest.raises(GraphError, match="products of one size"):
            merged(whole, deburst)
        assert whole.bursts is not None
        half = replace(whole, bursts=whole.bursts.select(0, 0))
        with pytest.raises(GraphError, match="products of the same bursts"):
            merged(whole, half)

    def test_several_sub_swaths(self) -> None:
        one = product(np.ones((6, 8), np.float32))
        with pytest.raises(GraphError, match=r"needs single rasters.*TOPSAR-Split before it"):
            merged(replace(one, parts=(one, one)))


class TestHistory:
    def test_of_one_scene(self) -> None:
        a = on_map(1).with_fact("DEM", "x").with_measures(looks=3)
        b = on_map(2, "other").with_fact("DEM", "x").with_fact("Speckle", "y").with_measures(looks=3, n=1)
        result = merged(a, replace(b, is_calibrated=True))
        assert result.facts[:2] == (("DEM", "x"), ("Speckle", "y"))
        assert result.measures == (("looks", 3), ("n", 1))
        assert result.is_calibrated
        assert not result.is_stack

    def test_of_two_scenes(self) -> None:
        a, b = product(np.ones((6, 8), np.float32)), product(np.ones((6, 8), np.float32))
        a = a.with_fact("Orbit", "first")
        b = replace(b, scene=replace(b.scene, name="S1B_other")).with_fact("Orbit", "second")
        result = merged(a, b)
        assert dict(result.facts)["Orbit"] == "first"
        assert dict(result.facts)["Orbit of S1B_other"] == "second"
        assert result.is_stack
        with pytest.raises(GraphError, match=r"has those of several.*before CreateStack or BandMerge"):
            result.require_radar_geometry()
