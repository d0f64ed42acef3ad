"""What a graph needs before SNAP can run it, and what it will make: found out before anything is computed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from s1card.engine.base import Output
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine, check_capability
from s1card.engine.native.operators import OPERATORS
from s1card.engine.native.write import announce
from s1card.engine.snap.orbits import OrbitChoice, choose
from s1card.errors import DataError, GraphError, S1CardError
from s1card.geometry.dem import Bounds
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.edit import bypassed
from s1card.graph.fill import override_parameter
from s1card.graph.model import Graph, Node
from s1card.graph.operators import find_operator
from s1card.raster import FORMATS, forced_path
from s1card.scene.reader import open_scene
from s1card.scene.scene import Scene

log = logging.getLogger(__name__)

Known = TypeVar("Known")

EXTERNAL = "External DEM"
ALWAYS_EGM96 = frozenset(
    {"Back-Geocoding", "Coherence", "Interferogram", "TopoPhaseRemoval", "DEM-Assisted-Coregistration"}
)
"""Operators that add EGM96 to every external elevation model, whatever the graph says."""


@dataclass(frozen=True)
class DemKey:
    """What makes one prepared elevation model differ from another.

    Attributes:
        path: The model.
        datum: What its heights are measured from.
        nodata: A value that is no height, besides its own; None where it says itself.
        has_sea: Whether its voids are water, at the height of the geoid.
        above_egm96: Whether SNAP shall find heights above EGM96 in it.
    """

    path: Path
    datum: str
    nodata: float | None
    has_sea: bool
    above_egm96: bool


@dataclass(frozen=True, eq=False)
class SnapPlan:
    """A graph with everything that it needs.

    Attributes:
        graph: The graph as it was given.
        scenes: Scene of every Read node that reads a Sentinel-1 product as ESA delivers it.
        orbits: Orbit of every Apply-Orbit-File node of such a scene.
        dems: Elevation model of every node that takes one from a file.
        outputs: What its Write nodes will make, as far as it is known.
        is_exact: Whether the native engine has all of the graph, so that outputs are known in full.
    """

    graph: Graph
    scenes: Mapping[str, Scene]
    orbits: Mapping[str, OrbitChoice]
    dems: Mapping[str, DemKey]
    outputs: tuple[Output, ...]
    is_exact: bool

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Files and folders that the graph names, but for elevation models, which are prepared."""
        found: dict[Path, None] = {}
        for node in self.graph.nodes:
            if operator_name(node) == "Write":
                continue
            for parameter in node.parameters:
                if parameter.name == "externalDEMFile" and node.id in self.dems:
                    continue
                for text in parameter.value.split(","):
                    if _is_file(text.strip()):
                        found[_product_root(Path(text.strip()).absolute())] = None
        return tuple(found)

    @property
    def names(self) -> str:
        """The scenes, for messages."""
        return " and ".join(dict.fromkeys(scene.name for scene in self.scenes.values()))

    def area(self) -> Bounds:
        """West, south, east, north of all scenes, of which there must be one; degrees."""
        grids = [
            image.annotation.geolocation_grid for scene in self.scenes.values() for image in scene.images
        ]
        longitude = np.concatenate([grid.longitude.ravel() for grid in grids])
        latitude = np.concatenate([grid.latitude.ravel() for grid in grids])
        return (
            float(longitude.min()),
            float(latitude.min()),
            float(longitude.max()),
            float(latitude.max()),
        )


def make_plan(graph: Graph, surroundings: Surroundings) -> SnapPlan:
    """Look at a graph and its inputs.

    Raises:
        GraphError: It reads or writes nothing that is named.
        DataError: Scenes, orbits or elevation models do not fit.
    """
    scenes = dict(_scenes(graph))
    orbits = dict(_orbits(graph, scenes, surroundings))
    dems = dict(_dems(graph, surroundings)) if scenes else {}
    if not scenes and any(takes_dem(node) for node in graph.nodes):
        log.warning("the graph reads no scene as ESA delivers it: SNAP gets elevation models as they are")
    announced = _announced(graph, surroundings) if len(scenes) == len(_reads(graph)) else None
    is_exact = announced is not None and announced[1]
    known = {output.node: output for output in announced[0]} if announced else {}
    outputs = tuple(
        _output(node, known.get(node.id), _first(scenes, graph, node), _first(orbits, graph, node))
        for node in writes(graph)
    )
    if not outputs:
        raise GraphError("the graph writes nothing", advice="Add a Write node, or name a target with -t")
    return SnapPlan(graph, scenes, orbits, dems, outputs, is_exact)


def operator_name(node: Node) -> str:
    """SNAP's present name of a node's operator."""
    spec = find_operator(node.operator)
    return node.operator if spec is None else spec.name


def writes(graph: Graph) -> list[Node]:
    """The Write nodes in the order of work."""
    return [node for node in graph.in_order() if operator_name(node) == "Write"]


def _reads(graph: Graph) -> list[Node]:
    return [node for node in graph.in_order() if operator_name(node) == "Read"]


def _scenes(graph: Graph) -> Iterator[tuple[str, Scene]]:
    for node in _reads(graph):
        file = node.value("file")
        if not file:
            raise GraphError(
                "the parameter 'file' of a Read node is empty",
                subject=f"node {node.id}",
                advice="Name the scene with -P or -S",
            )
        if "://" in file:
            raise DataError(
                "SNAP reads local files only", subject=file, advice="Fetch it first, or use --engine native"
            )
        if is_delivered(Path(file)):
            yield node.id, open_scene(Path(file))


