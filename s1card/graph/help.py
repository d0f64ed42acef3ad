"""Help on operators in the form of SNAP's ``gpt -h``, which scripts and pyroSAR read.

The sections, their order, and the sentences on value sets, intervals, units and defaults are an interface: pyroSAR
makes the nodes of its workflows from the block ``Graph XML Format`` and from ``Default value is '...'``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from lxml import etree

from s1card.graph.operator_spec import Kind, OperatorSpec, ParameterSpec
from s1card.graph.operators import OPERATORS

WIDTH = 100
"""Columns of a line of help. Sentences that programs look for are never broken."""

_TYPES: dict[Kind, str] = {
    "string": "string",
    "bool": "boolean",
    "int": "int",
    "double": "double",
    "list": "string,string,string,...",
    "enum": "string",
    "file": "file",
    "wkt": "string",
    "rectangle": "rectangle",
    "nested": "",
}

_MEMBERS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "targetBands": (
        "targetBand",
        (
            ("name", "string"),
            ("expression", "string"),
            ("description", "string"),
            ("type", "string"),
            ("validExpression", "string"),
            ("noDataValue", "string"),
            ("unit", "string"),
            ("spectralBandIndex", "integer"),
            ("spectralWavelength", "float"),
            ("spectralBandwidth", "float"),
            ("scalingOffset", "double"),
            ("scalingFactor", "double"),
        ),
    ),
    "variables": ("variable", (("name", "string"), ("type", "string"), ("value", "string"))),
    "includes": (
        "include",
        (("productId", "string"), ("name", "string"), ("newName", "string"), ("namePattern", "string")),
    ),
    "excludes": (
        "exclude",
        (("productId", "string"), ("name", "string"), ("newName", "string"), ("namePattern", "string")),
    ),
}
"""Element and members of parameters that hold elements."""

_AND_SO_ON = "_.002e.."
"""How SNAP spells an element named ``...``: further elements of the same kind may follow."""


def operator_help(spec: OperatorSpec, program: str = "gpt") -> str:
    """All that is to know of an operator: usage, sources, parameters, its node in a graph.

    Args:
        spec: The operator.
        program: Name of the command.
    """
    sections = [
        ("Usage", [f"  {program} {spec.name} [options] {_files(spec)}".rstrip()]),
        ("Description", textwrap.wrap(spec.description, WIDTH, initial_indent="  ", subsequent_indent="  ")),
        ("Source Options", list(_definitions(_source_entries(spec)))),
        ("Parameter Options", list(_definitions(_parameter_entries(spec)))),
        ("Graph XML Format", textwrap.indent(_graph_xml(spec), "  ").splitlines()),
    ]
    return "\n\n".join("\n".join((f"{title}:", *lines)) for title, lines in sections if lines) + "\n"


def operator_list(names: Iterable[str] = OPERATORS) -> str:
    """One line per operator: name and what it does."""
    specs = [OPERATORS[name] for name in sorted(names, key=str.casefold)]
    return "\n".join(_definitions([(spec.name, [spec.description]) for spec in specs])) + "\n"


def source_names(spec: OperatorSpec) -> tuple[str, ...]:
    """Names under which ``-S`` gives products to an operator of its own, the first of them that of the help."""
    if spec.sources == (0, 0):
        return ()
    return ("sourceProducts",) if spec.sources[1] != 1 else ("source", "sourceProduct")


def _files(spec: OperatorSpec) -> str:
    if spec.sources == (0, 0):
        return ""
    return "<source-file>" if spec.sources[1] == 1 else "<source-file-1> <source-file-2> ..."


def _source_entries(spec: OperatorSpec) -> list[tuple[str, list[str]]]:
    if spec.sources[1] != 1:
        return []
    (name, *_) = source_names(spec)
    sentences = [f"Takes the product '{name}' from <file>.", "This is a mandatory source."]
    return [(f"-S{name}=<file>", sentences)]


def _parameter_entries(spec: OperatorSpec) -> list[tuple[str, list[str]]]:
    """Parameters that the command line can give, in alphabetical order, with their sentences."""
    given = sorted((p for p in spec.parameters if p.kind != "nested"), key=lambda p: p.name)
    return [(f"-P{p.name}=<{_TYPES[p.kind]}>", _sentences(p)) for p in given]


def _sentences(parameter: ParameterSpec) -> list[str]:
    description = parameter.description
    sentences = [description[:1].upper() + description[1:] + "."]
    if parameter.unit:
        sentences.append(f"Parameter unit is '{parameter.unit}'.")
    if parameter.allowed:
        values = ", ".join(f"'{value}'" for value in parameter.allowed)
        known = "Known values are" if parameter.kind == "string" else "Value must be one of"
        sentences.append(f"{known} {values}.")
    if parameter.interval:
        sentences.append(f"Valid interval is {parameter.interval}.")
    if parameter.default:
        sentences.append(f"Default value is '{parameter.default}'.")
    return sentences


def _definitions(entries: list[tuple[str, list[str]]]) -> Iterator[str]:
    """Lines of a list of terms, each with a sentence per line in a second column."""
    column = max((len(term) for term, _ in entries), default=0) + 6
    for term, sentences in entries:
        for number, sentence in enumerate(sentences):
            yield f"  {term if number == 0 else '':<{column - 2}}{sentence}"


def _graph_xml(spec: OperatorSpec) -> str:
    """The node in a graph, with types in place of values."""
    graph = etree.Element("graph", id="someGraphId")
    etree.SubElement(graph, "version").text = "1.0"
    node = etree.SubElement(graph, "node", id="someNodeId")
    etree.SubElement(node, "operator").text = spec.name
    sources = etree.SubElement(node, "sources")
    for name in source_names(spec)[:1]:
        etree.SubElement(sources, name).text = f"${{{name}}}"
    parameters = etree.SubElement(node, "parameters")
    for parameter in spec.parameters:
        _add_parameter(parameters, parameter)
    etree.indent(graph, "  ")
    return etree.tostring(graph, encoding="unicode")


def _add_parameter(parent: etree._Element, parameter: ParameterSpec) -> None:
    element = etree.SubElement(parent, parameter.name)
    if parameter.kind != "nested":
        element.text = _TYPES[parameter.kind]
        return
    member, fields = _MEMBERS[parameter.name]
    first = etree.SubElement(element, member)
    for name, type_name in fields:
        etree.SubElement(first, name).text = type_name
    etree.SubElement(element, _AND_SO_ON)
