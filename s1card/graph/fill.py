"""Putting values into a recipe: placeholders, sources, target, single parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from s1card.errors import GraphError
from s1card.graph.closest import suggestion
from s1card.graph.model import Graph, Node, Parameter, RecipeParameter, SourceRef
from s1card.graph.substitute import names_in, substitute
from s1card.graph.values import check_allowed
from s1card.graph.xml import XML_SPACE, check_references, expand_sources

_FORMAT_OF_EXTENSION = {
    "": "BEAM-DIMAP",
    ".dim": "BEAM-DIMAP",
    ".tif": "GeoTIFF",
    ".tiff": "GeoTIFF",
    ".hdr": "ENVI",
    ".h5": "HDF5",
    ".nc": "NetCDF4-CF",
}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder that no value has replaced yet, and where it stands first."""

    name: str
    node: str
    line: int
    place: str


def fill(graph: Graph, values: Mapping[str, str], *, defaults: bool = True) -> Graph:
    """Replace ``${x}`` and ``$x`` by values, wherever they stand in the nodes.

    The replacement works on the parsed graph, so that no value can change the structure of the XML.
    Values are not searched for placeholders again, and unknown placeholders stay, as in SNAP. Beyond
    SNAP, defaults of the header fill what the caller left.

    Args:
        graph: The recipe.
        values: Value by name. Names that the graph does not use are ignored; see :func:`refuse_unknown`.
        defaults: Whether to take defaults from the header.

    Raises:
        GraphError: A value is outside what the header permits, or the graph's references break.
    """
    declared = graph.header.parameters if graph.header else ()
    for parameter in declared:
        if parameter.name in values:
            check_allowed(parameter, values[parameter.name])
    known = {p.name: p.default for p in declared if p.default is not None} if defaults else {}
    filled = _replaced(graph, {**known, **values})
    check_references(filled)
    return filled


def _replaced(graph: Graph, values: Mapping[str, str]) -> Graph:
    def put(text: str) -> str:
        new = substitute(text, values)
        return new if new == text else new.strip(XML_SPACE)

    nodes = (_with_references(node, values) for node in graph.nodes)
    return replace(graph, nodes=tuple(_mapped(node, put) for node in nodes))


def _with_references(node: Node, values: Mapping[str, str]) -> Node:
    """The node with ``<x refid="name"/>``, SNAP's other spelling of a recipe parameter, replaced."""
    parameters = (
        Parameter(p.name, values[p.refid].strip(XML_SPACE)) if p.refid in values else p
        for p in node.parameters
    )
    return replace(node, parameters=tuple(parameters))


def _mapped(node: Node, put: Callable[[str], str]) -> Node:
    sources = (SourceRef(source.name, put(source.ref)) for source in node.sources)
    return replace(
        node,
        id=put(node.id),
        operator=put(node.operator),
        sources=expand_sources(sources),
        parameters=tuple(_mapped_parameter(parameter, put) for parameter in node.parameters),
    )


def _mapped_parameter(parameter: Parameter, put: Callable[[str], str]) -> Parameter:
    children = tuple(_mapped_parameter(child, put) for child in parameter.children)
    return replace(parameter, value=put(parameter.value), children=children)


def placeholders(graph: Graph) -> tuple[Placeholder, ...]:
    """The placeholders that are left, each once, without those that SNAP itself resolves."""
    found: dict[str, Placeholder] = {}
    for node in graph.nodes:
        for place, text in _texts(node):
            for name in names_in(text, node):
                found.setdefault(name, Placeholder(name, node.id, node.line, place))
    return tuple(found.values())


def _texts(node: Node) -> Iterator[tuple[str, str]]:
    yield "id", node.id
    yield "operator", node.operator
    for source in node.sources:
        yield "sources", source.ref
    for parameter in node.parameters:
        if parameter.refid and "." not in parameter.refid:
            yield parameter.name, f"${{{parameter.refid}}}"
        for part in parameter.walk():
            yield parameter.name, part.value


def recipe_parameters(graph: Graph) -> tuple[RecipeParameter, ...]:
    """Everything a caller may set: the header's parameters, then placeholders without an entry there."""
    declared = graph.header.parameters if graph.header else ()
    names = {parameter.name for parameter in declared}
    return declared + tuple(RecipeParameter(p.name) for p in placeholders(graph) if p.name not in names)


def refuse_unknown(graph: Graph, names: Sequence[str]) -> None:
    """Refuse names that the graph does not use, which :func:`fill` like SNAP would silently ignore.

    Raises:
        GraphError: With the closest name.
    """
    known = [parameter.name for parameter in recipe_parameters(graph)]
    for name in names:
        if name not in known:
            hint = suggestion(name, known) or f"Its parameters are: {', '.join(known) or 'none'}"
            raise GraphError(f"the graph has no parameter '{name}'", subject=f"-P {name}", advice=hint)


