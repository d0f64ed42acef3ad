"""Recipes fitted to what there is: branches taken out, slices put together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from s1card.errors import GraphError
from s1card.graph.model import Graph, Node, Parameter, SourceRef


def without_nodes(graph: Graph, ids: Collection[str]) -> Graph:
    """The graph without some nodes, without those that lose all their sources by that, and without references to them.

    Raises:
        GraphError: Nothing is left.
    """
    gone = set(ids)
    for node in graph.in_order():
        if node.sources and all(source.ref in gone for source in node.sources):
            gone.add(node.id)
    nodes = tuple(_without_sources(node, gone) for node in graph.nodes if node.id not in gone)
    if not nodes:
        raise GraphError("nothing is left of the graph")
    return replace(graph, nodes=nodes)


def bypassed(graph: Graph, node_id: str) -> Graph:
    """The graph without a node of one source: who read the node reads that source.

    Raises:
        GraphError: There is no such node, or it has more or fewer sources.
    """
    node = graph.node(node_id)
    if len(node.sources) != 1:
        raise GraphError(f"node '{node_id}' has {len(node.sources)} sources and cannot be left out")
    (source,) = node.sources

    def redirected(other: Node) -> Node:
        sources = (replace(s, ref=source.ref) if s.ref == node_id else s for s in other.sources)
        return replace(other, sources=tuple(sources))

    return replace(graph, nodes=tuple(redirected(other) for other in graph.nodes if other.id != node_id))


def fitted_to_sub_swaths(graph: Graph, swaths: Collection[str]) -> Graph:
    """The graph without the branches of other sub-swaths; a TOPSAR-Merge of a single one falls away.

    Raises:
        GraphError: It has no branch for any of them.
    """
    splits = [node for node in graph.nodes if node.operator == "TOPSAR-Split"]
    others = [node.id for node in splits if node.value("subswath") not in swaths]
    if not others:
        return graph
    if len(others) == len(splits):
        present = ", ".join(dict.fromkeys(str(node.value("subswath")) for node in splits))
        raise GraphError(
            f"the graph splits off {present}, not {', '.join(swaths)}",
            advice="Take a graph that is made for these sub-swaths",
        )
    graph = without_nodes(graph, others)
    for node in graph.nodes:
        if node.operator == "TOPSAR-Merge" and len(node.sources) == 1:
            graph = bypassed(graph, node.id)
    return graph


def with_slices(graph: Graph, read_id: str, files: Sequence[str]) -> Graph:
    """The graph with a SliceAssembly of several files in place of a Read node of the first of them.

    Raises:
        GraphError: There is no such node.
    """
    read = graph.node(read_id)
    if len(files) == 1:
        return graph
    names = [f"{read_id}-{number}" for number in range(1, len(files) + 1)]
    reads = [_reading(read, name, file) for name, file in zip(names, files, strict=True)]
    sources = (
        SourceRef("sourceProduct" if k == 0 else f"sourceProduct.{k}", name) for k, name in enumerate(names)
    )
    assembly = Node(
        read_id, "SliceAssembly", tuple(sources), (Parameter("selectedPolarisations"),), read.line
    )
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes += [*reads, assembly] if node.id == read.id else [node]
    return replace(graph, nodes=tuple(nodes))


def _reading(read: Node, name: str, file: str) -> Node:
    parameters = (replace(p, value=file) if p.name == "file" else p for p in read.parameters)
    return replace(read, id=name, parameters=tuple(parameters))


def _without_sources(node: Node, gone: Collection[str]) -> Node:
    return replace(node, sources=tuple(source for source in node.sources if source.ref not in gone))
