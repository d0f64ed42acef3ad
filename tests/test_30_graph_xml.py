"""Graphs read and written."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s1card.errors import GraphError
from s1card.graph import (
    Graph,
    Header,
    HeaderSource,
    Node,
    Parameter,
    RecipeParameter,
    SourceRef,
    read_graph,
    write_graph,
)

READ = '<node id="Read"><operator>Read</operator><sources/><parameters><file>a.zip</file></parameters></node>'


def document(body: str, *, version: str = "<version>1.0</version>", before: str = "") -> str:
    return f'{before}<graph id="G">{version}{body}</graph>'


def test_reads_nodes_sources_parameters_and_lines() -> None:
    graph = read_graph(
        """<graph id="Graph">
  <version>1.0</version>
  <node id="Cal">
    <operator>Calibration</operator>
    <sources><sourceProduct refid="Read"/></sources>
    <parameters class="com.bc.ceres.binding.dom.XppDomElement">
      <sourceBands/>
      <outputBetaBand>
        true
      </outputBetaBand>
    </parameters>
  </node>
  <node id="Read"><operator>Read</operator><sources/></node>
</graph>"""
    )
    calibration, read = graph.nodes
    assert (graph.id, calibration.operator, calibration.line, read.line) == ("Graph", "Calibration", 3, 13)
    assert calibration.sources == (SourceRef("sourceProduct", "Read"),)
    assert calibration.value("outputBetaBand") == "true"
    assert calibration.parameter("sourceBands") is None
    assert calibration.parameters[0] == Parameter("sourceBands")
    assert graph.in_order() == (read, calibration)
    assert graph.outputs() == (calibration,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document(READ, version=""), "no version"),
        (document(READ, version="<version>1.1</version>"), "version '1.1'"),
        (document(READ + READ), "two nodes have the id 'Read'"),
        (document('<node id="A"><sources/></node>'), "node 'A' has no operator"),
        (document("<node><operator>Read</operator></node>"), "no id"),
        (document(""), "no nodes"),
        (document(READ.replace("<sources/>", "<sources><s/></sources>")), "names no node"),
        (document(READ.replace("<sources/>", '<sources><s refid="X"/></sources>')), "missing source 'X'"),
        (document(READ + "<nodes/>"), "unknown element <nodes>"),
        ("<chain/>", "root element is <chain>"),
        ("<graph><version>1.0</version>", "not well-formed"),
        (document("&unknown;" + READ), "not well-formed"),
    ],
)
def test_refuses_broken_graphs(text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message) as caught:
        read_graph(text)
    assert caught.value.exit_code == 2


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text(document("\n\n" + READ + "\n" + READ))
    with pytest.raises(GraphError, match=r"broken\.xml, line 4: two nodes"):
        read_graph(path)


def test_missing_file_is_an_error_and_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="cannot be read"):
        read_graph(tmp_path / "none.xml")


def test_entities_are_never_expanded_nor_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    body = READ.replace("a.zip", "&x;")
    for declaration in (
        f'<!DOCTYPE graph [<!ENTITY x SYSTEM "{secret.as_uri()}">]>',
        '<!DOCTYPE graph [<!ENTITY x SYSTEM "http://example.com/x">]>',
        '<!DOCTYPE graph SYSTEM "http://example.com/graph.dtd">',
    ):
        with pytest.raises(GraphError, match=r"document type|not well-formed"):
            read_graph(document(body if "ENTITY" in declaration else READ, before=declaration))


def test_exponential_entities_end_at_once() -> None:
    lines = ['<!ENTITY a0 "xxxxxxxxxx">']
    lines += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)]
    before = f"<!DOCTYPE graph [{''.join(lines)}]>"
    for body in (READ.replace("a.zip", "&a11;"), READ.replace('id="Read"', 'id="&a11;"')):
        with pytest.raises(GraphError):
            read_graph(document(body, before=before))


def test_declared_encoding_is_honoured(tmp_path: Path) -> None:
    path = tmp_path / "latin.xml"
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n' + document(READ.replace("a.zip", "Köln.zip"))
    path.write_bytes(text.encode("latin-1"))
    assert read_graph(path).nodes[0].value("file") == "Köln.zip"
    assert read_graph(text).nodes[0].value("file") == "Köln.zip"
    path.write_bytes(text.replace("ISO-8859-1", "UTF-16").encode("utf-16"))
    assert read_graph(path).nodes[0].value("file") == "Köln.zip"


def test_node_names_differ_in_case_only_if_both_exist() -> None:
    graph = Graph((Node("Read", "Read"), Node("read", "Read"), Node("Cal", "Calibration")))
    assert graph.node("read").id == "read"
    assert graph.node("CAL").id == "Cal"
    with pytest.raises(GraphError, match="no node 'X'"):
        graph.node("X")


def test_circle_is_named() -> None:
    def node(name: str, source: str) -> Node:
        return Node(name, "Multilook", (SourceRef("sourceProduct", source),))

    graph = Graph((Node("Read", "Read"), node("A", "C"), node("B", "A"), node("C", "B")))
    with pytest.raises(GraphError, match="A -> C -> B -> A"):
        graph.in_order()


def test_a_long_chain_needs_no_recursion() -> None:
    nodes = [Node("n0", "Read")]
    nodes += [Node(f"n{i}", "Multilook", (SourceRef("s", f"n{i - 1}"),)) for i in range(1, 3000)]
    ordered = Graph(tuple(reversed(nodes))).in_order()
    assert ordered[0].id == "n0"
    assert ordered[-1].id == "n2999"


def test_application_data_is_kept() -> None:
    parts = ("<Description>My  chain</Description>", '<node id="Read" x="1.0"/>')
    data = f'<applicationData id="Presentation">{"".join(parts)}</applicationData>'
    graph = read_graph(document(READ + "\n  " + data.replace("><", ">\n<")))
    assert graph.description == "My chain"
    assert '<node id="Read" x="1.0"></node>' in graph.application_data[0]
    assert read_graph(write_graph(graph)) == graph


def test_values_that_xml_cannot_carry_are_refused() -> None:
    with pytest.raises(GraphError, match="cannot be written"):
        write_graph(Graph((Node("Read", "Read", (), (Parameter("file", "a\x00b"),)),)))


names = st.text(string.ascii_letters, min_size=1, max_size=8)
words = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Cn")) | st.sampled_from("\n\r\t<>&\"'$"),
    max_size=20,
).map(lambda text: text.strip(" \t\r\n"))
flat = st.builds(Parameter, name=names, value=words)
parameters = flat | st.builds(Parameter, names, children=st.lists(flat, min_size=1, max_size=3).map(tuple))
attributes = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc",)), max_size=12
)
allowed = st.lists(names, max_size=3).map(tuple)
headers = st.builds(
    Header,
    target=names,
    sources=st.lists(st.builds(HeaderSource, names, st.booleans(), attributes), max_size=2).map(tuple),
    parameters=st.lists(
        st.builds(
            RecipeParameter, names, names, st.none() | attributes, attributes, attributes, allowed, attributes
        ),
        max_size=3,
    ).map(tuple),
)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    ids = draw(st.lists(words.filter(bool), min_size=1, max_size=5, unique=True))
    nodes = []
    for node_id in ids:
        refs = draw(st.lists(st.sampled_from(ids), max_size=2))
        sources = tuple(SourceRef(f"sourceProduct.{i}", ref) for i, ref in enumerate(refs))
        chosen = tuple(draw(st.lists(parameters, max_size=4)))
        nodes.append(Node(node_id, draw(names), sources, chosen))
    return Graph(tuple(nodes), draw(names), draw(st.none() | headers))


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_what_is_written_reads_back_the_same(graph: Graph) -> None:
    text = write_graph(graph)
    again = read_graph(text)
    assert again == graph
    assert write_graph(again) == text


def test_snap_graphs_read_and_round_trip(shared: Path) -> None:
    paths = sorted((shared / "snap" / "graphs").glob("*.xml"))
    assert paths
    for path in paths:
        graph = read_graph(path)
        assert read_graph(write_graph(graph)) == graph
        assert graph.in_order()[-1].operator == "Write"
