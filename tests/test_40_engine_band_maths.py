"""BandMaths: expressions computed on samples, target bands, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engine_cases import product_of, samples
from memory_cases import complex_product, noise, product, whole

from s1card.engine.native import band_maths
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.product import Product
from s1card.errors import GraphError
from s1card.graph.model import Parameter
from s1card.window import Window

A = np.array([[1.0, 4.0, np.nan], [-2.0, 0.0, 9.0]], np.float32)
B = np.array([[2.0, 0.0, 5.0], [3.0, -1.0, np.nan]], np.float32)


def source(**bands: np.ndarray) -> Product:
    first = next(iter(bands.values()))
    made = product(first)
    return replace(
        made,
        bands=tuple(
            replace(made.bands[0], name=name, read=lambda w, v=values: v[w.slices_in(whole(v))])
            for name, values in bands.items()
        ),
    )


def element(tag: str, **values: Any) -> Parameter:
    return Parameter(tag, children=tuple(Parameter(key, str(value)) for key, value in values.items()))


def computed(*targets: dict[str, Any], of: tuple[Product, ...], variables: Any = ()) -> Product:
    parameters = {
        "targetBands": tuple(element("targetBand", **target) for target in targets),
        "variables": tuple(element("variable", **variable) for variable in variables),
    }
    return band_maths.apply(of, parameters, Context(Surroundings()))


def value(expression: str, **target: Any) -> np.ndarray:
    made = computed({"name": "x", "expression": expression, **target}, of=(source(a=A, b=B),))
    return samples(made, "x")


NAN = np.nan


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + 1", [[2, 5, NAN], [-1, 1, 10]]),
        ("a * b - b / 2", [[1, 0, NAN], [-7.5, 0.5, NAN]]),
        ("a / b", [[0.5, NAN, NAN], [-2 / 3, 0, NAN]]),
        ("7 % 4 + -7 % 4", [[0, 0, 0], [0, 0, 0]]),
        ("a > 0", [[1, 1, 0], [0, 0, 1]]),
        ("a > 0 && b > 0", [[1, 0, 0], [0, 0, 0]]),
        ("a > 0 || b > 0", [[1, 1, 1], [1, 0, 1]]),
        ("!(a > 0)", [[0, 0, 1], [1, 1, 0]]),
        ("a ? 1 : 2", [[1, 1, 2], [1, 2, 1]]),
        ("a > 0 ? 10*log10(a) : NaN", [[0, 10 * np.log10(4), NAN], [NAN, NAN, 10 * np.log10(9)]]),
        ("sqrt(a)", [[1, 2, NAN], [NAN, 0, 3]]),
        ("log(exp(a))", [[1, 4, NAN], [-2, 0, 9]]),
        ("pow(a, 2) + sqr(a)", [[2, 32, NAN], [8, 0, 162]]),
        ("exp10(2) + abs(-3) + sign(-5)", [[102] * 3] * 2),
        ("min(a, b)", [[1, 0, NAN], [-2, -1, NAN]]),
        ("max(a, b, 3)", [[3, 4, NAN], [3, 3, NAN]]),
        ("avg(1, 2, 6)", [[3] * 3] * 2),
        ("isnan(a) + 2 * nan(b)", [[0, 0, 1], [0, 0, 2]]),
        ("isinf(a / 0)", [[1, 1, 0], [1, 0, 1]]),
        ("deg(PI) + rad(180) - PI", [[180] * 3] * 2),
        ("sin(PI / 2) + cos(0) + tan(0) + asin(0) + acos(1) + atan(0)", [[2] * 3] * 2),
        ("sinh(0) + cosh(0) + tanh(0)", [[1] * 3] * 2),
        ("atan2(1, 0) - phase(0, 1) + ampl(3, 4)", [[5] * 3] * 2),
        ("floor(-0.5) + ceil(0.2) + round(2.5) + rint(2.5)", [[5] * 3] * 2),
        ("feq(0.1 + 0.2, 0.3) + feq(1, 2, 5) + fneq(1, 2)", [[3] * 3] * 2),
        ("(6 & 3) + (6 | 3) * 10 + (6 ^ 3) * 100 + ~0", [[2 + 70 + 500 - 1] * 3] * 2),
        ("X + 10 * Y", [[5.5, 6.5, 7.5], [15.5, 16.5, 17.5]]),
        ("true ? 5 : a", [[5] * 3] * 2),
    ],
)
def test_values(expression: str, expected: list[list[float]]) -> None:
    got = value(expression)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, np.array(expected, np.float32), rtol=1e-6, atol=1e-6)


class TestTargetBands:
    def test_what_is_said_of_them(self) -> None:
        target = {
            "name": "ratio",
            "expression": "b/a",
            "unit": "dB",
            "description": "of both",
            "type": "float64",
        }
        made = computed(target, of=(source(a=A, b=B),))
        (band,) = made.bands
        assert (band.name, band.unit, band.description, band.dtype) == ("ratio", "dB", "of both", "float64")
        assert band.polarization == "VV"
        assert samples(made, "ratio").dtype == np.float64
        assert made.facts[-1] == ("BandMaths", "ratio = b/a")

    def test_polarizations_that_differ(self) -> None:
        of = product_of({"VV": np.ones((2, 2), np.uint16), "VH": np.ones((2, 2), np.uint16)})
        made = computed({"name": "r", "expression": "Amplitude_VH/Amplitude_VV"}, of=(of,))
        assert made.band("r").polarization is None

    def test_no_data_of_floats_becomes_nan(self) -> None:
        """Values equal to the no-data value are no data, as for all that reads the band in SNAP."""
        np.testing.assert_array_equal(value("a", noDataValue=0), np.where(A == 0, NAN, A))
        np.testing.assert_array_equal(value("a", noDataValue="NaN"), A)

    def test_valid_expression(self) -> None:
        got = value("a", validExpression="b > 0")
        np.testing.assert_array_equal(got, np.array([[1, NAN, NAN], [-2, NAN, NAN]], np.float32))

    @pytest.mark.parametrize(
        ("kind", "expression", "expected"),
        [
            ("uint8", "a * 100", [[100, 255, 99], [0, 0, 255]]),
            ("int16", "a / 4 * 10", [[2, 10, 99], [-5, 0, 22]]),
            ("int8", "-a * 100", [[-100, -128, 99], [127, 0, -128]]),
            ("uint32", "a * 1e9", [[10**9, 4 * 10**9, 99], [0, 0, 2**32 - 1]]),
        ],
    )
    def test_whole_numbers(self, kind: str, expression: str, expected: list[list[int]]) -> None:
        """They are cut, and end where the type ends."""
        made = computed(
            {"name": "x", "type": kind, "expression": expression, "noDataValue": 99}, of=(source(a=A, b=B),)
        )
        got = samples(made, "x")
        assert got.dtype == np.dtype(kind)
        assert made.band("x").nodata == 99
        np.testing.assert_array_equal(got, expected)

    def test_whole_numbers_without_no_data(self) -> None:
        made = computed({"name": "x", "type": "uint8", "expression": "a"}, of=(source(a=A),))
        assert made.band("x").nodata is None
        np.testing.assert_array_equal(samples(made, "x"), [[1, 4, 0], [0, 0, 9]])

    def test_several_replace_the_sources(self) -> None:
        made = computed(
            {"name": "x", "expression": "a"}, {"name": "y", "expression": "b"}, of=(source(a=A, b=B),)
        )
        assert [band.name for band in made.bands] == ["x", "y"]

    def test_variables(self) -> None:
        made = computed(
            {"name": "x", "expression": "a * gain"},
            of=(source(a=A),),
            variables=({"name": "half", "value": "0.5"}, {"name": "gain", "value": "half * 6"}),
        )
        np.testing.assert_array_equal(samples(made, "x"), 3 * A)


class TestSources:
    def test_numbered(self) -> None:
        of = source(a=A), source(a=B, b=A)
        got = samples(computed({"name": "x", "expression": "$1.a - $2.a + b * 0"}, of=of), "x")
        np.testing.assert_array_equal(got, A - B)

    def test_by_name(self) -> None:
        other = replace(source(a=B), name="other")
        made = computed({"name": "x", "expression": "$other.a"}, of=(source(a=A), other))
        np.testing.assert_array_equal(samples(made, "x"), B)

    def test_amplitudes_of_zero_are_no_data(self) -> None:
        of = product_of({"VV": np.array([[0, 3]], np.uint16)})
        got = samples(computed({"name": "x", "expression": "sqr(Amplitude_VV)"}, of=(of,)), "x")
        np.testing.assert_array_equal(got, np.array([[NAN, 9]], np.float32))

    def test_parts_of_complex_images(self) -> None:
        values = noise((5, 4))
        values[2, 1] = 3j  # its real part is zero and counts
        made = computed(
            {"name": "p", "expression": "phase(i_VV, q_VV)"},
            {"name": "d", "expression": "20*log10(ampl(i_VV, q_VV))"},
            of=(complex_product(values),),
        )
        np.testing.assert_allclose(samples(made, "p"), np.angle(values), rtol=1e-5)
        np.testing.assert_allclose(samples(made, "d"), 20 * np.log10(np.abs(values)), rtol=1e-4, atol=1e-4)

    def test_nothing_depends_on_the_window(self) -> None:
        random = np.random.default_rng(3)
        a, b = (random.normal(size=(70, 90)).astype(np.float32) for _ in range(2))
        text = "a > b ? exp(a) * X : pow(abs(b), 0.3) / Y"
        made = computed({"name": "x", "expression": text}, of=(source(a=a, b=b),))
        everything = samples(made, "x")
        for window in Window(0, 0, 70, 90).tiles(17, 31):
            got = samples(made, "x", window)
            assert got.tobytes() == everything[window.slices_in(whole(a))].tobytes()


class TestRefusals:
    @pytest.mark.parametrize(
        ("target", "message"),
        [
            (
                {"name": "x", "expression": "a + Sigma"},
                r"no band or variable 'Sigma' at position 5.*There are a, b",
            ),
            (
                {"name": "x", "expression": "$3.a"},
                r"no source '\$3' at position 1.*The only source is \$1",
            ),
            ({"name": "x", "expression": "$1.c"}, "no band or variable 'c'"),
            ({"name": "x", "expression": "a +"}, "at position 4 of the expression 'a [+]'"),
            ({"name": "x", "expression": "a", "validExpression": "z"}, "no band or variable 'z'"),
            ({"name": "x", "expression": "a", "type": "float16"}, "unknown type 'float16'.*float32"),
            (
                {"name": "x", "expression": "a", "noDataValue": "none"},
                "noDataValue 'none' of the target band 'x'",
            ),
            ({"name": "x"}, "needs a name and an expression"),
        ],
    )
    def test_wrong_targets(self, target: dict[str, Any], message: str) -> None:
        with pytest.raises(GraphError, match=message) as caught:
            computed(target, of=(source(a=A, b=B),))
        assert caught.value.exit_code == 2

    def test_of_the_whole(self) -> None:
        of = source(a=A)
        with pytest.raises(GraphError, match="no target band"):
            computed(of=(of,))
        with pytest.raises(GraphError, match="two target bands of one name"):
            computed({"name": "x", "expression": "a"}, {"name": "x", "expression": "a"}, of=(of,))
        with pytest.raises(GraphError, match="differ in size or place"):
            computed({"name": "x", "expression": "a"}, of=(of, product(np.ones((5, 5), np.float32))))
        with pytest.raises(GraphError, match="no band or variable 'a'"):
            computed({"name": "x", "expression": "a"}, of=(of,), variables=({"name": "v", "value": "a * 2"},))
