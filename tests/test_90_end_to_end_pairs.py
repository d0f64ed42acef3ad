"""Cards of SLC scenes: what must not change them, parts of them, slices, and what gives none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import BASE, assert_refused, band, call_s1card, digests, make_card, make_pair_card

from s1card.accuracy import measure_coherence, measure_fields, pooled
from s1card.card.coherence import CoherenceOrder, make_coherence_card
from s1card.cli_options import area_wkt
from s1card.engine.looks import expected_coherence
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.geometry.geoid import VerticalDatum
from s1card.scene.pixels import PixelReader
from s1card.simulate import (
    GrdConfig,
    SimulatedPair,
    SlcPairConfig,
    break_product,
    simulate_grd,
    simulate_slc_pair,
)
from s1card.simulate.faults import SLC_FAULTS
from s1card.simulate.slc.config import PAIR_FAULTS

DATA, CALL = 3, 2
PAIR = SlcPairConfig(bursts=2, swaths=("IW1", "IW2"), samples=600, longitude=12.0, seed=3, zip=True)
"""Its middle lies on the border of two UTM zones."""
SMALL = SlcPairConfig(bursts=1, swaths=("IW1",), samples=400, terrain="flat", targets=0)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    return simulate_slc_pair(PAIR, tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def full(pair: SimulatedPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pair_card(pair, tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    return simulate_slc_pair(SMALL, tmp_path_factory.mktemp("small"))


def pixels(card: Path, name: str) -> tuple[np.ndarray, rasterio.Affine]:
    with rasterio.open(band(card, name)) as raster:
        return raster.read(1), raster.transform


def assert_is_crop(part: Path, whole: Path, name: str, *, bound: float = 0.0) -> None:
    """A card shows what another one shows at the same place; with a bound in the median, and where both have data."""
    (values, here), (everything, there) = pixels(part, name), pixels(whole, name)
    row, col = round((there.f - here.f) / 20.0), round((here.c - there.c) / 20.0)
    assert (here.c, here.f) == (there.c + 20.0 * col, there.f - 20.0 * row)
    expected = everything[row : row + values.shape[0], col : col + values.shape[1]]
    assert expected.shape == values.shape
    both = np.isfinite(values) & np.isfinite(expected)
    assert both.sum() > 500
    if bound:
        assert np.median(np.abs(values - expected)[both]) <= bound
    else:
        np.testing.assert_array_equal(values, expected)


class TestWhatDoesNotMatter:
    @pytest.mark.parametrize(
        "options",
        [("--block", 256, "--threads", 1), ("--threads", 2, "--memory", "700M")],
        ids=lambda options: "-".join(map(str, options)),
    )
    def test_how_the_work_is_cut(
        self, options: tuple[object, ...], pair: SimulatedPair, full: Path, tmp_path: Path
    ) -> None:
        assert len(digests(full)) == 5  # two rasters, STAC item, graph, quicklook
        assert digests(make_pair_card(pair, tmp_path, *options)) == digests(full)

    def test_the_order_of_the_scenes(self, pair: SimulatedPair, full: Path, tmp_path: Path) -> None:
        turned = replace(pair, reference=pair.secondary, secondary=pair.reference)
        assert digests(make_pair_card(turned, tmp_path)) == digests(full)

    def test_zips(self, pair: SimulatedPair, full: Path, tmp_path: Path) -> None:
        """Only the graph, which names its inputs, tells the cards apart."""
        zipped = replace(pair, reference=pair.archives[:1], secondary=pair.archives[1:])
        card = make_pair_card(zipped, tmp_path)
        assert card.name == full.name
        for name in ("VV", "VH"):
            np.testing.assert_array_equal(pixels(card, name)[0], pixels(full, name)[0])


class TestParts:
    def test_an_area(self, pair: SimulatedPair, full: Path, tmp_path: Path) -> None:
        card = make_pair_card(pair, tmp_path, "--aoi", "11.97,45.22,12.02,45.26")
        assert card.name != full.name
        for name in ("VV", "VH"):
            assert_is_crop(card, full, name)

    def test_one_polarization(self, pair: SimulatedPair, full: Path, tmp_path: Path) -> None:
        card = make_pair_card(pair, tmp_path, "--pol", "VV")
        assert "1SSV" in card.name
        assert not band(card, "VH").exists()
        assert_is_crop(card, full, "VV")

    def test_a_sub_swath(self, pair: SimulatedPair, full: Path, tmp_path: Path) -> None:
        """Merged sub-swaths move by up to half a sample, to lie on one raster."""
        card = make_pair_card(pair, tmp_path, "--subswath", "IW2")
        values, everything = pixels(card, "VV")[0], pixels(full, "VV")[0]
        assert 0.4 < np.isfinite(values).sum() / np.isfinite(everything).sum() < 0.8
        assert_is_crop(card, full, "VV", bound=0.02)

    def test_an_area_reads_only_the_lines_it_needs(
        self, pair: SimulatedPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: dict[str, set[int]] = {}
        original = PixelReader.read_iq

        def counting(self: PixelReader, first: int, count: int) -> np.ndarray:
            read.setdefault(f"{self.image.swath} {self.image.polarization}", set()).update(
                range(first, first + count)
            )
            return original(self, first, count)

        monkeypatch.setattr(PixelReader, "read_iq", counting)
        place = {"aoi": area_wkt("11.99,45.24,12.00,45.25"), "crs": "AUTO:42001", "spacing": "20"}
        scenes = (*pair.reference, *pair.secondary)
        order = CoherenceOrder(scenes, pair.dem, VerticalDatum.ELLIPSOID, parameters=place)
        engine = NativeEngine(Surroundings(dem=pair.dem, dem_datum="ellipsoid", threads=1))
        card = make_coherence_card(order, engine, tmp_path)
        with rasterio.open(card.bands["VV"]) as raster:
            assert np.isfinite(raster.read(1)).mean() > 0.9
        assert len(read) in (2, 4)
        assert max(len(lines) for lines in read.values()) <= 3 * 128  # whole chunks of lines, of some 3,000

    def test_an_area_outside(self, pair: SimulatedPair, tmp_path: Path) -> None:
        out = tmp_path / "cards"
        done = call_s1card(
            "coh6",
            *pair.reference,
            *pair.secondary,
            "--dem",
            pair.dem,
            *BASE,
            "--out",
            out,
            "--aoi",
            "20,50,21,51",
        )
        assert_refused(done, out, DATA, "does not overlap")


def test_slices(tmp_path: Path) -> None:
    """Both dates in two products: the coherence of fields all over is what it should be."""
    config = replace(PAIR, bursts=4, slices=2, zip=False, thermal_noise=False)
    made = simulate_slc_pair(config, tmp_path / "scenes")
    card = make_pair_card(made, tmp_path / "cards")
    item = json.loads((card / f"{card.name}.json").read_text(encoding="utf-8"))
    assert len(item["properties"]["s1card:reference"]) == len(item["properties"]["s1card:secondary"]) == 2
    looks = float(np.mean(list(item["properties"]["s1card:coherence_looks"].values())))
    fields = [
        f
        for f in measure_coherence(band(card, "VV"), made.truth / "fields.gpkg", "VV")
        if f.backscatter_db > -15.5
    ]
    for low, high in ((0.0, 0.35), (0.35, 0.65), (0.65, 1.0)):
        here = [field for field in fields if low < field.coherence <= high]
        difference = [field.mean - expected_coherence(field.truth, looks) for field in here]
        assert abs(np.average(difference, weights=[field.samples for field in here])) <= 0.01
    values = pixels(card, "VV")[0]
    alone = make_pair_card(replace(made, reference=made.reference[:1]), tmp_path / "cards")
    assert np.isfinite(pixels(alone, "VV")[0]).sum() < 0.7 * np.isfinite(values).sum()
    assert_is_crop(alone, card, "VV", bound=0.001)


def test_sub_swaths_meet_amid_what_both_dates_have(tmp_path: Path) -> None:
    """The range gate of the secondary opens 34 samples later; amid the reference's overlap it has no data yet."""
    config = replace(SMALL, swaths=("IW1", "IW2"), samples=1200, range_shift=34.0, baseline=0.0)
    made = simulate_slc_pair(config, tmp_path / "scenes")
    known = np.isfinite(pixels(make_pair_card(made, tmp_path / "cards"), "VV")[0])
    inside = known[known.sum(axis=1) > 100]
    assert len(inside) > 500
    gaps = [np.diff(np.flatnonzero(row)).max() - 1 for row in inside]
    assert np.mean(np.array(gaps) == 0) > 0.99  # but for a pixel at a corner