def is_delivered(path: Path) -> bool:
    """Whether a file is a product as ESA delivers it, and not, say, an intermediate result of SNAP."""
    return (
        path.is_dir()
        or path.suffix.lower() == ".zip"
        or path.name.lower() == "manifest.safe"
        or not path.exists()
    )


def _orbits(
    graph: Graph, scenes: Mapping[str, Scene], surroundings: Surroundings
) -> Iterator[tuple[str, OrbitChoice]]:
    for node in graph.in_order():
        scene = _first(scenes, graph, node) if operator_name(node) == "Apply-Orbit-File" else None
        if scene is None:
            continue
        kinds = ("RESORB", "POEORB") if "Restituted" in node.value("orbitType") else ("POEORB", "RESORB")
        go_on = node.value("continueOnFail").lower() == "true"
        further = surroundings.orbit_folder
        yield node.id, choose(scene, surroundings.orbit, kinds, go_on=go_on, further=further)


def _dems(graph: Graph, surroundings: Surroundings) -> Iterator[tuple[str, DemKey]]:
    for node in graph.in_order():
        if not takes_dem(node):
            continue
        file = node.value("externalDEMFile")
        is_external = node.value("demName") == EXTERNAL or bool(file)
        if surroundings.dem is None and not is_external:
            continue  # a model that SNAP itself provides
        path = surroundings.dem or Path(file)
        nodata = _number(node.value("externalDEMNoDataValue")) if surroundings.dem is None else None
        always = has_fixed_datum(node)
        adds = always or node.value("externalDEMApplyEGM").lower() != "false"
        datum = surroundings.dem_datum or (VerticalDatum.EGM96 if adds else VerticalDatum.ELLIPSOID)
        masks = node.value("nodataValueAtSea") or node.value("maskOutAreaWithoutElevation")
        yield node.id, DemKey(path, str(datum), nodata, masks.lower() == "false", always)


def takes_dem(node: Node) -> bool:
    """Whether an operator takes an elevation model."""
    spec = find_operator(node.operator)
    if spec is not None and spec.parameter("externalDEMFile") is not None:
        return True
    return node.parameter("externalDEMFile") is not None


def has_fixed_datum(node: Node) -> bool:
    """Whether an operator adds EGM96 to an external elevation model and cannot be told not to."""
    spec = find_operator(node.operator)
    can_be_told = node.parameter("externalDEMApplyEGM") is not None or (
        spec is not None and spec.parameter("externalDEMApplyEGM") is not None
    )
    return operator_name(node) in ALWAYS_EGM96 or not can_be_told


def _number(text: str) -> float | None:
    try:
        return float(text) if text else 0.0
    except ValueError:
        return None


def _announced(graph: Graph, surroundings: Surroundings) -> tuple[list[Output], bool] | None:
    """What the native engine would make of a graph, or of what it has of it; and whether that is all of it.

    Operators that the native engine lacks are left out: they filter images, and do not move them. None where they
    cannot be left out.
    """
    if any(operator_name(node) != "Read" and not graph.sources_of(node) for node in graph.nodes):
        return None
    try:
        check_capability(graph)
        is_exact = True
    except GraphError:
        is_exact = False
    try:
        known = _without_unknown(graph)
        products = NativeEngine(surroundings).build(known)
        outputs = []
        for node in writes(known):
            plain = override_parameter(known, node.id, "formatName", "BEAM-DIMAP").node(node.id)
            outputs.append(announce(plain, products[known.sources_of(node)[0].id]))
        return outputs, is_exact
    except S1CardError as error:
        if is_exact:
            raise
        log.info("what the graph will make is not known beforehand: %s", error)
        return None


def _without_unknown(graph: Graph) -> Graph:
    for node in graph.in_order():
        name = operator_name(node)
        if name not in OPERATORS and name != "Write":
            graph = bypassed(graph, node.id)
    return graph


def _output(node: Node, known: Output | None, scene: Scene | None, orbit: OrbitChoice | None) -> Output:
    """What a Write node will make; bands and grid only where they are known."""
    file, format_name = node.value("file"), node.value("formatName") or "BEAM-DIMAP"
    if not file:
        raise GraphError("the parameter 'file' is empty", subject=f"node {node.id}", advice="Name a target")
    if not node.sources:
        raise GraphError("Write has no source", subject=f"node {node.id}", advice="Name one with -S")
    path = forced_path(format_name, Path(file)) if format_name in FORMATS else Path(file)
    if known is not None:
        return replace(known, path=path, format_name=format_name)
    vectors = orbit.vectors if orbit else scene.images[0].annotation.state_vectors if scene else None
    return Output(node.id, path, format_name, scene, None, (), vectors, ())


def _first(known: Mapping[str, Known], graph: Graph, node: Node) -> Known | None:
    """What is known of the product that a node begins with: that of the first source of each node above it."""
    while True:
        if node.id in known:
            return known[node.id]
        sources = graph.sources_of(node)
        if not sources:
            return None
        node = sources[0]


def _is_file(text: str) -> bool:
    """Whether a value is the path of something that is there; WKT, too, has slashes in it."""
    try:
        return "/" in text and Path(text).exists()
    except (OSError, ValueError):  # no path at all
        return False


def _product_root(path: Path) -> Path:
    """What must be there for a product to be read: of a manifest its folder, of a DIMAP document its neighbours."""
    return path.parent if path.name.lower() == "manifest.safe" or path.suffix.lower() == ".dim" else path
