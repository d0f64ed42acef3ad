"""Help on operators: everything that the table knows is told, in the form that programs read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from s1card.graph.help import operator_help, operator_list, source_names
from s1card.graph.model import Node, Parameter
from s1card.graph.operators import OPERATORS, resolve_parameters
from s1card.graph.xml import read_graph

WITHOUT_SOURCES = ("Read", "ProductSet-Reader")


def xml_block(name: str) -> str:
    return operator_help(OPERATORS[name]).partition("Graph XML Format:\n")[2]


def told(name: str, parameter: str) -> str:
    """What the help says of a parameter, in one line."""
    section = operator_help(OPERATORS[name]).partition("Parameter Options:\n")[2].partition("\n\n")[0]
    entries = re.split(r"^  -P", section, flags=re.MULTILINE)
    (entry,) = (e for e in entries if e.startswith(f"{parameter}=<"))
    return " ".join(entry.split())


def node_as_pyrosar_parses_it(name: str) -> dict[str, str | None]:
    """Parameters and defaults of a node by the rules of pyroSAR's parse_node."""
    text = operator_help(OPERATORS[name])
    graph = re.search("<graph id.*", text, flags=re.DOTALL)
    assert graph is not None
    tree = ET.fromstring(re.sub(r">\${.*", "/>", graph.group()))
    sources = tree.find("node/sources")
    assert sources is not None
    assert (len(sources) > 0) == (name not in WITHOUT_SOURCES)
    parameters = tree.find("node/parameters")
    assert parameters is not None
    defaults: dict[str, str | None] = {}
    for element in parameters:
        part = re.search(rf"-P{element.tag}.*?-P", text + "-P", re.DOTALL)
        found = re.search(r"Default\ value\ is '([a-zA-Z0-9 ._\(\)]+)'", part.group()) if part else None
        defaults[element.tag] = found[1] if found else None
    return defaults


@pytest.mark.parametrize("name", OPERATORS)
def test_help_has_all_sections_and_every_parameter(name: str) -> None:
    text = operator_help(OPERATORS[name])
    assert text.startswith(f"Usage:\n  gpt {name} [options]")
    titles = re.findall(r"^(\w[\w ]+):$", text, re.MULTILINE)
    expected = ["Usage", "Description", "Source Options", "Parameter Options", "Graph XML Format"]
    assert titles == [title for title in expected if title in titles]
    assert {"Usage", "Description", "Graph XML Format"} <= set(titles)
    for parameter in OPERATORS[name].parameters:
        if parameter.kind != "nested":
            sentence = told(name, parameter.name)
            assert all(f"'{value}'" in sentence for value in parameter.allowed)
            assert parameter.interval in sentence
            assert not parameter.default or f"Default value is '{parameter.default}'." in sentence


@pytest.mark.parametrize("name", OPERATORS)
def test_xml_block_is_a_graph_with_the_parameters_in_order(name: str) -> None:
    root = ET.fromstring(xml_block(name))
    assert root.findtext("version") == "1.0"
    assert root.findtext("node/operator") == name
    parameters = root.find("node/parameters")
    assert parameters is not None
    assert [element.tag for element in parameters] == list(OPERATORS[name].names)
    assert [e.text for e in root.iterfind("node/sources/")] == [
        f"${{{source}}}" for source in source_names(OPERATORS[name])[:1]
    ]


@pytest.mark.parametrize("name", OPERATORS)
def test_a_node_made_from_the_help_means_the_defaults(name: str) -> None:
    """What pyroSAR makes of the help resolves to what an empty node resolves to."""
    defaults = node_as_pyrosar_parses_it(name)
    assert list(defaults) == list(OPERATORS[name].names)
    stated = tuple(Parameter(key, value) for key, value in defaults.items() if value)
    assert resolve_parameters(Node("a", name, parameters=stated)) == resolve_parameters(Node("b", name))


def test_bandmaths_has_the_elements_that_pyrosar_looks_for() -> None:
    root = ET.fromstring(xml_block("BandMaths"))
    for plural, members in (
        ("targetBands", ("name", "type", "expression", "description", "unit", "noDataValue")),
        ("variables", ("name", "type", "value")),
    ):
        element = root.find(f"node/parameters/{plural}")
        assert element is not None
        assert element[-1].tag == "_.002e.."
        assert set(members) <= {child.tag for child in element[0]}


def test_sources_are_named_as_the_operators_take_them() -> None:
    assert "-Ssource=<file>" in operator_help(OPERATORS["Calibration"])
    assert "<sourceProducts>${sourceProducts}</sourceProducts>" in operator_help(OPERATORS["BandMerge"])
    assert "Source Options" not in operator_help(OPERATORS["Read"])


def test_a_graph_of_the_help_is_read_by_ourselves() -> None:
    graph = read_graph(xml_block("Calibration"))
    assert graph.nodes[0].value("outputGammaBand") == "boolean"


def test_list_has_one_line_per_operator() -> None:
    lines = operator_list().splitlines()
    assert [line.split()[0] for line in lines] == sorted(OPERATORS, key=str.casefold)
    assert all(OPERATORS[line.split()[0]].description in line for line in lines)
