"""Convert-Datatype: cut off, scaled, without data, and the range that scaling needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import apply, chain, product_of, samples
from memory_cases import complex_product, noise, product, whole

from s1card.engine.native.band_range import BandRange
from s1card.engine.native.engine import check_capability
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.window import Window

LINEAR, CLIPPED = "Linear (slope and intercept)", "Linear (between 95% clipped histogram)"


def converted(source: Product, kind: str, scaling: str = "Truncate", **parameters: Any) -> np.ndarray:
    made = apply("Convert-Datatype", source, targetDataType=kind, targetScalingStr=scaling, **parameters)
    band = made.bands[0]
    got = samples(made, band.name)
    assert got.dtype == np.dtype(band.dtype) == np.dtype(kind)
    return got


VALUES = np.array([[-3.6, -0.5, 0.4, np.nan], [2.5, 99.9, 300.0, 70000.0]], np.float32)


class TestTruncate:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("uint8", [[0, 0, 0, 7], [3, 100, 255, 255]]),
            ("int8", [[-4, 0, 0, 7], [3, 100, 127, 127]]),
            ("uint16", [[0, 0, 0, 7], [3, 100, 300, 65535]]),
            ("int16", [[-4, 0, 0, 7], [3, 100, 300, 32767]]),
            ("uint32", [[0, 0, 0, 7], [3, 100, 300, 70000]]),
            ("int32", [[-4, 0, 0, 7], [3, 100, 300, 70000]]),
        ],
    )
    def test_rounds_and_ends_where_the_type_ends(self, kind: str, expected: list[list[int]]) -> None:
        np.testing.assert_array_equal(converted(product(VALUES), kind, targetNoDataValue=7), expected)

    @pytest.mark.parametrize("kind", ["float32", "float64"])
    def test_floats_stay_as_they_are(self, kind: str) -> None:
        for scaling in ("Truncate", CLIPPED):
            np.testing.assert_array_equal(converted(product(VALUES), kind, scaling), VALUES)

    def test_no_data(self) -> None:
        made = apply("Convert-Datatype", product(VALUES), targetDataType="int16", targetScalingStr="Truncate")
        assert made.bands[0].nodata == 0
        assert made.facts[-1] == ("Convert-Datatype", "int16, Truncate")
        made = apply("Convert-Datatype", product(VALUES), targetDataType="float32", targetNoDataValue="NaN")
        assert np.isnan(made.bands[0].nodata)

    def test_amplitudes(self) -> None:
        source = product_of({"VV": np.array([[0, 5], [600, 7]], np.uint16)})
        got = converted(source, "float32")
        np.testing.assert_array_equal(got, np.array([[np.nan, 5], [600, 7]], np.float32))
        got = converted(source, "int16", CLIPPED, targetNoDataValue=-1)
        np.testing.assert_array_equal(got == -1, [[True, False], [False, False]])


class TestScaling:
    def test_between_the_ends(self) -> None:
        values = np.array([[1.0, 2.0, 3.0, np.nan, 5.0]], np.float32)
        np.testing.assert_array_equal(converted(product(values), "uint8", LINEAR), [[0, 64, 128, 0, 255]])
        np.testing.assert_array_equal(
            converted(product(values), "int16", LINEAR), [[-32768, -16384, 0, 0, 32767]]
        )

    def test_logarithmic(self) -> None:
        values = np.array([[0.0, 1.0, 51.0, 255.0]], np.float32)
        np.testing.assert_array_equal(
            converted(product(values), "uint8", "Logarithmic"),
            [[0, 0, round(10 * np.log10(51)), round(10 * np.log10(255))]],
        )

    def test_clipped(self) -> None:
        """Samples below the share of 2.5 percent become the least number, those above 97.5 the greatest."""
        values = np.random.default_rng(4).permutation(np.linspace(1.0, 2.0, 40_000)).astype(np.float32)
        got = converted(product(values.reshape(200, 200)), "uint8", CLIPPED)
        expected = np.clip((values.astype(float) - 1.025) / 0.95, 0, 1) * 255
        assert np.abs(got.ravel() - expected).max() <= 1.0
        assert (got == 0).mean() == pytest.approx(0.025, abs=0.004)

    def test_whole_numbers_that_fit_are_not_scaled(self) -> None:
        values = np.array([[3, 9]], np.uint8)
        for scaling in (LINEAR, CLIPPED, "Logarithmic"):
            np.testing.assert_array_equal(
                converted(product(values, nodata=np.nan), "uint16", scaling), values
            )

    @pytest.mark.parametrize("value", [4.0, np.nan])
    def test_without_a_range(self, value: float) -> None:
        values = np.full((3, 3), value, np.float32)
        assert np.all(converted(product(values), "uint8", CLIPPED) == 0)

    def test_peaks_are_left_to_snap(self) -> None:
        steps = (
            ("Read", {"file": "scene.zip"}),
            ("Convert-Datatype", {"targetScalingStr": "Linear (peak clipped histogram)"}),
            ("Write", {"file": "out.tif", "formatName": "GeoTIFF"}),
        )
        with pytest.raises(GraphError, match=r"no targetScalingStr=Linear \(peak clipped histogram\)"):
            check_capability(chain(*steps))


class TestRange:
    @pytest.mark.parametrize("spread", [1.0, 1e6])
    def test_shares(self, spread: float) -> None:
        values = (np.random.default_rng(5).normal(size=(600, 700)) * spread).astype(np.float32)
        values[:50] = np.nan
        found = BandRange(product(values).bands[0], whole(values)).evaluate()
        held = values[50:]
        assert (found.least, found.greatest) == (held.min(), held.max())
        for share in (0.0, 0.025, 0.3, 0.5, 0.7, 0.975, 1.0):
            assert found.share(share) == pytest.approx(np.quantile(held, share), rel=5e-3, abs=2e-3 * spread)

    def test_infinite_samples_do_not_count(self) -> None:
        values = np.array([[1.0, np.inf, -np.inf, 3.0]], np.float32)
        found = BandRange(product(values).bands[0], whole(values)).evaluate()
        assert (found.least, found.greatest) == (1.0, 3.0)


def test_parts_of_complex_images() -> None:
    values = 100 * noise((4, 5))
    made = apply(
        "Convert-Datatype", complex_product(values), targetDataType="int16", targetScalingStr="Truncate"
    )
    assert [band.name for band in made.bands] == ["i_VV", "q_VV"]
    assert made.signals == ()
    np.testing.assert_array_equal(samples(made, "q_VV"), np.floor(values.imag.astype(np.float32) + 0.5))


def test_nothing_depends_on_the_window() -> None:
    values = np.random.default_rng(6).gamma(2.0, size=(90, 80)).astype(np.float32)
    one, other = (
        apply("Convert-Datatype", product(values), targetDataType="uint8", targetScalingStr=CLIPPED)
        for _ in range(2)
    )
    everything = samples(one, "it")
    for window in reversed(list(Window(0, 0, 90, 80).tiles(23, 31))):
        assert np.array_equal(samples(other, "it", window), everything[window.slices_in(whole(values))])
