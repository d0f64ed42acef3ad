"""TopoPhaseRemoval: as Interferogram with the same option, and as the truth of the simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from engine_cases import apply, node, product_of
from interferogram_cases import DATES, Pair, Step, complex_samples, pair

from s1card.engine.native.context import Context
from s1card.engine.native.multilook import looked_grid, single_look_grid
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Looks, Product
from s1card.engine.native.topsar_merge import merge
from s1card.errors import DemError, GraphError
from s1card.geometry.radar_grid import SlantRange
from s1card.graph.model import Node
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

__all__ = ["pair"]

FLAT: Step = ("Interferogram", {"includeCoherence": False, "outputFlatEarthPhase": True})
WITH_TOPOGRAPHY: Step = (
    "Interferogram",
    {
        "includeCoherence": False,
        "subtractTopographicPhase": True,
        "outputTopoPhase": True,
        "outputElevation": True,
        "outputLatLon": True,
    },
)
DEBURST: Step = ("TOPSAR-Deburst", {})
REMOVE: Step = (
    "TopoPhaseRemoval",
    {"outputTopoPhaseBand": True, "outputElevationBand": True, "outputLatLonBands": True},
)
TAG = f"VV_{DATES}"


def band(product: Product, name: str, window: Window | None = None) -> np.ndarray:
    return product.band(name).read(window or product.grid.window)


def largest_turn(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of phase where both have a signal."""
    assert np.array_equal(np.isnan(a), np.isnan(b))
    there = np.abs(a) > 1.0
    assert there.mean() > 0.5
    np.testing.assert_allclose(np.abs(a[there]), np.abs(b[there]), rtol=1e-4)
    return float(np.abs(np.angle(a[there] * np.conj(b[there]))).max())


@pytest.fixture(scope="module")
def removed(pair: Pair) -> Product:
    return pair.product(FLAT, DEBURST, REMOVE)


class TestAgreement:
    def test_with_interferogram(self, pair: Pair, removed: Product) -> None:
        at_once = pair.product(WITH_TOPOGRAPHY, DEBURST)
        assert largest_turn(complex_samples(removed), complex_samples(at_once)) < 0.01
        same = {f"topo_phase_{TAG}": f"topo_IW1_{TAG}"}
        same |= {name: name for name in ("elevation", "orthorectifiedLat", "orthorectifiedLon")}
        limits = (0.01, 0.2, 8e-6, 3e-5)  # float32 resolves 4e-6 of a latitude
        inside = removed.valid
        assert inside is not None
        for (ours, theirs), limit in zip(same.items(), limits, strict=True):
            difference = np.abs(band(removed, ours, inside) - band(at_once, theirs, inside))
            assert difference.max() < limit, ours

    def test_of_bursts_and_of_the_image(self, pair: Pair, removed: Product) -> None:
        bursts_first = pair.product(FLAT, REMOVE, DEBURST)
        assert largest_turn(complex_samples(removed), complex_samples(bursts_first)) < 0.01

    @pytest.mark.parametrize("burst", [0, 1])
    def test_with_the_truth(self, pair: Pair, burst: int) -> None:
        product = pair.product(FLAT, REMOVE)
        assert product.bursts is not None
        valid, there = product.bursts.valid_window(burst), product.bursts.valid[burst]
        total = band(product, f"fep_IW1_{TAG}", valid).astype(np.float64)
        total += band(product, f"topo_phase_{TAG}", valid)
        line, pixel = np.mgrid[0 : valid.rows : 50, 0 : valid.cols : 37]
        truth = pair.truth.coregistration("IW1", burst, line + there.row, pixel + there.col)
        difference = total[::50, ::37] - truth.phase
        assert np.abs(difference).max() < 0.02
        assert abs(difference.mean()) < 0.003

    def test_merged(self, pair: Pair) -> None:
        parts = pair.products(
            ("Interferogram", {"cohWinAz": 3, "squarePixel": False}), DEBURST, swaths=("IW1", "IW2")
        )
        merged = merge(parts)
        values = resolve_parameters(_node(REMOVE))
        product = OPERATORS["TopoPhaseRemoval"]([merged], values, Context(pair.surroundings))
        complex_values, coherence = complex_samples(product), band(product, f"coh_{TAG}")
        good = coherence > 0.7
        assert good.mean() > 0.1
        assert abs(np.angle(complex_values[good].sum())) < 0.01
        separate = pair.products(FLAT, DEBURST, REMOVE, swaths=("IW1", "IW2"))
        assert largest_turn(complex_values, complex_samples(merge(separate))) < 0.01

    def test_multilooked(self, pair: Pair, removed: Product) -> None:
        """The phase in the middle of a block is the mean of its samples, as far as terrain is straight in it."""
        looks = ("Multilook", {"nRgLooks": 4, "nAzLooks": 3, "grSquarePixel": False})
        product = pair.product(FLAT, DEBURST, looks, REMOVE)
        rows, cols = product.shape
        for name, limit in ((f"topo_phase_{TAG}", 5e-3), ("elevation", 0.5), ("orthorectifiedLat", 8e-6)):
            single = band(removed, name, Window(0, 0, rows * 3, cols * 4)).astype(np.float64)
            mean = single.reshape(rows, 3, cols, 4).mean((1, 3))
            assert np.abs(band(product, name) - mean).max() < limit, name


