"""Spectral diversity, matching and networks by hand-computed cases, brute force and signals of known offset."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial.polynomial import polyval2d

from s1card.engine.native.burst_overlaps import CELL_LINES, CELL_PIXELS, Overlap, burst_overlaps
from s1card.engine.native.offset import Offset, mean_offset
from s1card.engine.native.patch_match import match
from s1card.engine.native.shift_network import Arc, Network
from s1card.engine.native.spectral_diversity import (
    BlockEstimator,
    BlockOffset,
    Cells,
    cells_of,
    combined,
)
from s1card.engine.native.stack_images import Image
from s1card.engine.native.stack_matching import PatchMatcher
from s1card.geometry.radar_grid import SlantRange
from s1card.geometry.tops import Carrier, SubSwath
from s1card.window import Window

INTERVAL = 2.055556e-3
CYCLE = 1342  # lines from burst to burst
KT, FDC = (1766.0, 1758.0), (20.0, -35.0)
USUAL = BlockEstimator(0.3, "Inv Quadratic", is_periodogram=True)
AVERAGE = BlockEstimator(0.3, "Inv Quadratic", is_periodogram=False)


def carrier(burst: int, pixels: int = 100) -> Carrier:
    flat = np.ones(pixels)
    return Carrier(INTERVAL, KT[burst] * flat, 1.55 * flat, FDC[burst] * flat)


def swath(
    valid: tuple[Window, ...], starts: tuple[float, ...], lines: int = 1500, pixels: int = 700
) -> SubSwath:
    count = len(valid)
    return SubSwath(
        np.datetime64("2021-06-12T00:00:00", "us"),
        np.array(starts),
        INTERVAL,
        lines,
        pixels,
        SlantRange(800_000.0, 2.3),
        valid,
        tuple(carrier(0, pixels) for _ in range(count)),
        tuple(range(count)),
        0.0555,
    )


def uniform(phase: np.ndarray, slope: np.ndarray | float, coherence: np.ndarray | float = 0.8) -> Cells:
    return Cells(phase, np.broadcast_to(coherence, phase.shape), np.broadcast_to(slope, phase.shape))


class TestDoppler:
    def test_is_the_rate_of_the_carrier(self) -> None:
        line, pixel = np.array([3.0, 700.5, 1400.0]), np.array([0.0, 40.2, 99.0])
        for burst in (0, 1):
            one, step = carrier(burst), 1e-3
            rate = (one.phase(line + step, pixel) - one.phase(line - step, pixel)) / (2 * step * INTERVAL)
            np.testing.assert_allclose(one.frequency(line, pixel), -rate / (2 * np.pi), rtol=1e-6)

    def test_differs_in_an_overlap_as_the_bursts_are_apart(self) -> None:
        """With the same carrier in both bursts: kt times the time from burst to burst."""
        one = carrier(0)
        line, pixel = np.array([1400.0]), np.array([10.0])
        difference = one.frequency(line, pixel) - one.frequency(line - CYCLE, pixel)
        assert difference[0] == pytest.approx(1766.0 * 1342 * 2.055556e-3)
        assert difference[0] == pytest.approx(4871.7, abs=0.1)


class TestFormula:
    def test_by_hand(self) -> None:
        """0.02 lines are 41.1 us; 4871.7 Hz turn by 0.2003 cycles or 1.2584 rad in that time."""
        slope = 2 * math.pi * 4871.7 * INTERVAL
        assert slope == pytest.approx(62.921, abs=0.001)
        found = USUAL.estimate(uniform(np.full(50, 1.2584), slope))
        assert found is not None
        assert found.offset.value == pytest.approx(0.02, abs=1e-5)
        assert found.slope == pytest.approx(slope)

    @pytest.mark.parametrize("offset", [0.013, -0.031])
    def test_of_targets_in_both_bursts(self, offset: float) -> None:
        """Echoes of one target per line, each with the phase of its own place, read ``offset`` lines too early."""
        rows, cols = 10, 40
        line, pixel = np.mgrid[1380 : 1380 + rows, 0:cols].astype(np.float64)
        shape = rows // CELL_LINES, cols // CELL_PIXELS
        images, frequencies = [], []
        for burst in (0, 1):
            there = line - burst * CYCLE
            frequency = KT[burst] * (there * INTERVAL - 1.55) + FDC[burst]
            frequencies.append(frequency)
            echo = np.exp(1j * (0.3 * pixel + 7.0 * burst))
            early = echo * np.exp(-2j * np.pi * frequency * offset * INTERVAL) * np.exp(0.4j)
            valid = np.ones(line.shape, np.bool_)
            images.append(tuple(Image({"VV": part.astype(np.complex64)}, valid) for part in (echo, early)))
        separation = np.full(shape, (frequencies[0] - frequencies[1])[0, 0] * INTERVAL)
        cells = cells_of(images[0], images[1], separation)
        assert cells.phase.size == 4
        found = USUAL.estimate(cells)
        assert found is not None
        assert found.offset.value == pytest.approx(offset, abs=2e-6)

    def test_cells_with_gaps_do_not_count(self) -> None:
        ones = {"VV": np.ones((10, 40), np.complex64), "VH": np.ones((10, 40), np.complex64)}
        whole, broken = np.ones((10, 40), np.bool_), np.ones((10, 40), np.bool_)
        broken[7, 3] = False
        first = Image(ones, whole), Image({"VV": ones["VV"]}, broken)
        cells = cells_of(first, (Image(ones, whole), Image(ones, whole)), np.ones((2, 2)))
        assert cells.phase.size == 3
        np.testing.assert_allclose(cells.coherence, 1.0)

    def test_coherence_is_the_geometric_mean(self) -> None:
        rng = np.random.default_rng(4)
        noise = rng.normal(size=(4, 5, 20, 2)).astype(np.float32).view(np.complex64)[..., 0]
        valid = np.ones((5, 20), np.bool_)
        images = [Image({"VV": part}, valid) for part in noise]
        cells = cells_of((images[0], images[1]), (images[2], images[3]), np.ones((1, 1)))
        sums = [np.vdot(noise[k + 1], noise[k]) for k in (0, 2)]
        powers = [np.sum(np.abs(part) ** 2) for part in noise]
        expected = math.sqrt(abs(sums[0] * sums[1]) / math.sqrt(np.prod(powers)))
        assert cells.coherence[0] == pytest.approx(expected, rel=1e-5)
        assert cells.phase[0] == pytest.approx(np.angle(sums[0] * np.conj(sums[1])), abs=1e-5)


class TestEstimators:
    def test_periodogram_by_brute_force(self) -> None:
        rng = np.random.default_rng(1)
        slope = np.linspace(58.0, 64.0, 200)
        phase = np.angle(np.exp(1j * (0.03 * slope + rng.normal(0.0, 0.7, 200))))
        coherence = rng.uniform(0.31, 0.95, 200)
        found = USUAL.estimate(uniform(phase, slope, coherence))
        assert found is not None
        y = np.linspace(-0.049, 0.049, 49001)
        score = np.sum(np.sqrt(coherence) * np.cos(phase - slope * y[:, None]), axis=1)
        assert found.offset.value == pytest.approx(y[np.argmax(score)], abs=3e-6)

    @pytest.mark.parametrize(
        ("name", "power"), [("None", 0.0), ("Linear", 1.0), ("Quadratic", 2.0), ("Inv Quadratic", 0.5)]
    )
    def test_average_by_hand(self, name: str, power: float) -> None:
        phase, slope = np.array([0.1, 0.5, -0.2, 0.4]), np.array([60.0, 61.0, 62.0, 63.0])
        coherence = np.array([0.4, 0.9, 0.5, 0.7])
        found = BlockEstimator(0.3, name, is_periodogram=False).estimate(uniform(phase, slope, coherence))
        assert found is not None
        weight = coherence**power
        expected = np.angle(weight @ np.exp(1j * phase)) / (weight @ slope / weight.sum())
        assert found.offset.value == pytest.approx(expected)
        assert found.weight == pytest.approx(weight.sum())

    def test_cells_below_the_threshold_do_not_count(self) -> None:
        phase = np.r_[np.full(6, 0.6), np.full(500, -2.0)]
        coherence = np.r_[np.full(6, 0.31), np.full(500, 0.3)]
        found = USUAL.estimate(uniform(phase, 60.0, coherence))
        assert found is not None
        assert found.offset.value == pytest.approx(0.01)
        assert found.offset.samples == 6
        assert USUAL.estimate(uniform(phase[3:], 60.0, coherence[3:])) is None

    @pytest.mark.parametrize("estimator", [USUAL, AVERAGE])
    def test_deviation(self, estimator: BlockEstimator) -> None:
        rng = np.random.default_rng(7)
        found = [estimator.estimate(uniform(0.6 + rng.normal(0.0, 0.8, 100), 60.0)) for _ in range(400)]
        offsets = [block.offset for block in found if block is not None]
        scatter = np.std([offset.value for offset in offsets])
        assert np.mean([offset.value for offset in offsets]) == pytest.approx(0.01, abs=0.0003)
        assert np.mean([offset.deviation for offset in offsets]) == pytest.approx(scatter, rel=0.1)

    def test_blocks_may_differ_by_periods(self) -> None:
        """Near half a period, 0.05 lines, noise makes some blocks say -0.05."""
        period = 2 * np.pi / 62.8
        values = [0.0495, 0.0502 - period, 0.0499, 0.0504 - period]
        blocks = [
            BlockOffset(Offset(v, 0.001, 10), w, 62.8) for v, w in zip(values, (1, 2, 1, 2), strict=True)
        ]
        found = combined(blocks)
        assert found is not None
        expected = (0.0495 + 2 * 0.0502 + 0.0499 + 2 * 0.0504) / 6
        assert abs(found.value - expected) % period == pytest.approx(0.0, abs=1e-9)
        assert found.deviation < 0.001
        assert found.samples == 40
        assert combined([]) is None


def test_mean_offset_by_hand() -> None:
    one, two = Offset(1.0, 0.3, 2), Offset(2.0, 0.4, 5)
    mean = mean_offset([one, two], [1.0, 3.0])
    assert (mean.value, mean.samples) == (1.75, 7)
    # they differ by more than their deviations let expect: (0.25 0.75)^2 + (0.75 0.25)^2, twice, as one is lost
    assert mean.deviation == pytest.approx(math.sqrt(2 * 2 * 0.1875**2))
    near = mean_offset([one, Offset(1.1, 0.4, 5)], [1.0, 1.0])
    assert near.deviation == pytest.approx(math.hypot(0.15, 0.2))
    assert mean_offset([one], [2.0]) == one


def speckle(shape: tuple[int, int], band: tuple[float, float], seed: int) -> np.ndarray:
    """Spectrum of complex noise of a relative bandwidth in both directions."""
    rng = np.random.default_rng(seed)
    spectrum = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    for axis, width in enumerate(band):
        f = np.abs(np.fft.fftfreq(shape[axis]))
        spectrum *= np.expand_dims(f < width / 2, 1 - axis)
    return spectrum


def moved(spectrum: np.ndarray, lines: float, pixels: float) -> np.ndarray:
    """The image of a spectrum, its contents so much farther down and right."""
    f = [np.fft.fftfreq(size) for size in spectrum.shape]
    wave = np.exp(-2j * np.pi * (f[0][:, None] * lines + f[1] * pixels))
    return np.fft.ifft2(spectrum * wave).astype(np.complex64) * 1000


class TestMatch:
    SHAPE = 288, 320
    BAND = 0.67, 0.88
    REACH = 8, 16

    @pytest.mark.parametrize("offset", [(0.0, 0.0), (0.02, 0.05), (-0.1, 0.3), (0.5, -0.5), (-5.3, 11.7)])
    def test_known_offsets(self, offset: tuple[float, float]) -> None:
        spectrum = speckle(self.SHAPE, self.BAND, 3)
        found = match([(moved(spectrum, 0, 0), moved(spectrum, *offset))], self.REACH)
        assert found is not None
        assert (found.lines.value, found.pixels.value) == pytest.approx(offset, abs=0.001)
        assert found.coherence == pytest.approx(1.0, abs=0.02)

    def test_phase_and_brightness_do_not_matter(self) -> None:
        """Fringes, a target 60 dB above the rest on one date, and a field that is ten times brighter then."""
        spectrum = speckle(self.SHAPE, self.BAND, 5)
        one, two = moved(spectrum, 0, 0), moved(spectrum, 0.04, -0.3)
        y, x = np.mgrid[0 : self.SHAPE[0], 0 : self.SHAPE[1]]
        two = two * np.exp(1j * polyval2d(y, x, [[0.0, 0.02], [-0.03, 1e-4]])).astype(np.complex64)
        one[:, 200:] *= 10
        one[50, 50] += 1000 * np.abs(one).max()
        found = match([(one, two)], self.REACH)
        assert found is not None
        assert found.lines.value == pytest.approx(0.04, abs=0.01)
        assert found.pixels.value == pytest.approx(-0.3, abs=0.01)

    def test_deviation(self) -> None:
        """At a coherence of 0.5 the estimates scatter as they say."""
        found = []
        for seed in range(40):
            common, noise = (speckle((160, 160), self.BAND, 100 * k + seed) for k in (1, 2))
            two = moved(common, 0.1, 0.2) + moved(noise, 0, 0) * np.float32(math.sqrt(3.0))
            one = match([(moved(common, 0, 0), two)], (4, 4))
            assert one is not None
            found.append(one)
        assert np.mean([one.coherence for one in found]) == pytest.approx(0.5, abs=0.02)
        for name, truth in (("lines", 0.1), ("pixels", 0.2)):
            offsets = [getattr(one, name) for one in found]
            scatter = float(np.std([o.value for o in offsets]))
            assert np.mean([o.value for o in offsets]) == pytest.approx(
                truth, abs=3 * scatter / math.sqrt(40)
            )
            assert np.mean([o.deviation for o in offsets]) == pytest.approx(scatter, rel=0.35)

    def test_polarizations_help_each_other(self) -> None:
        spectra = [speckle(self.SHAPE, self.BAND, seed) for seed in (7, 8)]
        noise = moved(speckle(self.SHAPE, self.BAND, 9), 0, 0)
        pairs = [(moved(s, 0, 0), moved(s, 0.1, 0.1) + noise) for s in spectra]
        one, both = match(pairs[:1], self.REACH), match(pairs, self.REACH)
        assert one is not None and both is not None
        assert both.pixels.deviation < one.pixels.deviation

    def test_nothing_to_match(self) -> None:
        spectrum = speckle(self.SHAPE, self.BAND, 3)
        image = moved(spectrum, 0, 0)
        assert match([(image, np.zeros_like(image))], self.REACH) is None
        assert match([(image[:24, :40], image[:24, :40])], self.REACH) is None
        assert match([(image, moved(spectrum, 0, 16))], self.REACH) is None  # at the end of the reach
        assert match([], self.REACH) is None
        noise = match([(image, moved(speckle(self.SHAPE, self.BAND, 4), 0, 0))], self.REACH)
        assert noise is None or noise.coherence < 0.1

    @pytest.mark.parametrize("offset", [(0.02, 0.05), (-0.1, 0.3), (0.0, 0.5)])
    def test_real_images(self, shared: Path, offset: tuple[float, float]) -> None:
        """A pair over Amsterdam that SNAP laid on each other, without and with one image moved further."""
        arrays = np.load(shared / "data/slc-pair-amsterdam/pair.npz")
        one, two = (np.nan_to_num(arrays[key]).astype(np.complex64) for key in ("reference", "secondary"))
        before, after = (
            match([(one, image)], (4, 8)) for image in (two, moved(np.fft.fft2(two), *offset) / 1000)
        )
        assert before is not None and after is not None
        assert before.coherence == pytest.approx(0.75, abs=0.02)
        assert abs(before.pixels.value) < 3 * before.pixels.deviation
        assert after.lines.value - before.lines.value == pytest.approx(offset[0], abs=0.005)
        assert after.pixels.value - before.pixels.value == pytest.approx(offset[1], abs=0.005)

    def test_patches(self) -> None:
        matcher = PatchMatcher(512, 128, 16, 8, 0.1)
        valid = Window(20, 30, 1400, 600), Window(22, 30, 300, 200)
        found = matcher.patches(swath(valid, (0.0, 2.75)))
        assert found == [
            Window(20 + (1400 - 544) // 2, 30 + 100 - 72, 544, 144),
            Window(20 + (1400 - 544) // 2, 30 + 300 - 72, 544, 144),
            Window(20 + (1400 - 544) // 2, 30 + 500 - 72, 544, 144),
            Window(1522, 30 + 100 - 72, 300, 144),
        ]


class TestOverlaps:
    def test_by_hand(self) -> None:
        """Burst 1 begins 1342 lines after burst 0: lines 1362 to 1480 of burst 0 are lines 20 to 138 of burst 1."""
        valid = Window(21, 30, 1460, 600), Window(20, 35, 1461, 600)
        (overlap,) = burst_overlaps(swath(valid, (0.0, CYCLE * INTERVAL)))
        assert overlap.window == Window(1362, 35, 115, 595)
        assert overlap.second == Window(1500 + 20, 35, 115, 595)

    def test_none(self) -> None:
        valid = Window(21, 30, 1300, 600)
        assert burst_overlaps(swath((valid, valid), (0.0, CYCLE * INTERVAL))) == []
        assert burst_overlaps(swath((valid,), (0.0,))) == []

    @pytest.mark.parametrize("count", [1, 3, 10, 20])
    def test_blocks_and_pieces_cover_it(self, count: int) -> None:
        overlap = Overlap(0, Window(1362, 35, 115, 14 * CELL_PIXELS + 7), 158)
        blocks = list(overlap.blocks(count))
        assert len(blocks) == min(count, 14)
        edges = [block.window.col for block in blocks] + [blocks[-1].window.col_end]
        assert edges[0] == 35 and edges[-1] == 35 + 14 * CELL_PIXELS
        assert all(a.window.col_end == b.window.col for a, b in pairwise(blocks))
        assert all(block.window.cols % CELL_PIXELS == 0 and block.lines == 158 for block in blocks)
        pieces = [piece for block in blocks for piece in block.pieces(50)]
        assert sum(piece.window.cols for piece in pieces) == 14 * CELL_PIXELS
        assert max(piece.window.cols for piece in pieces) <= 40


def network(method: str = "L2", longest: int = 4, *, days: bool = False) -> Network:
    return Network(days, longest, method)


def dates(*days: int) -> list[np.datetime64]:
    return [np.datetime64("2021-06-12T05:00:00", "us") + np.timedelta64(day, "D") for day in days]


class TestNetwork:
    def test_arcs(self) -> None:
        of_days = network(longest=6, days=True)
        assert network().arcs(dates(12, 0)) == (Arc(0, 1),)
        assert network(longest=1).arcs(dates(12, 0, 6)) == (Arc(0, 2), Arc(1, 2))
        assert network(longest=0).arcs(dates(12, 0, 6)) == (Arc(0, 1), Arc(0, 2), Arc(1, 2))
        assert of_days.arcs(dates(12, 0, 6)) == (Arc(0, 2), Arc(1, 2))

    def test_lonely_images_are_tied_to_the_reference(self) -> None:
        of_days = network(longest=4, days=True)
        assert of_days.arcs(dates(12, 0)) == (Arc(0, 1),)
        assert of_days.arcs(dates(12, 0, 3)) == (Arc(1, 2), Arc(0, 1))

    def test_triangle_by_hand(self) -> None:
        """Arcs 1.0, 2.0 and 1.3 with equal weights: the misfit of 0.3 is shared by thirds."""
        arcs = Arc(0, 1), Arc(0, 2), Arc(1, 2)
        offsets = [Offset(value, 0.1, 4) for value in (1.0, 2.0, 1.3)]
        reference, one, two = network().integrate(arcs, offsets, 3)
        assert reference == Offset(0.0, 0.0, 0)
        assert one is not None and two is not None
        assert (one.value, two.value) == pytest.approx((0.9, 2.1))
        assert one.samples == 8
        # variance 2/3 of that of an arc, times the misfit of 3 in units of the variance over one degree of freedom
        assert one.deviation == pytest.approx(0.1 * math.sqrt(2 / 3 * 3))

    def test_single_arc_is_kept(self) -> None:
        offset = Offset(0.4, 0.1, 7)
        for method in ("L1", "L2", "L1 and L2"):
            (_, found) = network(method).integrate([Arc(0, 1)], [offset], 2)
            assert found is not None
            assert (found.value, found.deviation, found.samples) == pytest.approx((0.4, 0.1, 7))

    def test_outliers(self) -> None:
        """One of ten arcs among five images is wrong by 5."""
        truth = np.array([0.0, 0.3, -0.2, 0.1, 0.7])
        arcs = [Arc(i, j) for i in range(5) for j in range(i + 1, 5)]
        rng = np.random.default_rng(2)
        values = [truth[arc.second] - truth[arc.first] + rng.normal(0.0, 0.01) for arc in arcs]
        values[4] += 5.0
        offsets = [Offset(float(value), 0.01, 1) for value in values]
        found = {
            method: np.array([o.value for o in network(method).integrate(arcs, offsets, 5) if o])
            for method in ("L1", "L2", "L1 and L2")
        }
        assert np.abs(found["L2"] - truth).max() > 0.5
        assert np.abs(found["L1"] - truth).max() < 0.03
        assert np.abs(found["L1 and L2"] - truth).max() < 0.03
        assert not np.array_equal(found["L1"], found["L1 and L2"])

    def test_images_without_offsets(self) -> None:
        arcs = Arc(0, 1), Arc(1, 2), Arc(2, 3)
        offsets = [Offset(1.0, 0.1, 1), None, Offset(2.0, 0.1, 1)]
        found = network("L1 and L2").integrate(arcs, offsets, 4)
        assert [one is None for one in found] == [False, False, True, True]
        assert network().integrate(arcs, [None] * 3, 4)[1:] == [None] * 3


def test_no_kernel_of_a_library_decides_sums() -> None:
    """Matrix products of libraries add in an order that depends on their threads."""
    folder = Path(__file__).parents[1] / "s1card/engine/native"
    for module in ("offset", "spectral_diversity", "patch_match", "stack_diversity", "stack_matching"):
        code = (folder / f"{module}.py").read_text(encoding="utf-8").split('"""')[::2]
        assert not any(" @ " in part or "np.dot" in part for part in code), module