def missing_values(graph: Graph, values: Mapping[str, str]) -> tuple[RecipeParameter, ...]:
    """The parameters that have neither a value nor a default."""
    return tuple(p for p in recipe_parameters(graph) if p.default is None and p.name not in values)


def positional_sources(files: Sequence[str]) -> dict[str, str]:
    """Names that SNAP gives to products on the command line: sourceProduct, sourceProduct.1, ..."""
    names = {"sourceProduct": files[0]} if files else {}
    for number, file in enumerate(files, 1):
        names |= {f"sourceProduct.{number}": file, f"sourceProduct{number}": file}
    return names


def with_sources(graph: Graph, sources: Mapping[str, str]) -> Graph:
    """Add a Read node for each source that the graph asks for, as SNAP does for ``-S`` and positionals.

    A node asks for source ``x`` by the reference ``${x}`` or ``$x``, or by the name of a source of the
    header. ``${sourceProducts}`` stands for all numbered ones.

    Args:
        graph: The recipe.
        sources: File by source name; the same file under several names is read once.
    """
    files = list(dict.fromkeys(sources.values()))
    first_name = {file: next(n for n, f in sources.items() if f == file) for file in files}
    node_ids = {file: _free_id(graph, f"Read-{first_name[file]}") for file in files}
    known = {name: node_ids[file] for name, file in sources.items()}
    numbered = [known[name] for name in known if re.fullmatch(r"sourceProduct\d+", name)]
    if numbered:
        known["sourceProducts"] = ",".join(numbered)
    declared = {source.name for source in graph.header.sources} if graph.header else set()
    wired = tuple(_wired(node, known, declared) for node in graph.nodes)
    wanted = {source.ref for node in wired for source in node.sources}
    reads = tuple(
        Node(node_ids[file], "Read", parameters=(Parameter("file", file),))
        for file in files
        if node_ids[file] in wanted
    )
    return replace(graph, nodes=reads + wired)


def _wired(node: Node, known: Mapping[str, str], declared: set[str]) -> Node:
    def put(ref: str) -> str:
        if ref in declared and ref in known:
            return known[ref]
        return substitute(ref, known)

    return replace(node, sources=expand_sources(SourceRef(s.name, put(s.ref)) for s in node.sources))


def _free_id(graph: Graph, wanted: str) -> str:
    number, node_id = 1, wanted
    while graph.find(node_id):
        number += 1
        node_id = f"{wanted}({number})"
    return node_id


def with_target(graph: Graph, file: str, format_name: str = "") -> Graph:
    """Append a Write if the graph has none, as SNAP does for ``-t`` and ``-f``.

    Args:
        graph: The recipe; returned as it is when it already writes.
        file: File to write.
        format_name: SNAP's format name; by default from the extension, BEAM-DIMAP without one.

    Raises:
        GraphError: The extension belongs to no known format.
    """
    if any(node.operator == "Write" for node in graph.nodes):
        return graph
    outputs = graph.outputs() or graph.nodes
    write = Node(
        _free_id(graph, "Write"),
        "Write",
        (SourceRef("sourceProduct", outputs[-1].id),),
        (Parameter("file", file), Parameter("formatName", format_name or format_of(file))),
    )
    return replace(graph, nodes=(*graph.nodes, write))


def format_of(file: str) -> str:
    """SNAP's format for a file name.

    Raises:
        GraphError: The extension belongs to no known format.
    """
    extension = PurePath(file).suffix.lower()
    if extension not in _FORMAT_OF_EXTENSION:
        raise GraphError(f"no output format belongs to '{extension}'", subject=file, advice="Name it with -f")
    return _FORMAT_OF_EXTENSION[extension]


def override_parameter(graph: Graph, node_id: str, name: str, value: str) -> Graph:
    """Set one parameter of one node, added if it is not there.

    Raises:
        GraphError: The graph has no such node.
    """
    node = graph.node(node_id)
    new = Parameter(name, value.strip(XML_SPACE))
    if any(parameter.name == name for parameter in node.parameters):
        parameters = tuple(new if p.name == name else p for p in node.parameters)
    else:
        parameters = (*node.parameters, new)
    changed = replace(node, parameters=parameters)
    return replace(graph, nodes=tuple(changed if n is node else n for n in graph.nodes))


def with_elevation_model(graph: Graph, dem: Path) -> Graph:
    """The graph with an elevation model in every node that states one."""
    for node in graph.nodes:
        if any(parameter.name == "externalDEMFile" for parameter in node.parameters):
            graph = override_parameter(graph, node.id, "externalDEMFile", str(dem))
    return graph
