"""Run a SNAP graph natively."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import rasterio

import s1card
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.execute import Progress, execute
from s1card.engine.native.operators import OPERATORS, UNSUPPORTED
from s1card.engine.native.product import Product
from s1card.engine.native.write import WriteJob, open_job
from s1card.errors import GraphError
from s1card.graph.model import Graph, Node
from s1card.graph.operators import get_operator, resolve_parameters
from s1card.raster import RasterSink

ELSEWHERE = "The engines gpt, container and snappy have it"


@dataclass(frozen=True, eq=False)
class Written:
    """What a Write node made.

    Attributes:
        node: Id of the Write node.
        product: The product that was written.
        paths: Its files.
        sink: The closed writer, with what it knows of its files.
    """

    node: str
    product: Product
    paths: tuple[Path, ...]
    sink: RasterSink


@dataclass(frozen=True)
class NativeEngine:
    """The native engine in given surroundings."""

    surroundings: Surroundings = Surroundings()

    name = "native"

    @property
    def software(self) -> Mapping[str, str]:
        """Versions of what computes."""
        return {
            "s1card": s1card.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
            "gdal": rasterio.__gdal_version__,
            "python": platform.python_version(),
        }

    def run(
        self, graph: Graph, *, tags: Mapping[str, str] | None = None, progress: Progress | None = None
    ) -> tuple[Written, ...]:
        """Check the graph, build its products, and write what its Write nodes name.

        Files carry their final names only when they are complete.

        Args:
            graph: Filled graph.
            tags: Statements for the files' metadata.
            progress: Called with blocks done and blocks in all.

        Raises:
            GraphError: The graph is wrong or beyond this engine; nothing has run then.
            S1CardError: Whatever goes wrong with the data.
        """
        check_capability(graph)
        products = self.build(graph)
        jobs: list[WriteJob] = []
        try:
            for node in _writes(graph):
                values = resolve_parameters(node)
                source = products[graph.sources_of(node)[0].id]
                file, format_name = values["file"], str(values["formatName"])
                jobs.append(
                    open_job(node.id, source, None if file is None else str(file), format_name, dict(tags or {}))
                )
            execute(
                jobs, threads=self.surroundings.threads, block=self.surroundings.block, progress=progress
            )
            return tuple(Written(j.node, j.product, tuple(j.sink.close()), j.sink) for j in jobs)
        except BaseException:
            for job in jobs:
                job.sink.abort()
            raise

    def build(self, graph: Graph) -> dict[str, Product]:
        """The lazy product of every node that is not a Write, by node id."""
        context = Context(self.surroundings)
        products: dict[str, Product] = {}
        for node in graph.in_order():
            operator = get_operator(node).name
            if operator == "Write":
                continue
            sources = [products[source.id] for source in graph.sources_of(node)]
            products[node.id] = OPERATORS[operator](sources, resolve_parameters(node), context)
        return products


def _writes(graph: Graph) -> list[Node]:
    return [node for node in graph.in_order() if get_operator(node).name == "Write"]


def check_capability(graph: Graph) -> None:
    """Refuse what the native engine lacks, before anything runs.

    Raises:
        GraphError: An operator or parameter value that is not there, by name; missing sources; no Write.
    """
    for node in graph.in_order():
        operator = get_operator(node).name
        subject = f"node {node.id}"
        if operator not in OPERATORS and operator != "Write":
            raise GraphError(f"the native engine has no operator {operator}", subject=subject, advice=ELSEWHERE)
        if operator != "Read" and not graph.sources_of(node):
            raise GraphError(f"{operator} has no source", subject=subject, advice="Name one with -S")
        values = resolve_parameters(node)
        for name, refused in UNSUPPORTED.get(operator, {}).items():
            if values[name] in refused:
                raise GraphError(
                    f"the native engine has no {name}={values[name]} of {operator}",
                    subject=subject,
                    advice=ELSEWHERE,
                )
    if not _writes(graph):
        raise GraphError("the graph writes nothing", advice="Add a Write node, or name a target with -t")
