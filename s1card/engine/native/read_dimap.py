"""Reading BEAM-DIMAP products that this engine wrote, so that a chain can be run in steps.

Beside its bands a product keeps the graph that it is the result of. When it is read, that graph is built again from its
scenes, which costs no computation, and gives what later operators need: orbit, tie points, calibration and noise, the
geometry of bursts, the history. The samples of its bands are then taken from the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from s1card.engine.base import Output
from s1card.engine.native.context import Parameters
from s1card.engine.native.product import Band, Pixels, Product, Signal, as_power
from s1card.errors import DataError, GraphError, SceneError
from s1card.graph.model import Graph, Node, SourceRef
from s1card.graph.operators import get_operator
from s1card.graph.xml import read_graph, write_graph
from s1card.raster.envi_reader import EnviReader
from s1card.window import Window

FORMAT = "BEAM-DIMAP"
GRAPH, NODE, HISTORY = "graph", "graph_node", "graph_history"
"""Names of the tags that keep the graph, the node whose product was written, and the statements of its operators."""

Build = Callable[[Graph], Mapping[str, Product]]


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a product says of its making.

    Attributes:
        graph: From scenes to the product, without Write nodes.
        node: Id of the node that gives the product.
        history: What operators stated: (operator, statement).
    """

    graph: Graph
    node: str
    history: tuple[tuple[str, str], ...]

    def tags(self) -> dict[str, str]:
        """As metadata of a product."""
        return {GRAPH: write_graph(self.graph), NODE: self.node, HISTORY: json.dumps(self.history)}


def is_dimap(parameters: Parameters) -> bool:
    """Whether a Read node names a BEAM-DIMAP product."""
    return str(parameters["file"] or "").lower().endswith(".dim")


def recipe_tags(graph: Graph, output: Output) -> dict[str, str]:
    """What a product has to keep of the graph that makes it, so that it can be read."""
    source = graph.sources_of(graph.node(output.node))[0]
    wanted = {node.id for node in graph.ancestors(source)} | {source.id}
    nodes = [_with_absolute_file(node) for node in graph.nodes if node.id in wanted]
    flat, renamed = _flattened(nodes)
    return Recorded(Graph(tuple(flat)), renamed.get(source.id, source.id), output.facts).tags()


def _with_absolute_file(node: Node) -> Node:
    parameters = (
        replace(p, value=str(Path(p.value).resolve()))
        if p.name == "file" and p.value and "://" not in p.value
        else p
        for p in node.parameters
    )
    return replace(node, parameters=tuple(parameters))


def _flattened(nodes: Iterable[Node]) -> tuple[list[Node], dict[str, str]]:
    """The nodes with products of earlier steps replaced by what these were made of, and the ids that changed.

    So the product of a step outlives those before it.
    """
    flat: list[Node] = []
    renamed: dict[str, str] = {}
    for node in nodes:
        file = node.value("file")
        narrows = any(node.value(name) for name in ("sourceBands", "bandNames", "useAdvancedOptions"))
        if get_operator(node).name != "Read" or not file.lower().endswith(".dim") or narrows:
            flat.append(node)
            continue
        earlier = recorded(Path(file))
        inner = {n.id: f"{node.id}.{n.id}" for n in earlier.graph.nodes}
        flat += [_renamed(replace(n, id=inner[n.id]), inner) for n in earlier.graph.nodes]
        renamed[node.id] = inner[earlier.node]
    return [_renamed(node, renamed) for node in flat], renamed


def _renamed(node: Node, ids: Mapping[str, str]) -> Node:
    return replace(node, sources=tuple(SourceRef(s.name, ids.get(s.ref, s.ref)) for s in node.sources))


def recorded(document: Path) -> Recorded:
    """What a product says of its making.

    Raises:
        SceneError: It is unreadable, or was not written by this engine.
    """
    try:
        root = etree.parse(document, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    except (OSError, etree.XMLSyntaxError) as error:
        raise SceneError(f"the product cannot be read: {error}", subject=str(document)) from error
    texts = {e.get("name"): e.text or "" for e in root.iterfind("Dataset_Sources//MDATTR")}
    if not {GRAPH, NODE, HISTORY} <= texts.keys():
        raise SceneError(
            "this BEAM-DIMAP product was not written by s1card; the native engine reads only its own",
            subject=str(document),
            advice="Give the scene as ESA delivers it, or run the graph with the engine gpt",
        )
    history = tuple((str(operator), str(text)) for operator, text in json.loads(texts[HISTORY]))
    return Recorded(read_graph(texts[GRAPH]), texts[NODE], history)


def restored(document: Path, build: Build) -> Product:
    """The product of an earlier step.

    Args:
        document: Its ``.dim`` file.
        build: Gives the lazy products of a graph.

    Raises:
        SceneError: It was not written by this engine, or its scene or orbit file are no longer what they were.
        DataError: Its files are damaged.
    """
    made = recorded(document)
    try:
        product = build(made.graph)[made.node]
    except (DataError, GraphError) as error:
        raise SceneError(
            f"what the product was made of cannot be opened again: {error}",
            subject=str(document),
            advice="Leave scene, orbit file and elevation model in place until the last step has run",
        ) from error
    if product.facts != made.history:
        raise SceneError(
            f"the product was made with {_text(made.history)}, and now it would be {_text(product.facts)}",
            subject=str(document),
            advice="Run all steps with the same orbit files and elevation model",
        )
    if product.parts:
        parts = tuple(_with_samples(part, document) for part in product.parts)
        return replace(product, name=document.stem, parts=parts)
    return _with_samples(product, document)


def _text(history: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{operator}: {statement}" for operator, statement in history) or "nothing"


def _with_samples(product: Product, document: Path) -> Product:
    """The product with its bands read from the files."""
    folder = document.with_suffix(".data")
    files = {band.name: EnviReader.open(folder / f"{band.name}.hdr") for band in product.real_bands()}
    for name, file in files.items():
        if file.shape != product.shape:
            raise DataError(
                f"the band {name} has {file.shape} lines and samples instead of {product.shape}",
                subject=str(document),
            )
    signals = tuple(_signal(signal, files) for signal in product.signals)
    of_signals = {band.name: band for signal in signals for band in signal.bands}
    own = {band.name: _band(band, files, product) for band in product.bands if band.name not in of_signals}
    bands = tuple((of_signals | own)[band.name] for band in product.bands)
    return replace(product, name=document.stem, bands=bands, signals=signals)


def _band(band: Band, files: Mapping[str, EnviReader], product: Product) -> Band:
    if band.name in files:
        return replace(band, read=files[band.name].read)
    title, _, rest = band.name.partition("_")
    amplitude = f"Amplitude_{rest}"
    if title == "Intensity" and amplitude in files:  # virtual: the square of what the file holds
        return replace(
            band, read=partial(as_power, replace(product.band(amplitude), read=files[amplitude].read))
        )
    return band


def _signal(signal: Signal, files: Mapping[str, EnviReader]) -> Signal:
    parts = [files.get(f"{letter}_{signal.name}") for letter in "iq"]
    real, imaginary = parts
    if real is None or imaginary is None:
        return signal

    def read(window: Window) -> Pixels:
        samples: NDArray[np.float32] = np.stack([real.read(window), imaginary.read(window)], axis=-1)
        return samples

    return replace(signal, read=read)
