"""The commands that compute: ``bs`` and ``run``."""

from __future__ import annotations

import json
import math
import os
import resource
import time
from pathlib import Path

import click
from pyproj import CRS
from pyproj.exceptions import CRSError

from s1card.card.backscatter import LAYERS, BackscatterOrder, make_backscatter_card
from s1card.card.product import Card
from s1card.cli_options import area_wkt, assignment, memory_size
from s1card.engine.native.context import MEBIBYTE, Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.errors import UsageError
from s1card.geometry.dem import guess_datum
from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS
from s1card.geometry.geoid import VerticalDatum
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

KIBIBYTE = 1024


def _shared_options(command: click.decorators.FC) -> click.decorators.FC:
    """Options of every command that computes."""
    options = (
        click.option(
            "--orbit",
            default="auto",
            envvar="S1CARD_ORBIT",
            show_default=True,
            show_envvar=True,
            help="Orbit file, folder of orbit files, auto (the folder of the scene, else the annotated orbit), "
            "or none (the annotated orbit).",
        ),
        click.option(
            "--dem-datum",
            type=click.Choice([str(d) for d in VerticalDatum]),
            help="What the heights of the DEM are measured from; needed where the files do not tell.",
        ),
        click.option(
            "--geoid",
            type=click.Path(exists=True, path_type=Path),
            help="Geoid grid, or a folder with one  [default: S1CARD_GEOID_DIR and PROJ's folders].",
        ),
        click.option(
            "--memory",
            type=memory_size,
            default="2G",
            show_default=True,
            metavar="SIZE",
            help="Budget of the process.",
        ),
        click.option("--threads", type=click.IntRange(1), help="Worker threads  [default: all cores]."),
        click.option(
            "--block",
            type=click.IntRange(64, 8192),
            default=512,
            show_default=True,
            help="Edge of the blocks of work, pixels; the result does not depend on it.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("scene", type=click.Path(path_type=Path))
@click.option("--recipe", default="card-bs", show_default=True, help="Name of a recipe, or a graph file.")
@click.option(
    "--dem",
    required=True,
    envvar="S1CARD_DEM",
    show_envvar=True,
    type=click.Path(exists=True, path_type=Path),
    help="Elevation model: any raster, or a folder of tiles.",
)
@click.option("--pol", "polarizations", multiple=True, help="Polarization; repeat for more  [default: all].")
@click.option("--aoi", help="Area of interest: vector file, WKT, or minx,miny,maxx,maxy in degrees.")
@click.option("--crs", default="auto", show_default=True, help="EPSG:<code>, WKT, or auto: UTM of the scene.")
@click.option("--spacing", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Pixel size, m.")
@click.option("--layers", default="", help=f"Further layers, separated by commas: {', '.join(LAYERS)}.")
@click.option("--engine", type=click.Choice(["native"]), default="native", show_default=True)
@click.option(
    "-P",
    "parameters",
    type=assignment,
    metavar="NAME=VALUE",
    multiple=True,
    help="Any parameter of the recipe.",
)
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Compare the scene's files with the checksums of its manifest (with --aoi: all but the measurements).",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Folder of cards  [default: .].")
@click.option("--overwrite", is_flag=True, help="Replace a card that exists.")
@_shared_options
def bs(
    scene: Path,
    recipe: str,
    dem: Path,
    polarizations: tuple[str, ...],
    aoi: str | None,
    crs: str,
    spacing: float,
    layers: str,
    engine: str,
    parameters: tuple[tuple[str, str], ...],
    verify: bool,
    out: Path,
    overwrite: bool,
    orbit: str,
    dem_datum: str | None,
    geoid: Path | None,
    memory: int,
    threads: int | None,
    block: int,
    as_json: bool,
) -> None:
    """Make a backscatter card (CARD-BS) of SCENE, a GRD product: .SAFE folder or its zip."""
    datum = _datum_of(dem, dem_datum)
    order = BackscatterOrder(
        scene,
        dem,
        datum,
        recipe,
        {
            **_place(aoi, crs, spacing),
            "polarisations": ",".join(p.upper() for p in polarizations),
            "continueOnFail": str(orbit in ("auto", "none")).lower(),
            **dict(parameters),
        },
        tuple(name.strip() for name in layers.split(",") if name.strip()),
        verify,
    )
    native = NativeEngine(_surroundings(orbit, str(datum), geoid, memory, threads, block))
    begun = time.monotonic()
    with reporting(scene.name, quiet=as_json) as progress:
        card = make_backscatter_card(order, native, out, overwrite=overwrite, progress=progress)
    _show_card(card, time.monotonic() - begun, as_json)


def _datum_of(dem: Path, stated: str | None) -> VerticalDatum:
    datum = VerticalDatum.parse(stated) if stated else guess_datum(dem)
    if datum is None:
        raise UsageError(
            "the elevation model does not say what its heights are measured from",
            subject=str(dem),
            advice="State it with --dem-datum ellipsoid, egm96 or egm2008: a wrong one shifts the card by 50 m",
        )
    return datum


def _place(aoi: str | None, crs: str, spacing: float) -> dict[str, str]:
    """Parameters of the output grid; its pixel edges lie on multiples of the spacing."""
    projection = "AUTO:42001" if crs == "auto" else crs
    origin = f"{spacing / 2:.12g}"
    if _is_geographic(projection):
        origin = f"{math.degrees(spacing / 2 / SEMI_MAJOR_AXIS):.17g}"
    return {
        "aoi": area_wkt(aoi) if aoi else "",
        "crs": projection,
        "spacing": f"{spacing:.12g}",
        "gridOrigin": origin,
    }


def _is_geographic(projection: str) -> bool:
    """Whether a map projection is in degrees.

    Raises:
        UsageError: It is none.
    """
    if projection.upper().startswith("AUTO:42001"):
        return False
    try:
        return bool(CRS.from_user_input(projection).is_geographic)
    except CRSError as error:
        raise UsageError(
            f"--crs {projection[:60]!r} is not understood", advice="Use auto, EPSG:<code> or WKT"
        ) from error


def _surroundings(
    orbit: str,
    datum: str | None,
    geoid: Path | None,
    memory: int,
    threads: int | None,
    block: int,
    dem: Path | None = None,
) -> Surroundings:
    return Surroundings(
        orbit=orbit,
        dem=dem,
        dem_datum=datum,
        geoid=geoid,
        memory=memory,
        threads=threads or len(os.sched_getaffinity(0)),
        block=block,
    )


def _show_card(card: Card, seconds: float, as_json: bool) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
    if as_json:
        result = {
            "id": card.id,
            "folder": str(card.folder),
            "item": str(card.item),
            "bands": {name: str(path) for name, path in card.bands.items()},
            "seconds": round(seconds, 2),
            "peak_memory": peak,
        }
        click.echo(json.dumps(result, indent=2))
        return
    click.echo(card.folder)
    click.echo(f"{', '.join(card.bands)} in {seconds:.1f} s, peak memory {peak / MEBIBYTE:.0f} MiB", err=True)


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
@_shared_options
def run(
    graph_file: str,
    scenes: tuple[str, ...],
    parameters: tuple[tuple[str, str], ...],
    sources: tuple[tuple[str, str], ...],
    target: str,
    format_name: str,
    dem: Path | None,
    orbit: str,
    dem_datum: str | None,
    geoid: Path | None,
    memory: int,
    threads: int | None,
    block: int,
    as_json: bool,
) -> None:
    """Run any SNAP GRAPH: a file or the name of a recipe. SCENES fill its unnamed sources."""
    graph = read_graph(find_recipe(graph_file))
    refuse_unknown(graph, [name for name, _ in parameters])
    recipe = with_sources(fill(graph, dict(parameters)), {**positional_sources(scenes), **dict(sources)})
    recipe = with_target(recipe, target, format_name)
    recipe = _naming_dem(recipe, dem) if dem else recipe
    datum = dem_datum or (str(_datum_of(dem, None)) if dem else None)
    engine = NativeEngine(_surroundings(orbit, datum, geoid, memory, threads, block, dem))
    with reporting(Path(graph_file).name, quiet=as_json) as progress:
        written = engine.run(recipe, progress=progress)
    paths = [str(path) for one in written for path in one.paths]
    click.echo(json.dumps({"files": paths}, indent=2) if as_json else "\n".join(paths))


def _naming_dem(graph: Graph, dem: Path) -> Graph:
    """The graph with this elevation model in every node that states one."""
    for node in graph.nodes:
        if any(parameter.name == "externalDEMFile" for parameter in node.parameters):
            graph = override_parameter(graph, node.id, "externalDEMFile", str(dem))
    return graph
