"""A recipe as a value: nodes, their sources and parameters, the header of recipe parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lxml import etree

from s1card.errors import GraphError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One element below ``<parameters>``.

    Attributes:
        name: Element name.
        value: Trimmed text; empty means unset.
        children: Nested elements, such as the target bands of BandMaths.
        refid: Reference to a header parameter or to ``nodeId.property`` instead of a value.
    """

    name: str
    value: str = ""
    children: tuple[Parameter, ...] = ()
    refid: str = ""

    @property
    def is_set(self) -> bool:
        """Whether the element says anything; SNAP takes an empty element as absent."""
        return bool(self.value or self.children or self.refid)

    def child(self, name: str) -> str:
        """Text of the nested element of that name, empty if there is none."""
        return next((child.value for child in self.children if child.name == name), "")

    def walk(self) -> Iterator[Parameter]:
        """This element and all those below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where a node takes a product from: the label of the source and the node id it refers to."""

    name: str
    ref: str


@dataclass(frozen=True)
class Node:
    """One operator of a graph.

    Attributes:
        id: Name of the node, unique in its graph.
        operator: SNAP name of the operator.
        sources: Sources in the order of the file, which counts; the labels only name them.
        parameters: Elements below ``<parameters>`` in the order of the file.
        line: Line of the file where the node starts, 0 if it was made by a program.
    """

    id: str
    operator: str
    sources: tuple[SourceRef, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    line: int = field(default=0, compare=False)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name if it is there and says something."""
        return next((p for p in self.parameters if p.name == name and p.is_set), None)

    def value(self, name: str) -> str:
        """Text of a parameter, empty if it is unset."""
        parameter = self.parameter(name)
        return parameter.value if parameter else ""


@dataclass(frozen=True, slots=True)
class HeaderSource:
    """A product that the caller must hand to the graph, referred to by its name."""

    name: str
    optional: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class RecipeParameter:
    """What a caller may set: ``<parameter>`` of the header, or a placeholder without an entry there.

    Attributes:
        name: Name as in ``${name}``.
        type: SNAP's type word: String, int, double, boolean, File, Geometry.
        default: Value if the caller gives none; None if the caller must give one.
        description: What it means, in plain words.
        unit: Physical unit, empty if it has none.
        allowed: Permitted values, empty if not restricted.
        interval: Permitted range in SNAP's notation, such as ``(0,*)``.
    """

    name: str
    type: str = "String"
    default: str | None = None
    description: str = ""
    unit: str = ""
    allowed: tuple[str, ...] = ()
    interval: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """The ``<header>`` of a graph: its result, its inputs, its parameters."""

    target: str = ""
    sources: tuple[HeaderSource, ...] = ()
    parameters: tuple[RecipeParameter, ...] = ()


@dataclass(frozen=True)
class Graph:
    """A SNAP graph.

    Attributes:
        nodes: Nodes in the order of the file, which says nothing about the order of work.
        id: Name of the graph.
        header: Declared inputs and parameters, if the file has them.
        application_data: ``<applicationData>`` elements in canonical XML, kept for the round trip.
    """

    nodes: tuple[Node, ...]
    id: str = ""
    header: Header | None = None
    application_data: tuple[str, ...] = ()

    @cached_property
    def _exact(self) -> dict[str, Node]:
        return {node.id: node for node in self.nodes}

    @cached_property
    def _folded(self) -> dict[str, Node]:
        return {node.id.casefold(): node for node in reversed(self.nodes)}

    def find(self, node_id: str) -> Node | None:
        """The node of that id; like SNAP, letter case matters only between two candidates."""
        return self._exact.get(node_id) or self._folded.get(node_id.casefold())

    def node(self, node_id: str) -> Node:
        """The node of that id.

        Raises:
            GraphError: There is none.
        """
        node = self.find(node_id)
        if node is None:
            known = ", ".join(self._exact)
            raise GraphError(f"the graph has no node '{node_id}'", advice=f"Its nodes are: {known}")
        return node

    @property
    def description(self) -> str:
        """What the graph is for, from the ``description`` of its application data."""
        for text in self.application_data:
            element = etree.fromstring(text)
            found = next((e for e in element if str(e.tag).lower() == "description" and e.text), None)
            if found is not None:
                return " ".join((found.text or "").split())
        return ""

    def sources_of(self, node: Node) -> tuple[Node, ...]:
        """The nodes that a node reads, leaving out sources that only the caller can provide."""
        found = (self.find(source.ref) for source in node.sources)
        return tuple(node for node in found if node is not None)

    def outputs(self) -> tuple[Node, ...]:
        """The nodes that nobody reads, in the order of the file."""
        read = {source.id for node in self.nodes for source in self.sources_of(node)}
        return tuple(node for node in self.nodes if node.id not in read)

    def in_order(self) -> tuple[Node, ...]:
        """All nodes, each after those it reads; otherwise in the order of the file.

        Raises:
            GraphError: The nodes read each other in a circle, which the message names.
        """
        done: dict[str, Node] = {}
        for node in self.nodes:
            path = [] if node.id in done else [node]
            while path:
                missing = next((s for s in self.sources_of(path[-1]) if s.id not in done), None)
                if missing is None:
                    ready = path.pop()
                    done[ready.id] = ready
                else:
                    _refuse_circle(missing, path)
                    path.append(missing)
        return tuple(done.values())

    def ancestors(self, node: Node) -> tuple[Node, ...]:
        """All nodes that a node builds on, in no particular order, without itself."""
        found: dict[str, Node] = {}
        waiting = list(self.sources_of(node))
        while waiting:
            source = waiting.pop()
            if source.id not in found:
                found[source.id] = source
                waiting.extend(self.sources_of(source))
        found.pop(node.id, None)
        return tuple(found.values())


def _refuse_circle(node: Node, path: list[Node]) -> None:
    ids = [earlier.id for earlier in path]
    if node.id in ids:
        circle = " -> ".join([*ids[ids.index(node.id) :], node.id])
        raise GraphError(f"the nodes read each other in a circle: {circle}", subject=f"node '{node.id}'")
