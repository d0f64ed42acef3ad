"""Enhanced-Spectral-Diversity on simulated pairs: known misregistration is found, and gone afterwards."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from esd_cases import ESD, NONE, Error, Found, apply, phase_jump, refined, stack, target_errors
from interferogram_cases import DATES, Pair, pair

from s1card.engine.native.context import Context
from s1card.engine.native.engine import NativeEngine
from s1card.engine.native.pair import Removal
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.geometry.interpolation_kernel import interpolation_kernel
from s1card.window import Window

__all__ = ["pair"]

WRONG = Error(0.02, 0.3)
TAG = "sec1_12Jun2021"
ALL = {"subtractTopographicPhase": True, "cohWinAz": 3, "cohWinRg": 10, "squarePixel": False}
PRECISE = {"resamplingType": "BISINC_21_POINT_INTERPOLATION"}
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def plain(pair: Pair) -> Product:
    """Without any error."""
    return stack(pair, NONE, **PRECISE)


@pytest.fixture(scope="module")
def wrong(pair: Pair) -> Product:
    return stack(pair, WRONG, **PRECISE)


@pytest.fixture(scope="module")
def mended(pair: Pair, wrong: Product) -> Product:
    return refined(pair, wrong)


def interferogram(pair: Pair, source: Product) -> Product:
    return apply("Interferogram", [source], Context(pair.surroundings), **ALL)


class TestShifts:
    @pytest.mark.parametrize(
        "error",
        [Error(0.02, 0.05), Error(0.05, 0.3), Error(-0.1, -0.3), Error(2.4, -3.7)],
        ids=lambda error: f"{error.lines} lines, {error.pixels} pixels",
    )
    @pytest.mark.parametrize("swath", ["IW1", "IW2"])
    def test_known_ones_are_found(self, pair: Pair, swath: str, error: Error) -> None:
        product = refined(pair, stack(pair, error, split={"subswath": swath}))
        found = Found.of(product)
        lines, pixels = error.shifts
        assert found.shift[0] == pytest.approx(lines, abs=0.001)
        assert found.shift[1] == pytest.approx(pixels, abs=0.01)
        assert abs(found.shift[0] - lines) < 3 * found.deviation[0]
        assert abs(found.shift[1] - pixels) < 3 * found.deviation[1]

    @pytest.mark.parametrize("swath", ["IW1", "IW2"])
    def test_none_is_found_where_there_is_none(self, pair: Pair, swath: str) -> None:
        found = Found.of(refined(pair, stack(pair, NONE, split={"subswath": swath})))
        for shift, deviation, limit in zip(found.shift, found.deviation, (0.0015, 0.006), strict=True):
            assert abs(shift) < 2 * deviation
            assert 0.0 < deviation < limit
        assert found.count[0] > 100
        assert found.count[1] == 2

    def test_both_polarizations_tell_more(self, pair: Pair) -> None:
        alone = Found.of(refined(pair, stack(pair, WRONG)))
        both = Found.of(refined(pair, stack(pair, WRONG, split={"selectedPolarisations": ""})))
        assert both.count[0] > 1.5 * alone.count[0]
        assert both.shift[0] == pytest.approx(WRONG.shifts[0], abs=0.001)

    def test_kernel_of_the_graph_does_not_matter(self, pair: Pair, mended: Product) -> None:
        other = refined(pair, stack(pair, WRONG, resamplingType="BILINEAR_INTERPOLATION"))
        assert other.measures == mended.measures
        bilinear = interpolation_kernel("BILINEAR_INTERPOLATION")
        assert other.pairs[0].alignment.kernel is bilinear

    @pytest.mark.parametrize(
        "choice",
        [
            {"esdEstimator": "Average"},
            {"weightFunc": "None"},
            {"weightFunc": "Linear"},
            {"weightFunc": "Quadratic"},
            {"numBlocksPerOverlap": 1},
            {"cohThreshold": 0.5},
            {"fineWinWidthStr": 128, "fineWinHeightStr": 256, "fineWinAccRange": 4, "fineWinAccAzimuth": 2},
        ],
        ids=lambda choice: ", ".join(f"{k} {v}" for k, v in choice.items()),
    )
    def test_choices_agree(
        self, pair: Pair, wrong: Product, mended: Product, choice: dict[str, object]
    ) -> None:
        found, usual = Found.of(refined(pair, wrong, **choice)), Found.of(mended)
        assert found != usual
        assert found.shift[0] == pytest.approx(WRONG.shifts[0], abs=0.001)
        assert found.shift[1] == pytest.approx(WRONG.shifts[1], abs=0.01)


class TestMended:
    def test_targets_coincide(self, pair: Pair, wrong: Product, mended: Product) -> None:
        before, after = target_errors(pair, wrong), target_errors(pair, mended)
        assert len(after) >= 4
        lines, pixels = WRONG.shifts
        np.testing.assert_allclose(before[:, 0], -lines, atol=0.005)
        np.testing.assert_allclose(before[:, 1], -pixels, atol=0.01)
        assert np.abs(after[:, 0]).max() < 0.005
        assert np.abs(after[:, 1]).max() < 0.01

    def test_no_phase_jump_between_bursts(
        self, pair: Pair, plain: Product, wrong: Product, mended: Product
    ) -> None:
        """0.02 lines are 4.9 kHz x 2 pi x 41 us of phase."""
        without, before, after = (phase_jump(interferogram(pair, p)) for p in (plain, wrong, mended))
        assert abs(before) == pytest.approx(2 * np.pi * 4850 * WRONG.microseconds * 1e-6, rel=0.05)
        assert abs(without) < 0.03
        assert abs(after) < 0.03

    def test_interferogram_and_coherence_are_those_of_the_right_pair(
        self, pair: Pair, plain: Product, wrong: Product, mended: Product
    ) -> None:
        window = Window(300, 30, 600, 400)
        name = f"coh_IW1_VV_{DATES}"
        products = [interferogram(pair, source) for source in (plain, wrong, mended)]
        coherence = [product.band(name).read(window) for product in products]
        assert np.nanmean(coherence[1]) < np.nanmean(coherence[0]) - 0.01
        np.testing.assert_allclose(np.nanmean(coherence[2]), np.nanmean(coherence[0]), atol=5e-4)
        parts = [product.signals[0].read(window).astype(np.float64) for product in products]
        values = [part[..., 0] + 1j * part[..., 1] for part in parts]
        turn = np.angle(np.sum(values[2] * np.conj(values[0])))
        difference = np.abs(values[2] * np.exp(-1j * turn) - values[0])
        assert np.mean(difference**2) < 1e-3 * np.mean(np.abs(values[0]) ** 2)

    def test_secondary_is_resampled_once(self, pair: Pair, wrong: Product, mended: Product) -> None:
        """The mended pair is read through the places of Back-Geocoding, moved."""
        window = Window(640, 120, 32, 64)
        before, after = (p.pairs[0].read(window, Removal.NONE) for p in (wrong, mended))
        assert before.placement is not None and after.placement is not None
        found = Found.of(mended)
        np.testing.assert_allclose(after.placement.line - before.placement.line, -found.shift[0], atol=1e-9)
        np.testing.assert_allclose(after.placement.pixel - before.placement.pixel, -found.shift[1], atol=1e-9)
        np.testing.assert_array_equal(after.placement.range_difference, before.placement.range_difference)
        np.testing.assert_array_equal(after.reference, before.reference)
        shown = mended.signals[1].read(window)
        np.testing.assert_allclose(shown[..., 0] + 1j * shown[..., 1], after.secondary[0], atol=1e-3)

    def test_second_time_there_is_nothing_left(self, pair: Pair, mended: Product) -> None:
        again = refined(pair, mended)
        assert abs(Found.of(again).shift[0]) < 2e-5
        assert abs(Found.of(again).shift[1]) < 2e-3
        assert again.pairs[0].alignment.lines == pytest.approx(-WRONG.shifts[0], abs=0.001)


class TestProduct:
    def test_bands_are_the_images(self, pair: Pair) -> None:
        source = stack(pair, WRONG, outputRangeAzimuthOffset=True, outputDerampDemodPhase=True)
        assert f"azOffset_{TAG}" in [band.name for band in source.bands]
        product = refined(pair, source, useSuppliedRangeShift=True, useSuppliedAzimuthShift=True)
        images = [f"IW1_VV_ref_{DATES[:9]}", f"IW1_VV_{TAG}"]
        assert [band.name for band in product.bands] == [
            f"{part}_{name}" for name in images for part in ("i", "q", "Intensity")
        ]
        assert product.name == source.name
        assert [signal.name for signal in product.signals] == images

    def test_record(self, mended: Product) -> None:
        found = Found.of(mended)
        cells, patches = found.count
        assert dict(mended.facts)[ESD] == (
            f"IW1_{TAG}: azimuth shift {found.shift[0]:.5f} +- {found.deviation[0]:.5f} lines of {cells} cells; "
            f"range shift {found.shift[1]:.5f} +- {found.deviation[1]:.5f} samples of {patches} patches"
        )

    def test_given_shifts(self, pair: Pair, wrong: Product, mended: Product) -> None:
        """What was found once, given in the graph, makes the same image; nothing is estimated then."""
        lines, pixels = Found.of(mended).shift
        given = {
            "useSuppliedAzimuthShift": True,
            "overallAzimuthShift": repr(lines),
            "useSuppliedRangeShift": True,
            "overallRangeShift": repr(pixels),
        }
        product = refined(pair, wrong, **given)
        window = product.grid.window
        assert product.signals[1].read(window).tobytes() == mended.signals[1].read(window).tobytes()
        assert Found.of(product).count == (0, 0)
        assert dict(product.facts)[ESD].endswith(f"range shift {pixels:.5f} samples as given")

    def test_one_given_shift(self, pair: Pair, wrong: Product) -> None:
        lines, pixels = WRONG.shifts
        range_given = Found.of(refined(pair, wrong, useSuppliedRangeShift=True, overallRangeShift=pixels))
        assert range_given.shift == (pytest.approx(lines, abs=0.001), pixels)
        assert range_given.count[1] == 0
        azimuth_given = Found.of(refined(pair, wrong, useSuppliedAzimuthShift=True, overallAzimuthShift=0.25))
        assert azimuth_given.shift == (0.25, pytest.approx(pixels, abs=0.01))
        assert azimuth_given.count == (0, 2)

    def test_without_carrier(self, pair: Pair, mended: Product) -> None:
        """disableReramp of Back-Geocoding concerns what is shown, not what is estimated."""
        source = stack(pair, WRONG, disableReramp=True, **PRECISE)
        product = refined(pair, source)
        assert product.measures == mended.measures
        window = Window(640, 120, 32, 64)
        shown = product.signals[1].read(window).astype(np.float64)
        other = mended.signals[1].read(window).astype(np.float64)
        np.testing.assert_allclose(np.hypot(*shown.T), np.hypot(*other.T), rtol=1e-4, atol=1e-2)
        assert np.abs(shown - other).max() > 1.0


class TestNotEstimated:
    def test_single_burst(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            source = stack(pair, WRONG, split={"firstBurstIndex": 2})
            product = refined(pair, source)
        found = Found.of(product)
        assert found.shift == (0.0, pytest.approx(WRONG.shifts[1], abs=0.01))
        assert found.count == (0, 1)
        statement = "azimuth shift 0, not estimated: no two bursts overlap"
        assert dict(product.facts)[ESD].startswith(f"IW1_{TAG}: {statement}; range shift 0.")
        assert statement in caplog.text
        assert product.pairs[0].alignment.lines == 0.0

    def test_too_little_coherence(self, pair: Pair, wrong: Product, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            product = refined(pair, wrong, cohThreshold=0.999, xCorrThreshold=0.999)
        assert Found.of(product) == Found((0.0, 0.0), (0.0, 0.0), (0, 0))
        assert dict(product.facts)[ESD] == (
            f"IW1_{TAG}: azimuth shift 0, not estimated: no overlap is coherent enough; "
            "range shift 0, not estimated: no patch matches well enough"
        )
        assert caplog.text.count("not estimated") == 2
        window = Window(640, 120, 32, 64)
        assert product.signals[1].read(window).tobytes() == wrong.signals[1].read(window).tobytes()


class TestRefused:
    def test_without_a_pair(self, pair: Pair) -> None:
        source = replace(stack(pair, NONE), pairs=())
        with pytest.raises(
            GraphError, match=r"Enhanced-Spectral-Diversity needs a co-registered pair.*Back-G"
        ):
            refined(pair, source)

    def test_joined_bursts(self, pair: Pair) -> None:
        source = apply("TOPSAR-Deburst", [stack(pair, NONE)], Context(pair.surroundings))
        with pytest.raises(GraphError, match=r"works burst by burst.*before TOPSAR-Deburst"):
            refined(pair, source)

    def test_only_estimating(self, pair: Pair, tmp_path: Path) -> None:
        graph = pair.graph((ESD, {"doNotWriteTargetBands": True}), target=tmp_path / "out.dim")
        with pytest.raises(GraphError, match="no doNotWriteTargetBands=true of Enhanced-Spectral-Diversity"):
            NativeEngine(pair.surroundings).prepare(graph)


ERRORS = NONE, Error(0.02, 0.05), Error(-0.05, 0.4)


@pytest.fixture(scope="module")
def several(pair: Pair) -> Product:
    return stack(pair, *ERRORS)


class TestStacks:
    @pytest.mark.parametrize(
        "choice",
        [
            {},
            {"integrationMethod": "L1"},
            {"integrationMethod": "L2", "maxTemporalBaseline": 0},
            {"temporalBaselineType": "Number of days", "maxTemporalBaseline": 1},
        ],
        ids=["usual", "L1", "L2 all", "days"],
    )
    def test_every_secondary(self, pair: Pair, several: Product, choice: dict[str, object]) -> None:
        product = refined(pair, several, **choice)
        assert [p.tag for p in product.pairs] == [f"sec{k}_12Jun2021" for k in (1, 2, 3)]
        for number, error in enumerate(ERRORS):
            found = Found.of(product, number)
            assert found.shift[0] == pytest.approx(error.shifts[0], abs=0.001)
            assert found.shift[1] == pytest.approx(error.shifts[1], abs=0.01)
        jumps = [
            abs(phase_jump(replace(made, signals=made.signals[k : k + 1])))
            for made in [interferogram(pair, product)]
            for k in range(3)
        ]
        assert max(jumps) < 0.06


def test_blocks_threads_and_memory_do_not_matter(pair: Pair, tmp_path: Path) -> None:
    def written(name: str, **surroundings: int) -> dict[str, str]:
        steps = (ESD, {}), ("Interferogram", ALL), ("TOPSAR-Deburst", {})
        graph = pair.graph(*steps, target=tmp_path / f"{name}.dim")
        NativeEngine(replace(pair.surroundings, **surroundings)).run(graph)
        images = (tmp_path / f"{name}.data").glob("*.img")
        return {image.stem: hashlib.sha256(image.read_bytes()).hexdigest() for image in images}

    first = written("first", threads=2, block=512)
    assert set(first) == {f"i_ifg_IW1_VV_{DATES}", f"q_ifg_IW1_VV_{DATES}", f"coh_IW1_VV_{DATES}"}
    assert written("one", threads=1, block=1024) == first
    assert written("three", threads=3, memory=256 * MEBIBYTE) == first
