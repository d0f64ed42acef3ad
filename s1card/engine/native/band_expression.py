"""Expressions of bands computed on the samples of a window, float64.

A condition is 1 where it holds and 0 where not; a number holds where it is neither 0 nor NaN. Comparisons with NaN are
false, but for ``!=``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from s1card.graph.expression import Binary, Call, Choice, Expression, Name, Number, Unary

Floats = NDArray[np.float64]
Values = Mapping[Name, Floats]

EQUAL = 1e-6
"""Distance below which ``feq`` takes two numbers for equal, if none is given."""

_SIGNS: dict[str, Callable[[Floats, Floats], object]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "&&": lambda a, b: _holds(a) & _holds(b),
    "||": lambda a, b: _holds(a) | _holds(b),
    "&": lambda a, b: _whole(a) & _whole(b),
    "|": lambda a, b: _whole(a) | _whole(b),
    "^": lambda a, b: _whole(a) ^ _whole(b),
}

_UNARY: dict[str, Callable[[Floats], object]] = {
    "-": np.negative,
    "+": np.positive,
    "!": lambda a: ~_holds(a),
    "~": lambda a: ~_whole(a),
}

_FUNCTIONS: dict[str, Callable[..., object]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "exp": np.exp,
    "exp10": lambda a: np.power(10.0, a),
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sqr": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": lambda a: np.floor(a + 0.5),
    "rint": np.rint,
    "rad": np.radians,
    "deg": np.degrees,
    "nan": np.isnan,
    "isnan": np.isnan,
    "inf": np.isinf,
    "isinf": np.isinf,
    "pow": np.power,
    "atan2": np.arctan2,
    "ampl": np.hypot,
    "phase": lambda real, imaginary: np.arctan2(imaginary, real),
    "feq": lambda a, b, within=EQUAL: np.abs(a - b) <= within,
    "fneq": lambda a, b, within=EQUAL: ~(np.abs(a - b) <= within),
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "avg": lambda *values: sum(values) / len(values),
}


def evaluate(expression: Expression, values: Values) -> Floats:
    """Value of an expression.

    Args:
        expression: What to compute.
        values: Samples of every name in it, all of one shape.

    Returns:
        float64; of that shape, or of none where the expression is a constant.
    """
    with np.errstate(all="ignore"):
        return _value(expression, values)


def _value(expression: Expression, values: Values) -> Floats:
    if isinstance(expression, Number):
        return np.asarray(expression.value)
    if isinstance(expression, Name):
        return values[expression]
    if isinstance(expression, Unary):
        return _floats(_UNARY[expression.sign](_value(expression.operand, values)))
    if isinstance(expression, Binary):
        left, right = _value(expression.left, values), _value(expression.right, values)
        return _floats(_SIGNS[expression.sign](left, right))
    if isinstance(expression, Choice):
        parts = expression.condition, expression.yes, expression.no
        condition, yes, no = (_value(part, values) for part in parts)
        return np.where(_holds(condition), yes, no)
    assert isinstance(expression, Call)
    return _floats(_FUNCTIONS[expression.function](*(_value(part, values) for part in expression.arguments)))


def _floats(values: object) -> Floats:
    return np.asarray(values, np.float64)


def _holds(values: Floats) -> NDArray[np.bool_]:
    return np.asarray((values != 0.0) & ~np.isnan(values))


def _whole(values: Floats) -> NDArray[np.int64]:
    """Numbers cut to whole ones, NaN to 0."""
    return np.nan_to_num(values, nan=0.0, posinf=2.0**62, neginf=-(2.0**62)).astype(np.int64)
