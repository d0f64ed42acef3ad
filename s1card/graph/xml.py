"""SNAP graph XML to :class:`Graph` and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from lxml import etree

from s1card.errors import GraphError
from s1card.graph.model import Graph, Header, HeaderSource, Node, Parameter, RecipeParameter, SourceRef

VERSION = "1.0"
XML_SPACE = " \t\r\n"
_DECLARATION = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")


def read_graph(source: Path | str) -> Graph:
    """Read a graph.

    Entities are not expanded, document types are refused, and nothing is fetched.

    Args:
        source: Path of the file, or the XML itself (text that starts with ``<``).

    Returns:
        The graph, with placeholders as they stand in the file.

    Raises:
        GraphError: Unreadable file, broken XML, wrong version, or a node that is duplicate, without
            operator, or refers to a node that does not exist.
    """
    if isinstance(source, str) and source.lstrip("\ufeff" + XML_SPACE).startswith("<"):
        return _parse(_DECLARATION.sub("", source).lstrip("\ufeff").encode(), "graph")
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GraphError(f"the graph cannot be read: {error.strerror}", subject=str(source)) from error
    return _parse(data, str(path))


def parse_parameters(data: bytes) -> tuple[Parameter, ...]:
    """The parameters of a document whose root holds them as elements, as SNAP's parameter files do.

    Raises:
        XMLSyntaxError: It is not well formed.
    """
    root = etree.fromstring(data.lstrip(XML_SPACE.encode()), _parser())
    return tuple(_parameter(child) for child in root)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _parse(data: bytes, subject: str) -> Graph:
    try:
        root = etree.fromstring(data.lstrip(XML_SPACE.encode()), _parser())
    except etree.XMLSyntaxError as error:
        raise GraphError(f"the graph is not well-formed XML: {error.msg}", subject=subject) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise GraphError(
            "the graph declares a document type",
            subject=subject,
            advice="Remove the <!DOCTYPE ...> line: SNAP graphs have none, and entities are never expanded",
        )
    return _Reader(subject).graph(root)


class _Reader:
    """Turns elements into the model, with the file name at hand for messages."""

    def __init__(self, subject: str) -> None:
        self.subject = subject

    def error(self, message: str, element: etree._Element, advice: str = "") -> GraphError:
        """An error that says where it is."""
        return GraphError(message, subject=f"{self.subject}, line {_line(element)}", advice=advice)

    def graph(self, root: etree._Element) -> Graph:
        """The whole document."""
        if root.tag != "graph":
            raise self.error(f"the root element is <{root.tag}>, not <graph>", root)
        self._check_children(root, {"version", "header", "node", "applicationData"})
        version = _text(root.find("version"))
        if version != VERSION:
            raise self.error(
                f"the graph has version '{version}'" if version else "the graph has no version",
                root,
                f"SNAP graphs carry <version>{VERSION}</version>",
            )
        header = root.find("header")
        graph = Graph(
            nodes=tuple(self.node(element) for element in root.iterfind("node")),
            id=root.get("id", ""),
            header=None if header is None else self.header(header),
            application_data=tuple(_canonical(e) for e in root.iterfind("applicationData")),
        )
        if not graph.nodes:
            raise self.error("the graph has no nodes", root)
        check_references(graph, self.subject)
        return graph

    def node(self, element: etree._Element) -> Node:
        """One ``<node>``."""
        node_id = element.get("id", "").strip(XML_SPACE)
        if not node_id:
            raise self.error("a node has no id", element)
        self._check_children(element, {"operator", "sources", "parameters"})
        operator = _text(element.find("operator"))
        if not operator:
            raise self.error(f"node '{node_id}' has no operator", element)
        return Node(
            id=node_id,
            operator=operator,
            sources=self.sources(element.find("sources"), node_id),
            parameters=tuple(_parameter(child) for child in _children(element.find("parameters"))),
            line=_line(element),
        )

    def sources(self, element: etree._Element | None, node_id: str) -> tuple[SourceRef, ...]:
        """The sources of a node: attribute ``refid`` or text; any element name."""
        sources = []
        for child in _children(element):
            ref = child.get("refid", "").strip(XML_SPACE) or _text(child)
            if not ref:
                raise self.error(f"source <{child.tag}> of node '{node_id}' names no node", child)
            sources.append(SourceRef(str(child.tag), ref))
        return expand_sources(sources)

    def header(self, element: etree._Element) -> Header:
        """The ``<header>``."""
        self._check_children(element, {"target", "source", "parameter"})
        target = element.find("target")
        return Header(
            target="" if target is None else target.get("refid", ""),
            sources=tuple(
                HeaderSource(self._name(e), e.get("optional", "") == "true", e.get("description", ""))
                for e in element.iterfind("source")
            ),
            parameters=tuple(self.header_parameter(e) for e in element.iterfind("parameter")),
        )

    def header_parameter(self, element: etree._Element) -> RecipeParameter:
        """One ``<parameter>`` of the header."""
        allowed = element.get("valueSet", "")
        return RecipeParameter(
            name=self._name(element),
            type=element.get("type", "String"),
            default=element.get("defaultValue"),
            description=element.get("description", ""),
            unit=element.get("unit", ""),
            allowed=split_list(allowed),
            interval=element.get("interval", ""),
        )

    def _name(self, element: etree._Element) -> str:
        name = element.get("name", "")
        if not name:
            raise self.error(f"<{element.tag}> of the header has no name", element)
        return name

    def _check_children(self, element: etree._Element, known: set[str]) -> None:
        for child in element:
            if child.tag not in known:
                raise self.error(
                    f"<{element.tag}> holds an unknown element <{child.tag}>",
                    child,
                    f"Expected: {', '.join(sorted(known))}",
                )


def check_references(graph: Graph, subject: str = "graph") -> None:
    """Check that node ids are unique and that every source exists or is still a placeholder.

    Raises:
        GraphError: With node and line.
    """
    known: set[str] = set()
    header_sources = {source.name for source in graph.header.sources} if graph.header else set()
    for node in graph.nodes:
        where = f"{subject}, line {node.line}"
        if node.id in known:
            raise GraphError(f"two nodes have the id '{node.id}'", subject=where, advice="Rename one of them")
        known.add(node.id)
        for source in node.sources:
            if "$" in source.ref or source.ref in header_sources or graph.find(source.ref):
                continue
            raise GraphError(
                f"missing source '{source.ref}' in node '{node.id}'",
                subject=where,
                advice=f"The graph has the nodes: {', '.join(n.id for n in graph.nodes)}",
            )


def expand_sources(sources: Iterable[SourceRef]) -> tuple[SourceRef, ...]:
    """Split the plural ``<sourceProducts>a,b</sourceProducts>`` into sourceProducts0, sourceProducts1, ..."""
    expanded: list[SourceRef] = []
    for source in sources:
        if source.name != "sourceProducts" or "$" in source.ref:
            expanded.append(source)
            continue
        refs = split_list(source.ref)
        expanded.extend(SourceRef(f"sourceProducts{i}", ref) for i, ref in enumerate(refs))
    return tuple(expanded)


def split_list(text: str) -> tuple[str, ...]:
    """Members of a comma separated list, trimmed, without empty ones."""
    return tuple(part for part in (piece.strip(XML_SPACE) for piece in text.split(",")) if part)


def _children(element: etree._Element | None) -> list[etree._Element]:
    return [] if element is None else list(element)


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0


def _text(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip(XML_SPACE)


def _parameter(element: etree._Element) -> Parameter:
    children = tuple(_parameter(child) for child in element)
    value = "" if children else _text(element)
    return Parameter(str(element.tag), value, children, element.get("refid", ""))


def _canonical(element: etree._Element) -> str:
    """One spelling of an element that the model does not look into, without indentation."""
    for part in element.iter():
        part.text = part.text if (part.text or "").strip(XML_SPACE) else None
        part.tail = part.tail if (part.tail or "").strip(XML_SPACE) else None
    element.tail = None
    return etree.tostring(element, method="c14n").decode()


def write_graph(graph: Graph) -> str:
    """Write a graph as XML, the same text for the same graph.

    Raises:
        GraphError: A value holds characters that XML cannot carry.
    """
    try:
        root = _graph_element(graph)
        etree.indent(root, "  ")
        text = etree.tostring(root, encoding="unicode")
    except ValueError as error:
        raise GraphError(
            f"the graph cannot be written as XML: {error}", subject=f"graph '{graph.id}'"
        ) from error
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n"


def _graph_element(graph: Graph) -> etree._Element:
    root = etree.Element("graph")
    if graph.id:
        root.set("id", graph.id)
    _add(root, "version", VERSION)
    if graph.header is not None:
        _add_header(root, graph.header)
    for node in graph.nodes:
        _add_node(root, node)
    for text in graph.application_data:
        root.append(etree.fromstring(text))
    return root


def _add(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, attrib={k: v for k, v in attributes.items() if v})
    element.text = text or None
    return element


def _add_node(root: etree._Element, node: Node) -> None:
    element = _add(root, "node", id=node.id)
    _add(element, "operator", node.operator)
    sources = _add(element, "sources")
    for source in node.sources:
        _add(sources, source.name, refid=source.ref)
    parameters = _add(element, "parameters")
    for parameter in node.parameters:
        _add_parameter(parameters, parameter)


def _add_parameter(parent: etree._Element, parameter: Parameter) -> None:
    element = _add(parent, parameter.name, parameter.value, refid=parameter.refid)
    for child in parameter.children:
        _add_parameter(element, child)


def _add_header(root: etree._Element, header: Header) -> None:
    element = _add(root, "header")
    if header.target:
        _add(element, "target", refid=header.target)
    for source in header.sources:
        optional = "true" if source.optional else ""
        _add(element, "source", name=source.name, optional=optional, description=source.description)
    for parameter in header.parameters:
        child = _add(
            element,
            "parameter",
            name=parameter.name,
            type=parameter.type,
            unit=parameter.unit,
            valueSet=",".join(parameter.allowed),
            interval=parameter.interval,
            description=parameter.description,
        )
        if parameter.default is None:
            child.set("notNull", "true")
        else:
            child.set("defaultValue", parameter.default)