def test_backscatter_of_an_slc_scene(pair: SimulatedPair, tmp_path: Path) -> None:
    card = make_card(pair.reference[0], pair.dem, tmp_path)
    assert card.name == f"{pair.reference[0].stem}_CARD_BS"
    classes = pooled(measure_fields(band(card, "VV"), pair.truth / "fields.gpkg", "VV"))
    bright = [one for one in classes if -14.0 < one.truth_db < -7.0]
    assert len(bright) >= 6
    for one in bright:
        assert one.difference_db == pytest.approx(0.0, abs=0.05 + 3.0 * one.standard_error_db)
    properties = json.loads((card / f"{card.name}.json").read_text(encoding="utf-8"))["properties"]
    assert (properties["sar:looks_range"], properties["sar:looks_azimuth"]) == (4, 1)


class TestRefusals:
    @pytest.mark.parametrize("fault", ["other-track", "no-overlap", "other-subswaths"])
    def test_wrong_pairs(self, fault: str, tmp_path: Path) -> None:
        """The message names both scenes."""
        assert fault in PAIR_FAULTS
        swaths = ("IW1", "IW2") if fault == "other-subswaths" else ("IW1",)
        made = simulate_slc_pair(replace(SMALL, swaths=swaths, fault=fault), tmp_path / "scenes")
        out = tmp_path / "cards"
        scenes = (*made.reference, *made.secondary)
        done = call_s1card("coh6", *scenes, "--dem", made.dem, *BASE, "--out", out)
        assert_refused(done, out, DATA, *(scene.stem for scene in scenes))

    def test_a_polarization_that_one_date_lacks_is_left_out(self, tmp_path: Path) -> None:
        made = simulate_slc_pair(replace(SMALL, fault="missing-polarization"), tmp_path / "scenes")
        card = make_pair_card(made, tmp_path / "cards")
        assert band(card, "VV").exists() and not band(card, "VH").exists()
        out = tmp_path / "none"
        scenes = (*made.reference, *made.secondary)
        done = call_s1card("coh6", *scenes, "--dem", made.dem, *BASE, "--out", out, "--pol", "VH")
        assert_refused(done, out, CALL, "VH", *(scene.stem for scene in scenes))

    @pytest.mark.parametrize("fault", list(SLC_FAULTS))
    def test_wrong_products(self, fault: str, small: SimulatedPair, tmp_path: Path) -> None:
        copy = Path(shutil.copytree(small.secondary[0], tmp_path / small.secondary[0].name))
        broken, out = break_product(copy, fault), tmp_path / "cards"
        done = call_s1card("coh6", small.reference[0], broken, "--dem", small.dem, *BASE, "--out", out)
        assert_refused(done, out, DATA, broken.stem)

    def test_twice_the_same_scene(self, small: SimulatedPair, tmp_path: Path) -> None:
        scene, out = small.reference[0], tmp_path / "cards"
        done = call_s1card("coh6", scene, scene, "--dem", small.dem, *BASE, "--out", out)
        assert_refused(done, out, DATA, scene.stem)

    def test_one_scene(self, small: SimulatedPair, tmp_path: Path) -> None:
        out = tmp_path / "cards"
        done = call_s1card("coh6", small.reference[0], "--dem", small.dem, *BASE, "--out", out)
        assert_refused(done, out, DATA, small.reference[0].stem, "two dates")

    def test_a_detected_scene(self, small: SimulatedPair, tmp_path: Path) -> None:
        grd = simulate_grd(GrdConfig(lines=64, pixels=64, terrain="flat", targets=0), tmp_path / "grd")
        out = tmp_path / "cards"
        done = call_s1card("coh6", small.reference[0], grd.safe, "--dem", small.dem, *BASE, "--out", out)
        assert_refused(done, out, DATA, small.reference[0].stem, grd.safe.stem, "SLC")

    def test_a_recipe_of_the_other_type_of_product(self, small: SimulatedPair, tmp_path: Path) -> None:
        out = tmp_path / "cards"
        call = ("bs", small.reference[0], "--dem", small.dem, *BASE, "--out", out, "--recipe", "card-bs")
        assert_refused(call_s1card(*call), out, DATA, small.reference[0].stem, "card-bs-slc")

    def test_a_sub_swath_that_is_not_there(self, small: SimulatedPair, tmp_path: Path) -> None:
        out = tmp_path / "cards"
        scenes = (*small.reference, *small.secondary)
        done = call_s1card("coh6", *scenes, "--dem", small.dem, *BASE, "--out", out, "--subswath", "IW3")
        assert_refused(done, out, CALL, "IW3", "IW1")
