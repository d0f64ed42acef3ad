"""A graph in plain words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from s1card.errors import GraphError
from s1card.graph.fill import recipe_parameters
from s1card.graph.model import Graph, Node, Parameter
from s1card.graph.operator_spec import OperatorSpec, ParameterSpec
from s1card.graph.operators import find_operator, stated, typed_value
from s1card.graph.values import Value, convert

_WIDTH = 100
_WKT_NAME = re.compile(r'^\s*(?:PROJCS|GEOGCS|PROJCRS|GEOGCRS)\s*\[\s*"([^"]*)"', re.IGNORECASE)


def explain(graph: Graph) -> str:
    """The chain in plain words: a numbered paragraph per node, with what differs from SNAP's defaults.

    Raises:
        GraphError: The nodes read each other in a circle.
    """
    nodes = graph.in_order()
    numbers = {node.id: number for number, node in enumerate(nodes, 1)}
    parts = [graph.description] if graph.description else []
    parts += [_paragraph(graph, node, numbers) for node in nodes]
    open_names = [p.name for p in recipe_parameters(graph) if p.default is None]
    if open_names:
        parts.append(textwrap.fill(f"The caller gives: {', '.join(open_names)}.", _WIDTH))
    return "\n\n".join(parts) + "\n"


def _paragraph(graph: Graph, node: Node, numbers: dict[str, int]) -> str:
    spec = find_operator(node.operator)
    what = spec.description if spec else "an operator of SNAP that s1card does not describe"
    head = f"{numbers[node.id]}. {node.operator}{_origin(graph, node, numbers)}: {what}."
    indent = " " * (len(str(numbers[node.id])) + 2)
    lines = [textwrap.fill(head, _WIDTH, subsequent_indent=indent)]
    lines += [f"{indent}- {line}" for line in (_known_lines(node, spec) if spec else _plain_lines(node))]
    return "\n".join(lines)


def _origin(graph: Graph, node: Node, numbers: dict[str, int]) -> str:
    """Where the node takes its input from, said only if it is not simply the step before."""
    found = [(source.ref, graph.find(source.ref)) for source in node.sources]
    steps = [str(numbers[source.id]) if source else ref for ref, source in found]
    if not steps or steps == [str(numbers[node.id] - 1)]:
        return ""
    word = "step" if len(steps) == 1 else "steps"
    return f" (on {word} {', '.join(steps)})"


def _known_lines(node: Node, spec: OperatorSpec) -> Iterator[str]:
    for parameter_spec in spec.parameters:
        parameter = stated(node, parameter_spec)
        if parameter is None or _is_default(node, parameter_spec):
            continue
        unit = f" {parameter_spec.unit}" if parameter_spec.unit else ""
        yield f"{parameter_spec.name} = {_shown(parameter)}{unit} ({parameter_spec.description})"


def _is_default(node: Node, spec: ParameterSpec) -> bool:
    try:
        return typed_value(node, spec) == _default(spec)
    except GraphError:
        return False


def _default(spec: ParameterSpec) -> Value:
    return convert(spec, spec.default or "")


def _plain_lines(node: Node) -> Iterator[str]:
    return (f"{parameter.name} = {_shown(parameter)}" for parameter in node.parameters if parameter.is_set)


def _shown(parameter: Parameter) -> str:
    if parameter.children:
        return "; ".join(_shown_band(child) for child in parameter.children)
    named = _WKT_NAME.match(parameter.value)
    text = named[1] if named else " ".join((parameter.value or f"value of {parameter.refid}").split())
    return textwrap.shorten(text, _WIDTH, placeholder=" ...")


def _shown_band(element: Parameter) -> str:
    if element.child("name"):
        return f"{element.child('name')} = {element.child('expression') or element.child('value')}"
    return f"{element.name} {element.value}".strip()
