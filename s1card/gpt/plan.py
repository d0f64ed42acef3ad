"""From a call of ``gpt`` to a graph that an engine can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from s1card.errors import GraphError, UsageError
from s1card.gpt.arguments import Arguments
from s1card.gpt.parameter_file import read_parameter_file
from s1card.graph.closest import suggestion
from s1card.graph.fill import fill, positional_sources, with_sources, with_target
from s1card.graph.model import Graph, Node, Parameter, SourceRef
from s1card.graph.operator_spec import OperatorSpec
from s1card.graph.operators import OPERATORS, find_operator
from s1card.graph.xml import read_graph

EXTERNAL = "External DEM"


def planned(arguments: Arguments) -> Graph:
    """The graph of a call, with everything filled in.

    Raises:
        UsageError: The call, the graph file or the file of parameters is wrong.
    """
    given = read_parameter_file(Path(arguments.parameter_file)) if arguments.parameter_file else ()
    if arguments.names_graph:
        return _of_graph_file(arguments, given)
    return _of_operator(arguments, given)


def _of_graph_file(arguments: Arguments, given: Sequence[Parameter]) -> Graph:
    values = {p.name: p.value for p in given} | dict(arguments.parameters)
    graph = fill(read_graph(Path(arguments.name)), values)
    graph = with_sources(graph, {**positional_sources(arguments.files), **arguments.sources})
    return with_target(graph, arguments.target, arguments.format_name)


def _of_operator(arguments: Arguments, given: Sequence[Parameter]) -> Graph:
    spec = known_operator(arguments.name)
    parameters = _parameters(spec, {p.name: p for p in given}, arguments.parameters)
    reads = _reads(spec, arguments)
    sources = (
        SourceRef("sourceProduct" if k == 0 else f"sourceProduct.{k}", r.id) for k, r in enumerate(reads)
    )
    node = Node(spec.name, spec.name, tuple(sources), parameters)
    return with_target(Graph((*reads, node)), arguments.target, arguments.format_name)


def known_operator(name: str) -> OperatorSpec:
    """The operator of that name.

    Raises:
        GraphError: There is none, in the words of SNAP.
    """
    spec = find_operator(name)
    if spec is None:
        hint = suggestion(name, OPERATORS) or "'gpt -h' lists the operators"
        raise GraphError(f"SPI not found for operator '{name}'", advice=hint)
    return spec


def _parameters(
    spec: OperatorSpec, given: Mapping[str, Parameter], named: Mapping[str, str]
) -> tuple[Parameter, ...]:
    """Parameters of the node: those of the file, replaced by those of the command line."""
    for name in named:
        if spec.parameter(name) is None and name not in spec.ignored:
            hint = suggestion(name, spec.names) or f"'gpt -h {spec.name}' lists its parameters"
            raise GraphError(f"Operator '{spec.name}': unknown parameter '{name}'", advice=hint)
    own = {name: p for name, p in given.items() if spec.parameter(name) or name in spec.ignored}
    return tuple({**own, **{name: Parameter(name, value.strip()) for name, value in named.items()}}.values())


def _reads(spec: OperatorSpec, arguments: Arguments) -> tuple[Node, ...]:
    """A Read node per source: those that are named first, then the others, each file once."""
    named = [file for text in arguments.sources.values() for file in text.split(",") if file]
    files = list(dict.fromkeys([*named, *arguments.files]))
    least, greatest = spec.sources
    if len(files) < least:
        raise UsageError(
            f"Operator '{spec.name}': {_products(least)} must be given",
            advice="Name the file, or use -Ssource=<file>",
        )
    if greatest is not None and len(files) > greatest:
        raise UsageError(
            f"Operator '{spec.name}' takes {_products(greatest)}, {len(files)} are given: {', '.join(files)}"
        )
    ids = ["Read" if k == 0 else f"Read({k + 1})" for k in range(len(files))]
    return tuple(
        Node(i, "Read", parameters=(Parameter("file", file),)) for i, file in zip(ids, files, strict=True)
    )


def _products(number: int) -> str:
    return "one source product" if number == 1 else f"{number or 'no'} source products"


def names_external_dem(graph: Graph) -> bool:
    """Whether a node names an elevation model on disk."""
    return any(node.value("demName") == EXTERNAL and node.value("externalDEMFile") for node in graph.nodes)
