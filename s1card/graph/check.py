"""What is wrong, doubtful or unsaid in a graph, before anything runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from s1card.errors import GraphError
from s1card.graph.closest import suggestion
from s1card.graph.dem_agreement import dem_findings
from s1card.graph.expression import parse
from s1card.graph.fill import placeholders
from s1card.graph.model import Graph, Node, Parameter
from s1card.graph.operator_spec import OperatorSpec, ParameterSpec
from s1card.graph.operators import OPERATORS, UNDESCRIBED, find_operator, stated, typed_value
from s1card.graph.order import order_findings
from s1card.graph.substitute import names_in
from s1card.graph.target_size import size_problem
from s1card.graph.values import Value

Severity = Literal["error", "warning", "hint"]

# Words that scripts replace in the text of a graph before they run it.
_SCRIPT_WORDS = re.compile(
    r"\b((IN|OUT)PUT[A-Z]*(FILE|FOLDER)?|MASTER|SLAVE|REFERENCE|SECONDARY|[A-Z]*FILE|[A-Z]*FOLDER|EXTERNALDEM"
    r"|POLARI[SZ]ATION|(RG|AZ)LOOKS?|IWs|Crop[SW][xy])\b|^POLYGON$"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark on a graph.

    Attributes:
        severity: ``error``: it cannot run; ``warning``: it runs, but perhaps not as meant; ``hint``.
        node: Id of the node.
        line: Line of the file.
        message: What it is and what to do.
    """

    severity: Severity
    node: str
    line: int
    message: str

    def as_dict(self) -> dict[str, str | int]:
        """The finding for JSON."""
        return asdict(self)


def check(graph: Graph) -> list[Finding]:
    """All findings on a graph, node by node in the order of work, then those on the order itself.

    Values that still hold placeholders are not judged, only listed.
    """
    try:
        nodes = graph.in_order()
    except GraphError as error:
        return [Finding("error", "", 0, error.message)]
    findings = [finding for node in nodes for finding in _node_findings(node)]
    chains = (*order_findings(graph), *dem_findings(graph))
    findings += [Finding(o.severity, o.node.id, o.node.line, o.message) for o in chains]
    findings += [
        Finding(
            "hint", p.node, p.line, f"{p.place}: placeholder '{p.name}' has no value yet (-P {p.name}=...)"
        )
        for p in placeholders(graph)
    ]
    return findings


def has_errors(findings: list[Finding]) -> bool:
    """Whether one of the findings keeps the graph from running."""
    return any(finding.severity == "error" for finding in findings)


def _node_findings(node: Node) -> Iterator[Finding]:
    for severity, message in _remarks(node):
        yield Finding(severity, node.id, node.line, message)


def _remarks(node: Node) -> Iterator[tuple[Severity, str]]:
    if names_in(node.operator, node):
        return
    spec = find_operator(node.operator)
    if spec is None:
        yield _unknown_operator(node)
        return
    yield from _source_count(node, spec)
    for parameter in node.parameters:
        yield from _unknown_parameter(node, spec, parameter)
    for known in spec.parameters:
        yield from _value(node, known)
    if node.operator == "Terrain-Correction":
        yield from _grid(node)
    if node.operator == "BandMaths":
        yield from _target_bands(node)
    if node.operator == "Resample":
        yield from _target_size(node, spec)


def _unknown_operator(node: Node) -> tuple[Severity, str]:
    if node.operator in UNDESCRIBED:
        return (
            "warning",
            f"{node.operator} is an operator of SNAP that s1card does not know: only SNAP can run it",
        )
    hint = suggestion(node.operator, OPERATORS)
    return "error", f"unknown operator '{node.operator}'. {hint}".rstrip(". ") + "."


def _source_count(node: Node, spec: OperatorSpec) -> Iterator[tuple[Severity, str]]:
    if any("$" in source.ref for source in node.sources):
        return
    least, most = spec.sources
    count = len(node.sources)
    if count < least:
        yield "error", f"{node.operator} needs {least} source{'s' * (least > 1)}, and has {count or 'none'}"
    elif most is not None and count > most:
        yield "warning", f"{node.operator} takes {most or 'no'} source{'s' * (most != 1)}, and has {count}"


