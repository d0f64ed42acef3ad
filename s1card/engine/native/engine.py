"""Run a SNAP graph natively."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numba
import numpy as np
import rasterio

import s1card
from s1card.engine.base import Output, Progress, Written
from s1card.engine.native import read
from s1card.engine.native.allocator import share_one_arena
from s1card.engine.native.context import Context, Surroundings
from s1card.engine.native.execute import execute
from s1card.engine.native.operators import ANY, OPERATORS, UNSUPPORTED
from s1card.engine.native.product import Product
from s1card.engine.native.read_dimap import FORMAT as DIMAP
from s1card.engine.native.read_dimap import is_dimap, recipe_tags, restored
from s1card.engine.native.write import WriteJob, announce, open_jobs
from s1card.errors import GraphError, S1CardError
from s1card.graph.model import Graph, Node
from s1card.graph.operators import get_operator, resolve_parameters, sources_in_order
from s1card.graph.values import convert
from s1card.raster import CogSink

ELSEWHERE = "The engines gpt, container and snappy have it"


@dataclass(frozen=True, eq=False)
class NativePrepared:
    """Lazy products with the Write nodes that wait for them."""

    announced: tuple[tuple[Output, Product], ...]
    surroundings: Surroundings
    graph: Graph

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What the Write nodes will make."""
        return tuple(output for output, _ in self.announced)

    def write(
        self,
        *,
        paths: Mapping[str, Path] | None = None,
        tags: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Written, ...]:
        """Compute and write everything; see `s1card.engine.base.Prepared`."""
        plan, given = self.surroundings.plan, paths or {}
        jobs: list[WriteJob] = []
        try:
            for output, product in self.announced:
                path = given.get(output.node, output.path)
                jobs += open_jobs(output, product, path, self._tags(output, tags or {}), plan.threads)
            with rasterio.Env(GDAL_CACHEMAX=plan.gdal):
                execute(jobs, threads=plan.threads, block=plan.block, progress=progress)
            return tuple(written for written in map(_finished, jobs) if written.paths)
        except BaseException:
            for job in jobs:
                job.sink.abort()
            raise

    def _tags(self, output: Output, tags: Mapping[str, str]) -> Mapping[str, str]:
        """Statements for a file's metadata; a product that can be read again keeps what it was made of."""
        return {**tags, **recipe_tags(self.graph, output)} if output.format_name == DIMAP else tags


def _finished(job: WriteJob) -> Written:
    paths = tuple(job.sink.close())
    files = tuple(job.sink.written) if isinstance(job.sink, CogSink) else ()
    return Written(job.output, paths, files)


@dataclass(frozen=True)
class NativeEngine:
    """The native engine in given surroundings."""

    surroundings: Surroundings = field(default_factory=Surroundings)

    def __post_init__(self) -> None:
        share_one_arena()

    @property
    def name(self) -> str:
        """Name of the engine."""
        return "native"

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

    def prepare(self, graph: Graph) -> NativePrepared:
        """Check a filled graph and build its lazy products; see `s1card.engine.base.Engine`."""
        check_capability(graph)
        products = self.build(graph)
        announced = []
        for node in _writes(graph):
            product = products[graph.sources_of(node)[0].id]
            with _at(node):
                announced.append((announce(node, product), product))
        return NativePrepared(tuple(announced), self.surroundings, graph)

    def run(
        self, graph: Graph, *, tags: Mapping[str, str] | None = None, progress: Progress | None = None
    ) -> tuple[Written, ...]:
        """Prepare and write."""
        return self.prepare(graph).write(tags=tags, progress=progress)

    def build(self, graph: Graph) -> dict[str, Product]:
        """The lazy product of every node that is not a Write, by node id."""
        return _build(graph, Context(self.surroundings))


def _build(graph: Graph, context: Context) -> dict[str, Product]:
    products: dict[str, Product] = {}
    for node in graph.in_order():
        with _at(node):
            if get_operator(node).name != "Write":
                sources = [products[source.id] for source in sources_in_order(graph, node)]
                products[node.id] = _product(node, sources, context)
    return products


def _product(node: Node, sources: list[Product], context: Context) -> Product:
    operator, parameters = get_operator(node).name, resolve_parameters(node)
    if operator == "Read" and is_dimap(parameters):
        product = restored(Path(str(parameters["file"])), lambda graph: _build(graph, context))
        return read.narrowed(product, parameters)
    return OPERATORS[operator](sources, parameters, context)


@contextmanager
def _at(node: Node) -> Iterator[None]:
    """Let errors say in which node they happened."""
    try:
        yield
    except S1CardError as error:
        error.node = error.node or node.id
        raise


def _writes(graph: Graph) -> list[Node]:
    return [node for node in graph.in_order() if get_operator(node).name == "Write"]


def check_capability(graph: Graph) -> None:
    """Refuse what the native engine lacks, before anything runs.

    Raises:
        GraphError: An operator or parameter value that is not there, by name; missing sources; no Write.
    """
    for node in graph.in_order():
        with _at(node):
            _check_node(node, graph)
    if not _writes(graph):
        raise GraphError("the graph writes nothing", advice="Add a Write node, or name a target with -t")


def _check_node(node: Node, graph: Graph) -> None:
    operator, subject = get_operator(node).name, f"node {node.id}"
    if operator not in OPERATORS and operator != "Write":
        raise GraphError(f"the native engine has no operator {operator}", subject=subject, advice=ELSEWHERE)
    if operator != "Read" and not graph.sources_of(node):
        raise GraphError(f"{operator} has no source", subject=subject, advice="Name one with -S")
    _refuse_unsupported(node, operator)


def _refuse_unsupported(node: Node, operator: str) -> None:
    values, spec = resolve_parameters(node), get_operator(node)
    for name, refused in UNSUPPORTED.get(operator, {}).items():
        parameter = spec.parameter(name)
        assert parameter is not None
        usual = convert(parameter, parameter.default or "")
        if values[name] != usual and (refused is ANY or values[name] in refused):
            raise GraphError(
                f"the native engine has no {name}={_text(values[name])} of {operator}",
                subject=f"node {node.id}",
                advice=ELSEWHERE,
            )


def _text(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text.lower() if isinstance(value, bool) else text
