"""The command that runs any graph: ``run``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from s1card.cli_settings import GraphSettings, RunSettings, with_graph_settings, with_run_settings
from s1card.progress import reporting


@click.command()
@click.argument("graph_file", metavar="GRAPH")
@click.argument("scenes", nargs=-1)
@with_graph_settings
@with_run_settings
def run(graph_file: str, scenes: tuple[str, ...], graph: GraphSettings, settings: RunSettings) -> None:
    """Run any SNAP GRAPH: a file or the name of a recipe. SCENES fill its unnamed sources."""
    recipe = graph.filled(graph_file, scenes)
    engine = settings.engine_for(graph.dem)
    with reporting(Path(graph_file).name, quiet=settings.as_json) as progress:
        written = engine.prepare(recipe).write(progress=progress)
    paths = [str(path) for one in written for path in one.paths]
    click.echo(json.dumps({"files": paths}, indent=2) if settings.as_json else "\n".join(paths))
