"""Steps of one chain that take their terrain from different elevation models.

Terrain-Flattening divides by the area that a slope shows; Terrain-Correction then puts the slope in its place. With two
elevation models the brightness of a slope is corrected in one place and shown in another.
"""

from __future__ import annotations

from collections.abc import Iterator

from s1card.errors import GraphError
from s1card.graph.model import Graph, Node
from s1card.graph.operators import find_operator, typed_value
from s1card.graph.order import OrderFinding
from s1card.graph.values import Value

FIRST, SECOND = "Terrain-Flattening", "Terrain-Correction"
EXTERNAL = "External DEM"
OF_THE_FILE = ("externalDEMFile", "externalDEMNoDataValue", "externalDEMApplyEGM")
"""Parameters that have an effect with an external elevation model only."""


def dem_findings(graph: Graph) -> Iterator[OrderFinding]:
    """A warning per parameter in which the elevation models of a chain differ, at the later node."""
    for later in graph.in_order():
        if later.operator == SECOND:
            for earlier in graph.ancestors(later):
                if earlier.operator == FIRST:
                    yield from _differences(earlier, later)


def _differences(earlier: Node, later: Node) -> Iterator[OrderFinding]:
    for name in _compared(earlier, later):
        first, second = _value(earlier, name), _value(later, name)
        if first != second and not _is_open(earlier, later, name):
            yield OrderFinding(
                "warning",
                later,
                f"{name} is {_text(second)}, but {_text(first)} in {FIRST} ('{earlier.id}'): slopes are flattened "
                "with one elevation model and placed with another. State the same in both",
            )


def _compared(earlier: Node, later: Node) -> tuple[str, ...]:
    names = _value(earlier, "demName"), _value(later, "demName")
    return ("demName", *OF_THE_FILE) if names == (EXTERNAL, EXTERNAL) else ("demName",)


def _is_open(earlier: Node, later: Node, name: str) -> bool:
    """Whether a placeholder or another node has the last word."""
    found = (node.parameter(name) for node in (earlier, later))
    return any(p is not None and (p.refid or "$" in p.value) for p in found)


def _value(node: Node, name: str) -> Value:
    """The typed value, SNAP's default if it is unset, and the text if it is none yet."""
    spec = find_operator(node.operator)
    parameter = spec.parameter(name) if spec else None
    assert parameter is not None
    try:
        return typed_value(node, parameter)
    except GraphError:
        return node.value(name)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "not stated" if value is None else f"'{value}'" if isinstance(value, str) else f"{value:g}"
