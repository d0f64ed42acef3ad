"""Recipes filled: placeholders, sources, targets, single parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
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
    fill,
    missing_values,
    override_parameter,
    placeholders,
    positional_sources,
    read_graph,
    recipe_parameters,
    refuse_unknown,
    with_sources,
    with_target,
    write_graph,
)


def one(value: str, *, sources: tuple[SourceRef, ...] = ()) -> Graph:
    return Graph((Node("Read", "Read"), Node("X", "BandMaths", sources, (Parameter("p", value),))))


def filled(value: str, **values: str) -> str:
    return fill(one(value), values).node("X").value("p")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${a}", "1"),
        ("$a", "1"),
        ("${a}${a}$a", "111"),
        ("x_${a}_VV", "x_1_VV"),
        ("$input1 and $input10", "one and ten"),
        ("${input1}0", "one0"),
        ("$input12", "$input12"),
        ("${unknown}", "${unknown}"),
        ("$a.b", "dotted"),
        ("$a-b", "1-b"),
        ("$", "$"),
        ("${}", "${}"),
        ("$1.Sigma0_VV", "$1.Sigma0_VV"),
        ('PROJCS["$input10 / World Geodetic System 1984"]', 'PROJCS["ten / World Geodetic System 1984"]'),
        ("  ${blank}  ", ""),
    ],
)
def test_placeholders_of_both_styles(text: str, expected: str) -> None:
    values = {"a": "1", "a.b": "dotted", "input1": "one", "input10": "ten", "1": "wrong", "blank": " "}
    assert fill(one(text), values).node("X").value("p") == expected


def test_values_are_not_searched_again_and_cannot_change_the_structure() -> None:
    assert filled("${a}", a="${b}", b="no") == "${b}"
    hostile = "</file><formatName>x</formatName><!-- & ]]>"
    graph = fill(one("${a}"), {"a": hostile})
    again = read_graph(write_graph(graph))
    assert again == graph
    assert again.node("X").value("p") == hostile


def test_everything_in_a_node_is_filled() -> None:
    band = Parameter("targetBand", children=(Parameter("expression", "coh_${ext} * 2"),))
    node = Node("N", "${op}", (SourceRef("source", "${src}"),), (Parameter("targetBands", children=(band,)),))
    graph = fill(Graph((Node("Read", "Read"), node)), {"ext": "VV", "op": "BandMaths", "src": "Read"})
    node = graph.node("N")
    assert node.operator == "BandMaths"
    assert node.sources == (SourceRef("source", "Read"),)
    assert node.parameters[0].children[0].child("expression") == "coh_VV * 2"


def test_references_are_checked_when_filled() -> None:
    graph = one("x", sources=(SourceRef("source", "${src}"),))
    with pytest.raises(GraphError, match="missing source 'nobody' in node 'X'"):
        fill(graph, {"src": "nobody"})


@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), st.text("ab ${}", max_size=5)))
def test_filling_without_known_names_changes_nothing(values: dict[str, str]) -> None:
    graph = one("${UNKNOWN} $OTHER.x text $ {a}")
    assert fill(graph, values) == graph


def test_left_placeholders_are_listed_without_those_of_snap() -> None:
    text = "${a} $b $a ${ORIGINAL_NAME}_S${SLAVE_NUMBER_ID} $1.band $sourceProduct.band $other.band"
    graph = one(text, sources=(SourceRef("sourceProduct", "Read"),))
    assert [p.name for p in placeholders(graph)] == ["a", "b", "other.band"]
    assert (placeholders(graph)[0].node, placeholders(graph)[0].place) == ("X", "p")


HEADER = Header(
    parameters=(
        RecipeParameter("spacing", "double", "10", interval="(0,*)"),
        RecipeParameter("sea", "boolean", "false", allowed=("true", "false")),
        RecipeParameter("dem", "File"),
    )
)


def recipe() -> Graph:
    parameters = tuple(Parameter(n, f"${{{n}}}") for n in ("spacing", "sea", "dem", "extra"))
    return Graph((Node("X", "Read", (), parameters),), header=HEADER)


def test_header_defaults_fill_what_the_caller_left() -> None:
    node = fill(recipe(), {"dem": "d.tif"}).node("X")
    assert [p.value for p in node.parameters] == ["10", "false", "d.tif", "${extra}"]
    bare = fill(recipe(), {"spacing": "20"}, defaults=False).node("X")
    assert [p.value for p in bare.parameters] == ["20", "${sea}", "${dem}", "${extra}"]


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("spacing", "0", r"interval: \(0,\*\)"),
        ("spacing", "ten", "A number is needed"),
        ("sea", "maybe", "True or false"),
    ],
)
def test_header_restrictions_hold(name: str, value: str, advice: str) -> None:
    with pytest.raises(GraphError, match=advice):
        fill(recipe(), {name: value})


def test_parameters_of_a_recipe() -> None:
    assert [p.name for p in recipe_parameters(recipe())] == ["spacing", "sea", "dem", "extra"]
    assert [p.name for p in missing_values(recipe(), {"extra": "1"})] == ["dem"]
    refuse_unknown(recipe(), ["spacing", "extra"])
    with pytest.raises(GraphError, match="Did you mean 'spacing'"):
        refuse_unknown(recipe(), ["spacin"])


def test_references_to_header_parameters_are_filled() -> None:
    graph = Graph((Node("X", "Read", (), (Parameter("file", refid="dem"),)),), header=HEADER)
    assert [p.name for p in placeholders(graph)] == ["dem"]
    assert fill(graph, {"dem": "d.tif"}).node("X").parameters == (Parameter("file", "d.tif"),)


def test_named_sources_become_read_nodes() -> None:
    cal = Node("Cal", "Calibration", (SourceRef("sourceProduct", "${input}"),))
    graph = with_sources(Graph((cal,)), {"input": "a.zip", "unused": "b.zip"})
    read, cal = graph.in_order()
    assert (read.operator, read.value("file")) == ("Read", "a.zip")
    assert cal.sources == (SourceRef("sourceProduct", read.id),)
    assert len(graph.nodes) == 2


def test_sources_of_the_header_are_filled_by_name() -> None:
    cal = Node("Cal", "Calibration", (SourceRef("source", "scene"),))
    graph = Graph((cal,), header=Header(sources=(HeaderSource("scene"),)))
    assert with_sources(graph, {"scene": "a.zip"}).in_order()[0].value("file") == "a.zip"


def test_positional_sources_have_snaps_names() -> None:
    names = positional_sources(["a", "b"])
    assert names["sourceProduct"] == names["sourceProduct.1"] == names["sourceProduct1"] == "a"
    assert names["sourceProduct.2"] == names["sourceProduct2"] == "b"
    merge = Node("M", "BandMerge", (SourceRef("sourceProducts", "${sourceProducts}"),))
    graph = with_sources(Graph((merge,)), names)
    assert [node.value("file") for node in graph.sources_of(graph.node("M"))] == ["a", "b"]
    assert len(graph.nodes) == 3
    back = Node(
        "B", "Back-Geocoding", (SourceRef("a", "$sourceProduct.2"), SourceRef("b", "${sourceProduct}"))
    )
    graph = with_sources(Graph((back,)), names)
    assert [node.value("file") for node in graph.sources_of(graph.node("B"))] == ["b", "a"]


def test_generated_names_do_not_collide() -> None:
    nodes = (Node("Read-x", "Read"), Node("C", "Calibration", (SourceRef("s", "$x"),)))
    graph = with_sources(Graph(nodes), {"x": "a.zip"})
    assert graph.node("C").sources[0].ref == "Read-x(2)"


@pytest.mark.parametrize(
    ("file", "given_format", "expected"),
    [
        ("out.dim", "", "BEAM-DIMAP"),
        ("out", "", "BEAM-DIMAP"),
        ("out.TIF", "", "GeoTIFF"),
        ("out.tif", "GeoTIFF-BigTIFF", "GeoTIFF-BigTIFF"),
        ("out.xyz", "ENVI", "ENVI"),
    ],
)
def test_a_target_is_written_if_the_graph_does_not_write(file: str, given_format: str, expected: str) -> None:
    graph = Graph((Node("Cal", "Calibration", (SourceRef("s", "Read"),)), Node("Read", "Read")))
    write = with_target(graph, file, given_format).in_order()[-1]
    assert (write.operator, write.value("file"), write.value("formatName")) == ("Write", file, expected)
    assert write.sources[0].ref == "Cal"


def test_a_target_is_ignored_if_the_graph_writes_already() -> None:
    graph = Graph((Node("Read", "Read"), Node("Out", "Write", (SourceRef("s", "Read"),))))
    assert with_target(graph, "other.xyz") is graph
    with pytest.raises(GraphError, match="no output format"):
        with_target(Graph((Node("Read", "Read"),)), "other.xyz")


def test_a_single_parameter_is_overridden_or_added() -> None:
    graph = override_parameter(one("old"), "X", "p", " new ")
    assert graph.node("X").parameters == (Parameter("p", "new"),)
    assert override_parameter(graph, "X", "q", "1").node("X").value("q") == "1"
    with pytest.raises(GraphError, match="no node 'Y'"):
        override_parameter(graph, "Y", "p", "new")