class TestProduct:
    def test_names_as_snap_has_them(self, removed: Product) -> None:
        names = [(b.name, b.unit, b.is_virtual) for b in removed.bands]
        assert names == [
            (f"i_ifg_{TAG}", "real", False),
            (f"q_ifg_{TAG}", "imaginary", False),
            (f"Intensity_ifg_srd_{TAG}", "intensity", True),
            (f"Phase_ifg_srd_{TAG}", "phase", True),
            (f"fep_IW1_{TAG}", "phase", False),
            (f"topo_phase_{TAG}", "phase", False),
            ("elevation", "meters", False),
            ("orthorectifiedLat", "deg", False),
            ("orthorectifiedLon", "deg", False),
        ]
        assert removed.name.endswith("_Stack_Ifg_deb_DInSAR")
        assert dict(removed.facts)["TopoPhaseRemoval"] == "topographic phase removed"

    def test_nothing_more_than_asked(self, pair: Pair) -> None:
        product = pair.product(
            ("Interferogram", {"cohWinAz": 2}), DEBURST, ("TopoPhaseRemoval", {}), polarizations=""
        )
        names = [b.name for b in product.real_bands()]
        assert names == [
            *(f"{k}_ifg_{p}_{DATES}" for p in ("VH", "VV") for k in "iq"),
            *(f"coh_IW1_{p}_{DATES}" for p in ("VH", "VV")),
        ]

    def test_window_does_not_matter(self, pair: Pair, removed: Product) -> None:
        again = pair.product(FLAT, DEBURST, REMOVE)
        for real in removed.real_bands():
            whole = real.read(removed.grid.window)
            for window in (Window(1200, 100, 400, 300), Window(127, 7, 3, 2)):
                part = np.ascontiguousarray(whole[window.slices_in(removed.grid.window)])
                assert again.band(real.name).read(window).tobytes() == part.tobytes()

    def test_unknown_heights(self, pair: Pair, tmp_path: Path) -> None:
        """Half of the image lies beyond the elevation model."""
        with rasterio.open(pair.files.dem) as source:
            profile, height = source.profile, source.read(1)
        profile["height"] = height.shape[0] // 2
        with rasterio.open(tmp_path / "half.tif", "w", **profile) as target:
            target.write(height[: profile["height"]], 1)
        half = replace(pair.surroundings, dem=tmp_path / "half.tif")
        source = pair.product(FLAT, DEBURST)
        values = resolve_parameters(_node(REMOVE))
        product = OPERATORS["TopoPhaseRemoval"]([source], values, Context(half))
        height, phase = band(product, "elevation"), band(product, f"topo_phase_{TAG}")
        assert 0.3 < np.isnan(height).mean() < 0.7
        assert np.array_equal(np.isnan(height), np.isnan(phase))
        known = np.isfinite(complex_samples(product))
        assert np.array_equal(known, np.isfinite(complex_samples(source)) & np.isfinite(height))


class TestRefusals:
    def test_no_interferogram(self, pair: Pair) -> None:
        with pytest.raises(GraphError, match=r"needs an interferogram.*Place Interferogram before it"):
            pair.product(("TopoPhaseRemoval", {}))
        with pytest.raises(GraphError, match=r"needs an interferogram"):
            apply("TopoPhaseRemoval", product_of({"VV": np.ones((4, 4), np.uint16)}))

    @pytest.mark.parametrize("steps", [(WITH_TOPOGRAPHY, DEBURST), (FLAT, DEBURST, REMOVE)])
    def test_twice(self, pair: Pair, steps: tuple[Step, ...]) -> None:
        with pytest.raises(
            GraphError, match=r"has been removed from this interferogram.*Leave TopoPhaseRemoval out"
        ):
            pair.product(*steps, ("TopoPhaseRemoval", {}))

    def test_elevation_model_elsewhere(self, pair: Pair, tmp_path: Path) -> None:
        with rasterio.open(pair.files.dem) as source:
            profile, height = source.profile, source.read(1)
        t = profile["transform"]
        profile["transform"] = rasterio.Affine(t.a, t.b, t.c + 10.0, t.d, t.e, t.f)
        with rasterio.open(tmp_path / "far.tif", "w", **profile) as target:
            target.write(height, 1)
        source = pair.product(FLAT, DEBURST)
        values = resolve_parameters(_node(REMOVE))
        with pytest.raises(DemError):
            OPERATORS["TopoPhaseRemoval"](
                [source], values, Context(replace(pair.surroundings, dem=tmp_path / "far.tif"))
            )


def test_single_look_grid_is_what_was_looked_at(pair: Pair) -> None:
    grid = pair.product(DEBURST).radar_grid
    looks = Looks(3, 4)
    back = single_look_grid(looked_grid(grid, looks), looks)
    assert isinstance(back.range_axis, SlantRange) and isinstance(grid.range_axis, SlantRange)
    assert back.shape == (grid.lines // 3 * 3, grid.pixels // 4 * 4)
    assert back.first_azimuth_time == pytest.approx(grid.first_azimuth_time, abs=1e-12)
    assert back.line_interval == pytest.approx(grid.line_interval, rel=1e-14)
    assert back.range_axis.near == pytest.approx(grid.range_axis.near, abs=1e-8)
    assert back.range_axis.spacing == pytest.approx(grid.range_axis.spacing, rel=1e-14)


def _node(step: Step) -> Node:
    return node("it", step[0], "", **step[1])
