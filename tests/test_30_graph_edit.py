"""Recipes fitted to what there is: branches taken out, slices put together."""

from __future__ import annotations

import pytest

from s1card.errors import GraphError
from s1card.graph.check import check, has_errors
from s1card.graph.edit import bypassed, fitted_to_sub_swaths, with_slices, without_nodes
from s1card.graph.model import Graph, Node, SourceRef
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph

COHERENCE, BACKSCATTER = "card-coh6", "card-bs-slc"


def recipe(name: str) -> Graph:
    return read_graph(find_recipe(name))


def node(name: str, *sources: str) -> Node:
    return Node(name, "Subset", tuple(SourceRef(f"s{k}", source) for k, source in enumerate(sources)))


def links(graph: Graph) -> dict[str, list[str]]:
    return {node.id: [source.ref for source in node.sources] for node in graph.nodes}


FORK = Graph((node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c"), node("e", "c")))


def test_what_loses_all_its_sources_goes_too() -> None:
    assert links(without_nodes(FORK, ["c"])) == {"a": [], "b": ["a"], "d": ["b"]}
    with pytest.raises(GraphError, match="nothing is left"):
        without_nodes(FORK, ["a"])


def test_a_node_left_out_is_replaced_by_its_source() -> None:
    assert links(bypassed(FORK, "c")) == {"a": [], "b": ["a"], "d": ["b", "a"], "e": ["a"]}
    with pytest.raises(GraphError, match="2 sources"):
        bypassed(FORK, "d")
    with pytest.raises(GraphError):
        bypassed(FORK, "nobody")


@pytest.mark.parametrize("name", [COHERENCE, BACKSCATTER])
def test_all_sub_swaths_are_the_recipe_itself(name: str) -> None:
    graph = recipe(name)
    assert fitted_to_sub_swaths(graph, ["IW1", "IW2", "IW3"]) is graph


@pytest.mark.parametrize("name", [COHERENCE, BACKSCATTER])
def test_two_sub_swaths_are_merged(name: str) -> None:
    graph = fitted_to_sub_swaths(recipe(name), ["IW1", "IW2"])
    assert {n.value("subswath") for n in graph.nodes if n.operator == "TOPSAR-Split"} == {"IW1", "IW2"}
    assert links(graph)["TOPSAR-Merge"] == ["TOPSAR-Deburst-IW1", "TOPSAR-Deburst-IW2"]


@pytest.mark.parametrize("name", [COHERENCE, BACKSCATTER])
def test_one_sub_swath_needs_no_merge(name: str) -> None:
    graph = fitted_to_sub_swaths(recipe(name), ["IW3"])
    assert not [n for n in graph.nodes if n.operator == "TOPSAR-Merge" or n.id.endswith("IW1")]
    assert "TOPSAR-Deburst-IW3" in {source for sources in links(graph).values() for source in sources}
    assert not has_errors(check(graph))


def test_no_branch_for_a_sub_swath() -> None:
    with pytest.raises(GraphError, match="IW1, IW2, IW3, not EW1"):
        fitted_to_sub_swaths(recipe(COHERENCE), ["EW1"])


def test_a_graph_without_sub_swaths_stays() -> None:
    graph = recipe("card-bs")
    assert fitted_to_sub_swaths(graph, ["IW"]) is graph


class TestSlices:
    def test_one_slice_is_the_recipe_itself(self) -> None:
        graph = recipe(COHERENCE)
        assert with_slices(graph, "Read-Reference", ["one.zip"]) is graph

    def test_an_assembly_takes_the_place_of_the_reader(self) -> None:
        graph = with_slices(recipe(COHERENCE), "Read-Reference", ["${reference}", "two.zip", "three.zip"])
        assembly = graph.node("Read-Reference")
        assert assembly.operator == "SliceAssembly"
        reads = [graph.node(source.ref) for source in assembly.sources]
        assert [read.value("file") for read in reads] == ["${reference}", "two.zip", "three.zip"]
        assert links(graph)["Apply-Orbit-File-Reference"] == ["Read-Reference"]
        assert [n.id for n in graph.in_order()].index("Read-Reference-3") < [
            n.id for n in graph.in_order()
        ].index("Read-Reference")

    def test_only_the_file_differs(self) -> None:
        graph = with_slices(recipe(COHERENCE), "Read-Secondary", ["a", "b"])
        first, second = (graph.node(f"Read-Secondary-{k}").parameters for k in (1, 2))
        assert [p for p in first if p.name != "file"] == [p for p in second if p.name != "file"]
