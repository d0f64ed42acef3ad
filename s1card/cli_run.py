"""The command that runs any graph: ``run``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from s1card.cli_options import assignment
from s1card.cli_settings import RunSettings, with_run_settings
from s1card.graph.fill import (
    fill,
    override_parameter,
    positional_sources,
    refuse_unknown,
    with_sources,
    with_target,
)
from s1card.graph.model import Graph
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph
from s1card.progress import reporting


@click.command()
@click.argument("graph_file", metavar="GRAPH")
@click.argument("scenes", nargs=-1)
@click.option(
    "-P",
    "parameters",
    type=assignment,
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a ${placeholder}.",
)
@click.option(
    "-S",
    "sources",
    type=assignment,
    metavar="NAME=FILE",
    multiple=True,
    help="Product for a named source.",
)
@click.option("-t", "target", default="target.dim", show_default=True, help="File of a graph without Write.")
@click.option("-f", "format_name", default="", help="Its format  [default: by the extension of -t].")
@click.option(
    "--dem",
    envvar="S1CARD_DEM",
    show_envvar=True,
    type=click.Path(exists=True, path_type=Path),
    help="Elevation model that replaces the one the graph names.",
)
@with_run_settings
def run(
    graph_file: str,
    scenes: tuple[str, ...],
    parameters: tuple[tuple[str, str], ...],
    sources: tuple[tuple[str, str], ...],
    target: str,
    format_name: str,
    dem: Path | None,
    settings: RunSettings,
) -> None:
    """Run any SNAP GRAPH: a file or the name of a recipe. SCENES fill its unnamed sources."""
    graph = read_graph(find_recipe(graph_file))
    refuse_unknown(graph, [name for name, _ in parameters])
    recipe = with_sources(fill(graph, dict(parameters)), {**positional_sources(scenes), **dict(sources)})
    recipe = with_target(recipe, target, format_name)
    recipe = _naming_dem(recipe, dem) if dem else recipe
    datum = settings.dem_datum or (str(settings.datum_of(dem)) if dem else None)
    engine = settings.engine_of(datum, dem)
    with reporting(Path(graph_file).name, quiet=settings.as_json) as progress:
        written = engine.prepare(recipe).write(progress=progress)
    paths = [str(path) for one in written for path in one.paths]
    click.echo(json.dumps({"files": paths}, indent=2) if settings.as_json else "\n".join(paths))


def _naming_dem(graph: Graph, dem: Path) -> Graph:
    """The graph with this elevation model in every node that states one."""
    for node in graph.nodes:
        if any(parameter.name == "externalDEMFile" for parameter in node.parameters):
            graph = override_parameter(graph, node.id, "externalDEMFile", str(dem))
    return graph
