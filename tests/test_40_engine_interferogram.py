"""Interferogram: the phase of the simulation and of SNAP, coherence as of Coherence, layers of the ground."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_cases import apply
from interferogram_cases import DATES, Pair, complex_samples, pair, sloping_placement
from snap_cases import Case, case_of, moved

from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.product import Product
from s1card.engine.native.topsar_merge import merge
from s1card.errors import GraphError
from s1card.geometry.fine_lattice import at_samples
from s1card.graph.fill import fill
from s1card.graph.xml import read_graph
from s1card.window import Window

__all__ = ["pair"]

ALL = {"subtractTopographicPhase": True, "cohWinAz": 3, "cohWinRg": 10, "squarePixel": False}
NONE = {"subtractFlatEarthPhase": False, "includeCoherence": False}
LAYERS = {
    "outputFlatEarthPhase": True,
    "outputTopoPhase": True,
    "outputElevation": True,
    "outputLatLon": True,
}


def band(product: Product, name: str, window: Window | None = None) -> np.ndarray:
    return product.band(name).read(window or product.grid.window)


@pytest.fixture(scope="module")
def removed(pair: Pair) -> Product:
    return pair.product(("Interferogram", ALL | LAYERS))


@pytest.fixture(scope="module")
def plain(pair: Pair) -> Product:
    return pair.product(("Interferogram", NONE))


class TestBands:
    def test_names_as_snap_has_them(self, removed: Product) -> None:
        tag = f"IW1_VV_{DATES}"
        assert [(b.name, b.unit, b.is_virtual) for b in removed.bands] == [
            (f"i_ifg_{tag}", "real", False),
            (f"q_ifg_{tag}", "imaginary", False),
            (f"Intensity_ifg_{tag}", "intensity", True),
            (f"Phase_ifg_{tag}", "phase", True),
            (f"coh_{tag}", "coherence", False),
            (f"fep_{tag}", "phase", False),
            (f"topo_{tag}", "phase", False),
            ("elevation", "meters", False),
            ("orthorectifiedLat", "deg", False),
            ("orthorectifiedLon", "deg", False),
        ]
        assert removed.name.endswith("_Stack_Ifg")
        facts = dict(removed.facts)
        assert facts["Interferogram"] == "flat-earth and topographic phase removed"
        assert facts["Coherence"].endswith("flat-earth and topographic phase removed, bias not corrected")
        assert dict(removed.measures)["coherence_window_pixels"] == 10

    def test_what_is_not_removed_is_not_written(self, pair: Pair) -> None:
        product = pair.product(("Interferogram", NONE | LAYERS))
        assert [b.name for b in product.real_bands()] == [f"i_ifg_IW1_VV_{DATES}", f"q_ifg_IW1_VV_{DATES}"]
        assert dict(product.facts)["Interferogram"] == "no phase removed"
        flat = pair.product(("Interferogram", NONE | LAYERS | {"subtractFlatEarthPhase": True}))
        assert [b.name for b in flat.real_bands()][2:] == [f"fep_IW1_VV_{DATES}"]
        assert dict(flat.facts)["Interferogram"] == "flat-earth phase removed"

    def test_both_polarizations(self, pair: Pair, removed: Product) -> None:
        both = pair.product(("Interferogram", ALL | {"outputTopoPhase": True}), polarizations="")
        assert [s.polarization for s in both.signals] == ["VH", "VV"]
        names = [b.name for b in both.real_bands()]
        assert names[4:] == [f"{k}_IW1_{p}_{DATES}" for k in ("coh", "topo") for p in ("VH", "VV")]
        for name in (f"i_ifg_IW1_VV_{DATES}", f"coh_IW1_VV_{DATES}"):
            assert band(both, name).tobytes() == band(removed, name).tobytes()


class TestTruth:
    """The annotated orbit of the simulation is the true one."""

    @pytest.mark.parametrize("burst", [0, 1])
    def test_phase_of_the_geometry(self, pair: Pair, removed: Product, burst: int) -> None:
        bursts = removed.bursts
        assert bursts is not None
        valid = bursts.valid_window(burst)
        total = band(removed, f"fep_IW1_VV_{DATES}", valid).astype(np.float64)
        total += band(removed, f"topo_IW1_VV_{DATES}", valid)
        line, pixel = np.mgrid[0 : valid.rows : 50, 0 : valid.cols : 37]
        there = bursts.valid[burst]
        truth = pair.truth.coregistration("IW1", burst, line + there.row, pixel + there.col)
        difference = total[::50, ::37] - truth.phase
        assert np.abs(difference).max() < 0.02  # float32 resolves 0.001 of the phase
        assert abs(difference.mean()) < 0.003
        height = band(removed, "elevation", valid)[::50, ::37]
        np.testing.assert_allclose(height, truth.height, atol=0.3)

    def test_no_phase_is_left(self, removed: Product) -> None:
        values, coherence = complex_samples(removed), band(removed, f"coh_IW1_VV_{DATES}")
        good = coherence > 0.7
        assert good.mean() > 0.1
        assert abs(np.angle(values[good].sum())) < 0.01

    def test_removal_turns_the_phase_and_nothing_else(self, removed: Product, plain: Product) -> None:
        phase = band(removed, f"fep_IW1_VV_{DATES}").astype(np.float64) + band(
            removed, f"topo_IW1_VV_{DATES}"
        )
        a, b = complex_samples(removed), complex_samples(plain) * np.exp(-1j * phase)
        assert np.array_equal(np.isnan(a), np.isnan(b))
        good = np.abs(a) > 1.0
        assert np.nanmax(np.abs(a[good] / b[good] - 1.0)) < 5e-3

    def test_places_of_targets(self, pair: Pair, removed: Product) -> None:
        """Targets stand on the terrain; the layers are linear between the samples around them."""
        height, lat, lon = (band(removed, n) for n in ("elevation", "orthorectifiedLat", "orthorectifiedLon"))
        targets = pair.targets("IW1")
        assert len(targets) >= 4
        for target in targets:
            assert _at(lat, target) == pytest.approx(target["latitude"], abs=1e-5)
            assert _at(lon, target) == pytest.approx(target["longitude"], abs=2e-5)
            assert _at(height, target) == pytest.approx(target["height"], abs=0.5)


def _at(layer: np.ndarray, target: dict[str, float]) -> float:
    r, c = int(target["line"]), int(target["pixel"])
    y, x = target["line"] - r, target["pixel"] - c
    part = layer[r : r + 2, c : c + 2].astype(np.float64)
    return float(np.array([1 - y, y]) @ part @ np.array([1 - x, x]))


class TestValues:
    def test_reference_times_conjugate_secondary(self, pair: Pair, plain: Product) -> None:
        stack = pair.product()
        reference, secondary = complex_samples(stack, 0), complex_samples(stack, 1)
        ours = complex_samples(plain)
        expected = reference * np.conj(secondary)
        both = np.isfinite(ours) & np.isfinite(expected)
        assert both.mean() > 0.75
        np.testing.assert_allclose(ours[both], expected[both], rtol=1e-5, atol=1e-2)
        parts = np.stack([band(plain, f"{k}_ifg_IW1_VV_{DATES}") for k in "iq"], axis=-1)
        np.testing.assert_array_equal(parts, plain.signals[0].read(plain.grid.window))
        assert not parts[np.isnan(ours)].any()

    def test_virtual_bands(self, plain: Product) -> None:
        values = complex_samples(plain)
        phase, power = (band(plain, f"{k}_ifg_IW1_VV_{DATES}") for k in ("Phase", "Intensity"))
        assert np.array_equal(np.isnan(phase), np.isnan(values))
        np.testing.assert_allclose(phase, np.angle(values), atol=1e-6)
        np.testing.assert_allclose(power, np.abs(values) ** 2, rtol=1e-5)

    def test_coherence_is_that_of_the_operator(self, pair: Pair, removed: Product) -> None:
        name = f"coh_IW1_VV_{DATES}"
        for changes in ({}, {"subtractTopographicPhase": False}, {"squarePixel": True}):
            options = ALL | changes
            alone = pair.product(("Coherence", options | {"correctCoherenceBias": False}))
            ours = pair.product(("Interferogram", options))
            assert band(ours, name).tobytes() == band(alone, name).tobytes()

    def test_coherence_does_not_touch_the_samples(self, pair: Pair, removed: Product) -> None:
        without = pair.product(("Interferogram", ALL | {"includeCoherence": False}))
        assert complex_samples(without).tobytes() == complex_samples(removed).tobytes()

    def test_window_does_not_matter(self, pair: Pair, removed: Product) -> None:
        windows = Window(0, 0, 700, 300), Window(1490, 100, 60, 250), Window(137, 411, 1, 1)
        for real in removed.real_bands():
            whole = real.read(removed.grid.window)
            again = pair.product(("Interferogram", ALL | LAYERS))
            for window in windows:
                part = again.band(real.name).read(window)
                assert (
                    part.tobytes()
                    == np.ascontiguousarray(whole[window.slices_in(removed.grid.window)]).tobytes()
                )


class TestLattice:
    def test_linear_layers_stay_linear(self) -> None:
        placement = sloping_placement(9, 9)
        window = Window(3, 5, 4, 30)
        got = at_samples(placement.range_difference, (placement.row, placement.col), window)
        line, pixel = np.mgrid[3:7, 5:35]
        np.testing.assert_allclose(got, (line / 2 + 1) + (pixel / 8 + 1) / 10, atol=1e-12)

    def test_middles_of_blocks(self) -> None:
        placement = sloping_placement(9, 9)
        first = placement.row, placement.col
        blocks = at_samples(placement.height, first, Window(1, 2, 2, 3), (3, 5))
        single = at_samples(placement.height, first, Window(3, 10, 6, 15))
        np.testing.assert_allclose(blocks, single.reshape(2, 3, 3, 5).mean((1, 3)), atol=1e-10)


class TestAfterwards:
    def test_deburst_and_merge_carry_it(self, pair: Pair) -> None:
        parts = pair.products(("Interferogram", ALL | LAYERS), ("TOPSAR-Deburst", {}), swaths=("IW1", "IW2"))
        assert all(part.pairs and part.bursts is None for part in parts)
        tag = f"VV_{DATES}"
        merged = merge(parts)
        assert [b.name for b in merged.bands] == [
            *(f"{kind}_ifg_{tag}" for kind in ("i", "q", "Intensity", "Phase")),
            *(f"{kind}_{tag}" for kind in ("coh", "fep", "topo")),
            "elevation", "orthorectifiedLat", "orthorectifiedLon",
        ]  # fmt: skip
        assert merged.pairs == parts[0].pairs
        assert merged.signals[0].is_interferogram
        values = complex_samples(merged)
        near, far = parts[0].valid, parts[1].valid
        assert near is not None and far is not None
        assert np.isfinite(values).mean() > 0.8
        coherence = band(merged, f"coh_{tag}")
        assert np.array_equal(np.isfinite(coherence), np.isfinite(values))
        good = coherence > 0.7
        assert abs(np.angle(values[good].sum())) < 0.01

    def test_bursts_cannot_be_had_again(self, pair: Pair) -> None:
        steps = ("Interferogram", ALL), ("TOPSAR-Deburst", {})
        for operator in ("Interferogram", "Coherence"):
            with pytest.raises(GraphError, match=rf"{operator} works burst by burst.*before TOPSAR-Deburst"):
                pair.product(*steps, (operator, ALL))

    def test_a_pair_is_needed(self, pair: Pair) -> None:
        (product,) = pair.products()
        with pytest.raises(
            GraphError, match=r"Interferogram needs a co-registered pair.*Back-Geocoding before"
        ):
            apply("Interferogram", replace(product, pairs=()))

    def test_it_has_no_backscatter(self, pair: Pair) -> None:
        with pytest.raises(GraphError, match=r"an interferogram has no backscatter.*before Interferogram"):
            pair.product(("Interferogram", ALL), ("Calibration", {}))

    def test_multilook(self, pair: Pair) -> None:
        steps = ("Interferogram", ALL), ("TOPSAR-Deburst", {})
        looked = pair.product(*steps, ("Multilook", {"nRgLooks": 4}))
        assert looked.looks.pixels == 4 and looked.looks.lines == 1
        values, coherence = complex_samples(looked), band(looked, f"coh_IW1_VV_{DATES}")
        assert np.array_equal(np.isfinite(values), np.isfinite(coherence))
        with pytest.raises(GraphError, match=r"a source of it is multilooked.*Multilook after it"):
            merge([looked, looked])


@pytest.fixture(scope="module")
def snap_case(shared: Path) -> Case:
    return case_of(shared, "ifg_topo")


@pytest.fixture(scope="module")
def like_snap(shared: Path, snap_case: Case, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Over the elevation model as SNAP reads it: half a sample to the north-west."""
    first, second = (next(snap_case.folder.glob(f"{s}*.SAFE.zip")) for s in ("S1A", "S1B"))
    dem = moved(snap_case.folder / "dem_orthometric.tif", tmp_path_factory.mktemp("dem") / "dem.tif")
    values = {"in": str(first), "in2": str(second), "dem": str(dem), "out": "unused.dim"}
    graph = fill(read_graph(snap_case.graph), values)
    geoid = shared / "data/dem/egm96_15.gtx"
    products = NativeEngine(Surroundings(orbit=str(snap_case.folder), geoid=geoid)).build(graph)
    return list(products.values())[-1]


