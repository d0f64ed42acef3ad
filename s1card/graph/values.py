"""From the text of a parameter to its typed value."""

from __future__ import annotations

import math
from typing import TypeAlias

from s1card.errors import GraphError
from s1card.graph.closest import suggestion
from s1card.graph.model import Parameter, RecipeParameter
from s1card.graph.operator_spec import ParameterSpec

Value: TypeAlias = bool | int | float | str | tuple[str, ...] | tuple[int, ...] | tuple[Parameter, ...] | None

_JAVA_KINDS = {"boolean": "bool", "int": "int", "integer": "int", "double": "double", "float": "double"}


def convert(spec: ParameterSpec, text: str) -> Value:
    """The typed value of a text.

    Args:
        spec: What the operator table says about the parameter.
        text: Its text; empty means unset.

    Returns:
        By kind: bool; int (``10`` and ``10.0``); float; tuple of str for a list, empty if unset; tuple of
        four int for a rectangle; str for the rest. None if unset.

    Raises:
        ValueError: The text is not of that kind, or not permitted; the message says what is.
    """
    if not text:
        return () if spec.kind in ("list", "nested") else None
    if spec.kind in ("bool", "int", "double"):
        value = _scalar(spec.kind, text)
        check_interval(float(value), spec.interval)
        return value
    if spec.kind == "list":
        members = _split(text)
        for member in members:
            _check_member(member, spec.allowed)
        return members
    if spec.kind == "rectangle":
        return _rectangle(text)
    if spec.kind == "enum":
        _check_member(text, spec.allowed)
    return text


def _scalar(kind: str, text: str) -> bool | int | float:
    if kind == "bool":
        return _truth(text)
    value = _number(text)
    if kind == "double":
        return value
    if not (math.isfinite(value) and value == int(value)):
        raise ValueError("a whole number is needed")
    return int(value)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false is needed")
    return text.lower() == "true"


def _number(text: str) -> float:
    try:
        return float(text.replace("_", "?"))  # Python would take 1_000 for a number, Java does not
    except ValueError:
        raise ValueError("a number is needed") from None


def _rectangle(text: str) -> tuple[int, ...]:
    numbers = tuple(int(_scalar("int", part)) for part in _split(text))
    if len(numbers) != 4 or min(numbers) < 0:
        raise ValueError("four whole numbers x,y,width,height are needed")
    return numbers


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def _check_member(text: str, allowed: tuple[str, ...]) -> None:
    if allowed and text not in allowed:
        hint = suggestion(text, allowed)
        raise ValueError(f"allowed: {', '.join(allowed)}" + (f". {hint[:-1]}" if hint else ""))


def check_interval(value: float, interval: str) -> None:
    """Check a number against an interval in SNAP's notation: ``[`` includes, ``(`` excludes, ``*`` is open.

    Raises:
        ValueError: It lies outside.
    """
    if not interval:
        return
    low, high = (part.strip() for part in interval[1:-1].split(","))
    above = low == "*" or value > float(low) or (interval[0] == "[" and value == float(low))
    below = high == "*" or value < float(high) or (interval[-1] == "]" and value == float(high))
    if not (above and below):
        raise ValueError(f"allowed interval: {interval}")


def check_allowed(parameter: RecipeParameter, text: str) -> None:
    """Check a caller's value against what the header of the recipe permits.

    Raises:
        GraphError: It is not permitted.
    """
    kind = _JAVA_KINDS.get(parameter.type.rpartition(".")[2].lower(), "string")
    try:
        if text and kind != "string":
            check_interval(float(_scalar(kind, text)), parameter.interval)
        if text or parameter.default is None:
            _check_member(text, parameter.allowed)
    except ValueError as error:
        raise GraphError(
            f"'{text}' is not a value of the graph's parameter '{parameter.name}'",
            subject=f"-P {parameter.name}",
            advice=_sentence(str(error)),
        ) from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
