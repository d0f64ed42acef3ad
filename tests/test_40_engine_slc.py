"""SLC products in the engine: sub-swaths, bursts, slices; what is read is what the files hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from slc_factory import BURST_LINES, BURST_PIXELS, FIRST_BURST, SlcCase, samples, write_slc

from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.product import Product
from s1card.engine.native.topsar_deburst import joints
from s1card.errors import DataError, GraphError, SceneError
from s1card.graph.model import Node, Parameter
from s1card.graph.operators import resolve_parameters
from s1card.window import Window

CASE = SlcCase(polarizations=("VV", "VH"), bursts=4)
STEP = 7  # lines from one burst to the next: 2.758 s in steps of 0.4 s, rounded
SEAM = 1  # of the line that two bursts overlap in, the earlier one keeps it


def run(operator: str, *sources: Product, **parameters: object) -> Product:
    values = tuple(
        Parameter(name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in parameters.items()
    )
    node = Node("it", operator, (), values)
    return OPERATORS[operator](list(sources), resolve_parameters(node), Context(Surroundings()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_slc(tmp_path_factory.mktemp("slc"), CASE)


@pytest.fixture
def whole(folder: Path) -> Product:
    return run("Read", file=folder)


def complex_of(product: Product, number: int = 0) -> np.ndarray:
    return np.asarray(product.signals[number].read(product.grid.window))


class TestRead:
    def test_a_part_per_sub_swath(self, whole: Product) -> None:
        assert [part.swath for part in whole.parts] == ["IW1", "IW2"]
        assert whole.bands == ()
        part = whole.parts[1]
        assert part.shape == (4 * BURST_LINES, BURST_PIXELS)
        assert [band.name for band in part.bands] == [
            f"{letter}_IW2_{polarization}"
            for polarization in ("VH", "VV")
            for letter in ("i", "q", "Intensity")
        ]

    def test_samples(self, whole: Product) -> None:
        for part in whole.parts:
            for number in range(2):
                np.testing.assert_array_equal(complex_of(part, number), samples(CASE))
            real, imaginary = (part.band(f"{letter}_{part.swath}_VV") for letter in "iq")
            window = Window(5, 3, 9, 4)
            np.testing.assert_array_equal(real.read(window), samples(CASE)[5:14, 3:7, 0])
            np.testing.assert_array_equal(imaginary.read(window), samples(CASE)[5:14, 3:7, 1])

    def test_intensity_knows_what_is_valid_by_the_annotation(self, whole: Product) -> None:
        """First and last line of a burst, two samples at either side hold no data; a zero elsewhere does."""
        part = whole.parts[0]
        power = part.band("Intensity_IW1_VV").read(part.grid.window)
        line, pixel = np.indices(power.shape)
        valid = (
            (line % BURST_LINES > 0) & (line % BURST_LINES < BURST_LINES - 1) & (pixel >= 2) & (pixel <= 17)
        )
        np.testing.assert_array_equal(np.isfinite(power), valid)
        parts = samples(CASE).astype(np.float64)
        np.testing.assert_allclose(power[valid], (parts**2).sum(axis=2)[valid], rtol=1e-6)


class TestSplit:
    def test_one_sub_swath(self, whole: Product) -> None:
        part = run("TOPSAR-Split", whole, subswath="IW2")
        assert part.swath == "IW2" and not part.parts
        assert part.bursts is not None and len(part.bursts.burst_ids) == 4

    def test_the_first_without_a_name(self, whole: Product) -> None:
        assert run("TOPSAR-Split", whole).swath == "IW1"

    def test_some_bursts(self, whole: Product) -> None:
        part = run("TOPSAR-Split", whole, subswath="IW1", firstBurstIndex=2, lastBurstIndex=3)
        assert part.bursts is not None
        assert part.bursts.burst_ids == (FIRST_BURST + 1, FIRST_BURST + 2)
        assert part.lut_origin.line == BURST_LINES
        np.testing.assert_array_equal(complex_of(part), samples(CASE)[BURST_LINES : 3 * BURST_LINES])

    def test_a_last_burst_beyond_the_end_is_the_last_one(self, whole: Product) -> None:
        part = run("TOPSAR-Split", whole, subswath="IW1", firstBurstIndex=4, lastBurstIndex=9999)
        assert part.bursts is not None and part.bursts.burst_ids == (FIRST_BURST + 3,)

    def test_one_polarization(self, whole: Product) -> None:
        part = run("TOPSAR-Split", whole, subswath="IW1", selectedPolarisations="VH")
        assert [signal.name for signal in part.signals] == ["IW1_VH"]

    def test_an_area(self, whole: Product) -> None:
        """The track runs along a meridian: two bursts in the middle."""
        grid = whole.parts[0].annotation.geolocation_grid
        south, north = grid.latitude[:, 0]
        low, high = (south + share * (north - south) for share in (0.35, 0.6))
        area = f"POLYGON((9 {low}, 11 {low}, 11 {high}, 9 {high}, 9 {low}))"
        part = run("TOPSAR-Split", whole, subswath="IW1", wktAoi=area)
        assert part.bursts is not None
        assert set(part.bursts.burst_ids) < {FIRST_BURST + k for k in range(4)}

    def test_refusals(self, whole: Product) -> None:
        with pytest.raises(GraphError, match="no sub-swath IW3; the scene has IW1, IW2"):
            run("TOPSAR-Split", whole, subswath="IW3")
        with pytest.raises(GraphError, match="bursts 5 to 9 of IW1 are asked for, which has 4"):
            run("TOPSAR-Split", whole, subswath="IW1", firstBurstIndex=5, lastBurstIndex=9)
        with pytest.raises(DataError, match="no burst of IW1"):
            run("TOPSAR-Split", whole, subswath="IW1", wktAoi="POLYGON((50 1, 51 1, 51 2, 50 1))")
        with pytest.raises(GraphError, match="not a WKT"):
            run("TOPSAR-Split", whole, subswath="IW1", wktAoi="POLY((")
        with pytest.raises(GraphError, match="HH"):
            run("TOPSAR-Split", whole, subswath="IW1", selectedPolarisations="HH")


def debursted(values: np.ndarray, bursts: int) -> np.ndarray:
    """Bursts joined by hand: the later one from the middle of an overlap on."""
    lines = []
    for burst in range(bursts):
        first = 0 if burst == 0 else SEAM
        last = BURST_LINES if burst == bursts - 1 else STEP + SEAM
        lines += [burst * BURST_LINES + line for line in range(first, last)]
    return np.asarray(values[lines])


class TestDeburst:
    def test_lines(self, whole: Product) -> None:
        image = run("TOPSAR-Deburst", run("TOPSAR-Split", whole, subswath="IW1"))
        assert image.bursts is None
        assert image.shape == (3 * STEP + BURST_LINES, BURST_PIXELS)
        np.testing.assert_array_equal(complex_of(image), debursted(samples(CASE), 4))

    def test_bands_go_the_same_way(self, whole: Product) -> None:
        calibrated = run("Calibration", run("TOPSAR-Split", whole, subswath="IW1"), outputSigmaBand=True)
        image = run("TOPSAR-Deburst", calibrated)
        band = image.band("Sigma0_IW1_VV")
        before = calibrated.band("Sigma0_IW1_VV").read(calibrated.grid.window)
        np.testing.assert_array_equal(band.read(image.grid.window), debursted(before, 4))
        for part in image.grid.window.tiles(5, 7):
            np.testing.assert_array_equal(
                band.read(part), debursted(before, 4)[part.slices_in(image.grid.window)]
            )

    def test_joints(self, whole: Product) -> None:
        """Lines that the image leaves out lie between where it leaves a burst and where it takes up the next."""
        bursts = run("TOPSAR-Split", whole, subswath="IW1").bursts
        assert bursts is not None
        ends = {k * BURST_LINES + STEP + SEAM for k in range(3)}
        begins = {k * BURST_LINES + SEAM for k in range(1, 4)}
        assert set(joints(bursts)) == ends | begins

    def test_it_needs_bursts(self, whole: Product) -> None:
        image = run("TOPSAR-Deburst", run("TOPSAR-Split", whole, subswath="IW1"))
        with pytest.raises(GraphError, match="no bursts"):
            run("TOPSAR-Deburst", image)


class TestMerge:
    def test_refusals(self, whole: Product) -> None:
        split = [run("TOPSAR-Split", whole, subswath=swath) for swath in ("IW1", "IW2")]
        with pytest.raises(GraphError, match="debursted"):
            run("TOPSAR-Merge", *split)
        first = run("TOPSAR-Deburst", split[0])
        with pytest.raises(GraphError, match="neighbouring"):
            run("TOPSAR-Merge", first, first)

    def test_a_grid_that_holds_both(self, whole: Product) -> None:
        """The sub-swaths of these products lie on one another; IW2 begins 0.3 cycles later."""
        parts = [run("TOPSAR-Deburst", run("TOPSAR-Split", whole, subswath=s)) for s in ("IW1", "IW2")]
        image = run("TOPSAR-Merge", *parts)
        later = round((parts[1].radar_grid.first_azimuth_time - parts[0].radar_grid.first_azimuth_time) / 0.4)
        delay = np.timedelta64(0, "us") + (parts[1].radar_grid.epoch - parts[0].radar_grid.epoch)
        later += round(delay / np.timedelta64(1, "s") / 0.4)
        assert image.shape == (3 * STEP + BURST_LINES + later, 16)  # valid samples 2 .. 17
        assert [signal.name for signal in image.signals] == ["VH", "VV"]
        values, valid = complex_of(image), debursted(samples(CASE), 4)[:, 2:18]
        both = slice(later + 2, 3 * STEP)
        np.testing.assert_array_equal(values[both, :8], valid[both, :8])
        np.testing.assert_array_equal(values[both, 8:], valid[both.start - later : both.stop - later, 8:])

    def test_order_of_work(self, whole: Product) -> None:
        """Sub-swath by sub-swath, each by its lines; what lies beyond the image goes with the nearest."""
        parts = [run("TOPSAR-Deburst", run("TOPSAR-Split", whole, subswath=s)) for s in ("IW1", "IW2")]
        order = run("TOPSAR-Merge", *parts).order
        assert order is not None
        sweep = [Window(row, col, 2, 2) for col in (0, 8) for row in (2, 6, 20)]
        numbers = [order(window) for window in sweep]
        assert numbers == sorted(set(numbers))
        assert order(Window(-9, -9, 2, 2)) == order(Window(-1, 0, 2, 2)) < order(Window(1, 0, 2, 2))


class TestSlices:
    @pytest.fixture(scope="class")
    @staticmethod
    def slices(tmp_path_factory: pytest.TempPathFactory) -> list[Product]:
        made = []
        for first in (0, 3):
            case = SlcCase(first_burst=FIRST_BURST + first, slice_number=4 + first // 3)
            made.append(run("Read", file=write_slc(tmp_path_factory.mktemp("slice"), case)))
        return made

    def test_samples_follow_each_other(self, slices: list[Product]) -> None:
        joined = run("SliceAssembly", *reversed(slices))
        values = samples(SlcCase())
        for part in joined.parts:
            np.testing.assert_array_equal(complex_of(part), np.concatenate([values, values]))
            assert part.signals[0].valid(part.grid.window).sum() == 6 * (BURST_LINES - 2) * 16

    def test_all_goes_on_from_there(self, slices: list[Product]) -> None:
        joined = run("SliceAssembly", *slices)
        split = run("TOPSAR-Split", joined, subswath="IW1", firstBurstIndex=3, lastBurstIndex=5)
        image = run("TOPSAR-Deburst", split)
        values = np.concatenate([samples(SlcCase())] * 2)[2 * BURST_LINES : 5 * BURST_LINES]
        np.testing.assert_array_equal(complex_of(image), debursted(values, 3))

    def test_calibration_of_the_second_slice(self, slices: list[Product]) -> None:
        """Each line has the look-up values that it has in its own slice."""
        joined = run("Calibration", run("SliceAssembly", *slices)).parts[0]
        alone = [run("Calibration", one).parts[0] for one in slices]
        name = "Sigma0_IW1_VV"
        whole = joined.band(name).read(joined.grid.window)
        parts = [one.band(name).read(one.grid.window) for one in alone]
        np.testing.assert_allclose(whole, np.concatenate(parts), rtol=2e-2)
        np.testing.assert_array_equal(whole[-BURST_LINES:], parts[1][-BURST_LINES:])

    def test_refusals(self, slices: list[Product]) -> None:
        with pytest.raises(SceneError, match="same slice"):
            run("SliceAssembly", slices[0], slices[0])
        with pytest.raises(GraphError, match="whole slices"):
            run("SliceAssembly", *(run("TOPSAR-Split", one, firstBurstIndex=2) for one in slices))
        with pytest.raises(GraphError, match="different ways"):
            run("SliceAssembly", slices[0], run("Calibration", slices[1]))


@pytest.mark.parametrize("operator", ["Back-Geocoding", "Coherence", "TOPSAR-Merge", "Interferogram"])
def test_sub_swaths_have_to_be_split_first(operator: str, whole: Product) -> None:
    with pytest.raises(GraphError):
        run(operator, whole, whole)