def _unknown_parameter(
    node: Node, spec: OperatorSpec, parameter: Parameter
) -> Iterator[tuple[Severity, str]]:
    known = spec.parameter(parameter.name)
    if parameter.name in spec.ignored:
        yield "warning", f"{parameter.name}: a parameter of old versions without effect"
    elif known is None:
        hint = suggestion(parameter.name, spec.names)
        yield (
            "warning",
            f"{node.operator} has no parameter '{parameter.name}', it is ignored. {hint}".rstrip(),
        )
    elif known.name != parameter.name and parameter.is_set:
        yield "warning", f"{parameter.name}: an old name, write {known.name}"


def _value(node: Node, spec: ParameterSpec) -> Iterator[tuple[Severity, str]]:
    parameter = stated(node, spec)
    if parameter is None:
        if spec.changed and not (spec.name == "demName" and node.value("externalDEMFile")):
            yield "warning", _state_it(spec)
        return
    if "." in parameter.refid:
        yield (
            "warning",
            f"{spec.name} takes its value from '{parameter.refid}' at run time: only SNAP can do that",
        )
    if parameter.refid or any(names_in(part.value, node) for part in parameter.walk()):
        return
    try:
        typed_value(node, spec)
    except GraphError as error:
        advice = _script_word(parameter.value) or error.advice
        yield "error", f"{parameter.name}: '{parameter.value}' is not permitted. {advice}"
        return
    yield from _doubtful_text(parameter.value, spec)


def _state_it(spec: ParameterSpec) -> str:
    return (
        f"{spec.name} is not stated, and its default depends on the version of SNAP: "
        f"'{spec.default}' in SNAP 14, {spec.changed}. State it explicitly"
    )


def _doubtful_text(value: str, spec: ParameterSpec) -> Iterator[tuple[Severity, str]]:
    if spec.kind not in ("string", "file", "wkt", "list"):
        return
    word = _script_word(value)
    if word:
        yield "warning", f"{spec.name}: {word}"
    elif spec.kind == "string" and spec.allowed and value not in spec.allowed:
        yield "warning", f"{spec.name}: '{value}' is not among the known values: {', '.join(spec.allowed)}"


def _script_word(value: str) -> str:
    match = _SCRIPT_WORDS.search(value)
    if match is None:
        return ""
    return f"'{match[0]}' looks like a word that a script should have replaced: write ${{...}} and use -P"


def _grid(node: Node) -> Iterator[tuple[Severity, str]]:
    """Hint when the standard grid puts pixel centres, not edges, on multiples of the spacing.

    SNAP aligns centres, so that edges need an origin of half a pixel.
    """
    texts = [
        node.value(name) or "0"
        for name in ("pixelSpacingInMeter", "standardGridOriginX", "standardGridOriginY")
    ]
    if node.value("alignToStandardGrid").lower() != "true" or any(names_in(text, node) for text in texts):
        return
    try:
        spacing, *origins = (float(text) for text in texts)
    except ValueError:
        return
    if spacing > 0 and any(not math.isclose(abs(origin) % spacing, spacing / 2) for origin in origins):
        yield (
            "hint",
            "standardGridOriginX/Y names pixel centres; to bring pixel edges to multiples of the spacing, "
            f"make both half of it: {spacing / 2:g}",
        )


def _target_size(node: Node, spec: OperatorSpec) -> Iterator[tuple[Severity, str]]:
    """The size of Resample; of values that are wrong themselves others tell."""
    try:
        problem = size_problem({known.name: _said(node, known) for known in spec.parameters})
    except GraphError:
        return
    if problem:
        yield "error", problem


def _said(node: Node, spec: ParameterSpec) -> Value:
    """The typed value, or its text where it holds a placeholder: something is said then."""
    parameter = stated(node, spec)
    if parameter is not None and (parameter.refid or names_in(parameter.value, node)):
        return parameter.value or parameter.refid
    return typed_value(node, spec)


def _target_bands(node: Node) -> Iterator[tuple[Severity, str]]:
    bands = node.parameter("targetBands")
    if bands is None or not bands.children:
        yield "error", "targetBands: BandMaths needs at least one target band"
        return
    for band in bands.children:
        if not (band.child("name") and band.child("expression")):
            yield "error", f"targetBands: <{band.name}> needs a name and an expression"
        for name in ("expression", "validExpression"):
            yield from _expression(node, band.child(name))


def _expression(node: Node, text: str) -> Iterator[tuple[Severity, str]]:
    if not text or names_in(text, node):
        return
    try:
        parse(text)
    except GraphError as error:
        yield "error", f"targetBands: {error.message}. {error.advice}".rstrip()