class TestSnap:
    def test_size_and_names(self, snap_case: Case, like_snap: Product) -> None:
        assert list(like_snap.shape) == snap_case.meta["size"]
        assert [b.name for b in like_snap.real_bands()] == [
            f["name"] for f in snap_case.meta["bands"].values()
        ]

    def test_samples(self, snap_case: Case, like_snap: Product) -> None:
        """SNAP fits polynomials to the orbits, which turns the phase of every line by 0.05 to 0.10 rad."""
        names = [facts["name"] for facts in snap_case.meta["bands"].values()]
        there = snap_case.window.slices_in(like_snap.grid.window)
        theirs = np.nan_to_num(snap_case.snap(names[0])) + 1j * np.nan_to_num(snap_case.snap(names[1]))
        mine = complex_samples(like_snap)[there]
        assert np.mean((theirs != 0) == np.isfinite(mine)) > 0.999
        ratio = np.where((theirs != 0) & (np.abs(mine) > 0), mine, np.nan) / np.where(theirs != 0, theirs, 1)
        assert np.nanpercentile(np.abs(np.abs(ratio) - 1.0), 95) < 1e-3
        turn = np.nanmedian(np.angle(ratio), axis=1, keepdims=True)
        assert np.abs(turn).max() < 0.12
        relative = np.abs(ratio * np.exp(-1j * turn) - 1.0)
        assert np.nanmedian(relative) < 1e-3
        assert np.nanpercentile(relative, 95) < 3e-3

    def test_coherence(self, snap_case: Case, like_snap: Product) -> None:
        name = next(
            facts["name"] for facts in snap_case.meta["bands"].values() if facts["kind"] == "coherence"
        )
        mine, theirs = like_snap.band(name).read(snap_case.window), snap_case.snap(name)
        difference = np.abs(mine - theirs)
        assert np.nanmedian(difference) < 1e-4
        assert np.nanpercentile(difference, 99) < 1e-3
