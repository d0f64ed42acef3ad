"""Options that several commands share, gathered into values."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from pyproj import CRS
from pyproj.exceptions import CRSError

from s1card.card.folder import Existing
from s1card.cli_options import area_wkt, assignment, memory_size
from s1card.engine.base import Engine
from s1card.engine.named import ENGINES, engine_named
from s1card.engine.native.context import MEBIBYTE, Surroundings
from s1card.engine.snap.settings import DEFAULT_IMAGE, STALLED_AFTER, SnapSettings
from s1card.errors import UsageError
from s1card.geometry.dem import guess_datum
from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.fill import (
    fill,
    positional_sources,
    refuse_unknown,
    with_elevation_model,
    with_sources,
    with_target,
)
from s1card.graph.model import Graph
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph

Command = Callable[..., Any]
DEFAULT_MEMORY = 2048 * MEBIBYTE


@dataclass(frozen=True)
class RunSettings:
    """Options of every command that computes; the names are those of the options."""

    orbit: str
    dem_datum: str | None
    geoid: Path | None
    memory: int | None
    threads: int | None
    block: int
    engine: str
    gpt: Path | None
    container_runtime: str
    container_image: str
    scratch: Path | None
    keep_scratch: bool
    snap_timeout: float
    as_json: bool

    def engine_of(self, datum: str | None, dem: Path | None = None) -> Engine:
        """The engine that was chosen, in its surroundings; see `surroundings`.

        Raises:
            UsageError: What it runs is not installed.
        """
        return engine_named(self.engine, self.surroundings(datum, dem), self.snap)

    @property
    def snap(self) -> SnapSettings:
        """How SNAP is found and run, where it is the engine."""
        return replace(
            SnapSettings.from_environment(),
            gpt=self.gpt,
            scratch=self.scratch,
            keep_scratch=self.keep_scratch,
            stalled_after=self.snap_timeout,
            memory=self.memory,
            threads=self.threads,
            runtime=self.container_runtime,
            image=self.container_image,
        )

    def surroundings(self, datum: str | None, dem: Path | None = None) -> Surroundings:
        """Surroundings of a run.

        Args:
            datum: Vertical datum of the elevation model.
            dem: Elevation model that replaces the one of the graph.
        """
        return Surroundings(
            orbit=self.orbit,
            dem=dem,
            dem_datum=datum,
            geoid=self.geoid,
            memory=self.memory or DEFAULT_MEMORY,
            threads=self.threads or len(os.sched_getaffinity(0)),
            block=self.block,
        )

    def datum_of(self, dem: Path) -> VerticalDatum:
        """Vertical datum of an elevation model: as stated, or as its files tell.

        Raises:
            UsageError: Neither says.
        """
        datum = VerticalDatum.parse(self.dem_datum) if self.dem_datum else guess_datum(dem)
        if datum is None:
            raise UsageError(
                "the elevation model does not say what its heights are measured from",
                subject=str(dem),
                advice="State it with --dem-datum ellipsoid, egm96 or egm2008: a wrong one shifts the card by 50 m",
            )
        return datum

    def engine_for(self, dem: Path | None) -> Engine:
        """The engine that was asked for, with an elevation model that replaces the one of the graph.

        Raises:
            UsageError: The vertical datum of the elevation model is not known.
        """
        return self.engine_of(self.dem_datum or (str(self.datum_of(dem)) if dem else None), dem)


@dataclass(frozen=True)
class GraphSettings:
    """Options of every command that runs any graph; the names are those of the options."""

    parameters: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]
    target: str
    format_name: str
    dem: Path | None

    def filled(self, graph_file: str, scenes: Sequence[str]) -> Graph:
        """The graph of a file or recipe, with parameters, sources and elevation model in their places.

        Raises:
            GraphError: It cannot be read, or lacks something.
            UsageError: A parameter is unknown.
        """
        graph = read_graph(find_recipe(graph_file))
        refuse_unknown(graph, [name for name, _ in self.parameters])
        graph = with_sources(
            fill(graph, dict(self.parameters)), {**positional_sources(scenes), **dict(self.sources)}
        )
        graph = with_target(graph, self.target, self.format_name)
        return with_elevation_model(graph, self.dem) if self.dem else graph


@dataclass(frozen=True)
class CardSettings:
    """Options of every command that makes a card; the names are those of the options."""

    dem: Path
    polarizations: tuple[str, ...]
    aoi: str | None
    crs: str
    spacing: float
    layers: str
    parameters: tuple[tuple[str, str], ...]
    verify: bool
    out: Path
    overwrite: bool
    missing: bool

    @property
    def existing(self) -> Existing:
        """What becomes of a card that is there already.

        Raises:
            UsageError: It is to be replaced and to be left.
        """
        if self.overwrite and self.missing:
            raise UsageError(
                "--overwrite and --missing exclude each other",
                advice="Use --overwrite to make all cards again, --missing to make those that are not there",
            )
        if self.overwrite:
            return Existing.REPLACED
        return Existing.LEFT if self.missing else Existing.REFUSED

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers wanted."""
        return tuple(name.strip() for name in self.layers.split(",") if name.strip())

    def recipe_parameters(self, orbit: str) -> dict[str, str]:
        """Values of the recipe's parameters.

        Raises:
            UsageError: The area or the projection is not understood.
        """
        return {
            **self._place(),
            "polarisations": ",".join(p.upper() for p in self.polarizations),
            "continueOnFail": str(orbit in ("auto", "none")).lower(),
            **dict(self.parameters),
        }

    def _place(self) -> dict[str, str]:
        """Parameters of the output grid; its pixel edges lie on multiples of the spacing."""
        projection = "AUTO:42001" if self.crs == "auto" else self.crs
        origin = f"{self.spacing / 2:.12g}"
        if _is_geographic(projection):
            origin = f"{math.degrees(self.spacing / 2 / SEMI_MAJOR_AXIS):.17g}"
        return {
            "aoi": area_wkt(self.aoi) if self.aoi else "",
            "crs": projection,
            "spacing": f"{self.spacing:.12g}",
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


_RUN_OPTIONS = (
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
        metavar="SIZE",
        help="Budget of the process  [default: 2G; with SNAP three quarters of what is free].",
    ),
    click.option("--threads", type=click.IntRange(1), help="Worker threads  [default: all cores]."),
    click.option(
        "--block",
        type=click.IntRange(64, 8192),
        default=512,
        show_default=True,
        help="Edge of the blocks of work, pixels; the result does not depend on it.",
    ),
    click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default="native",
        envvar="S1CARD_ENGINE",
        show_default=True,
        show_envvar=True,
        help="What computes: s1card itself, or SNAP - installed, in a container, or through esa_snappy.",
    ),
    click.option(
        "--gpt",
        type=click.Path(path_type=Path),
        envvar="S1CARD_GPT",
        show_envvar=True,
        help="SNAP's gpt, or its folder  [default: SNAP_HOME, then the search path].",
    ),
    click.option(
        "--container-runtime",
        default="",
        envvar="S1CARD_CONTAINER_RUNTIME",
        show_envvar=True,
        help="docker, podman, apptainer, charliecloud, or a path of one  [default: what is there].",
    ),
    click.option(
        "--container-image",
        default=DEFAULT_IMAGE,
        envvar="S1CARD_CONTAINER_IMAGE",
        show_default=True,
        show_envvar=True,
        help="Image with SNAP in it.",
    ),
    click.option(
        "--scratch",
        type=click.Path(path_type=Path),
        envvar="S1CARD_SCRATCH",
        show_envvar=True,
        help="Folder for SNAP's scratch folders  [default: that of temporary files].",
    ),
    click.option("--keep-scratch", is_flag=True, help="Keep SNAP's scratch folder, also after success."),
    click.option(
        "--snap-timeout",
        type=click.FloatRange(0.0),
        default=STALLED_AFTER,
        envvar="S1CARD_SNAP_TIMEOUT",
        show_default=True,
        show_envvar=True,
        metavar="SECONDS",
        help="Time without a sign of life after which SNAP is stopped; 0: never.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def _parameters_option(text: str) -> Callable[[Command], Command]:
    return click.option("-P", "parameters", type=assignment, metavar="NAME=VALUE", multiple=True, help=text)


_GRAPH_OPTIONS = (
    _parameters_option("Value of a ${placeholder}."),
    click.option(
        "-S",
        "sources",
        type=assignment,
        metavar="NAME=FILE",
        multiple=True,
        help="Product for a named source.",
    ),
    click.option(
        "-t", "target", default="target.dim", show_default=True, help="File of a graph without Write."
    ),
    click.option("-f", "format_name", default="", help="Its format  [default: by the extension of -t]."),
    click.option(
        "--dem",
        envvar="S1CARD_DEM",
        show_envvar=True,
        type=click.Path(exists=True, path_type=Path),
        help="Elevation model that replaces the one the graph names.",
    ),
)


def _card_options(spacing: float, layers: tuple[str, ...]) -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            "--dem",
            required=True,
            envvar="S1CARD_DEM",
            show_envvar=True,
            type=click.Path(exists=True, path_type=Path),
            help="Elevation model: any raster, or a folder of tiles.",
        ),
        click.option(
            "--pol", "polarizations", multiple=True, help="Polarization; repeat for more  [default: all]."
        ),
        click.option("--aoi", help="Area of interest: vector file, WKT, or minx,miny,maxx,maxy in degrees."),
        click.option(
            "--crs", default="auto", show_default=True, help="EPSG:<code>, WKT, or auto: UTM of the scene."
        ),
        click.option(
            "--spacing",
            type=click.FloatRange(0.1),
            default=spacing,
            show_default=True,
            help="Pixel size, m.",
        ),
        click.option(
            "--layers", default="", help=f"Further layers, separated by commas: {', '.join(layers)}."
        ),
        _parameters_option("Any parameter of the recipe."),
        click.option(
            "--verify/--no-verify",
            default=True,
            show_default=True,
            help="Compare a scene's files with the checksums of its manifest (with --aoi: all but the pixels).",
        ),
        click.option(
            "--out", type=click.Path(path_type=Path), default=Path(), help="Folder of cards  [default: .]."
        ),
        click.option("--overwrite", is_flag=True, help="Replace a card that exists."),
        click.option("--missing", is_flag=True, help="Leave a card that exists, and end well."),
    )


def with_run_settings(command: Command) -> Command:
    """Give a command the options of `RunSettings` as one argument, ``settings``."""
    return _gathering(command, RunSettings, "settings", _RUN_OPTIONS)


def with_graph_settings(command: Command) -> Command:
    """Give a command the options of `GraphSettings` as one argument, ``graph``."""
    return _gathering(command, GraphSettings, "graph", _GRAPH_OPTIONS)


def with_card_settings(spacing: float, layers: tuple[str, ...]) -> Callable[[Command], Command]:
    """Give a command the options of `CardSettings` as one argument, ``card``.

    Args:
        spacing: Default pixel size, m.
        layers: Names of the layers that there are.
    """
    return lambda command: _gathering(command, CardSettings, "card", _card_options(spacing, layers))


def _gathering(
    command: Command, kind: type[Any], argument: str, options: tuple[Callable[[Command], Command], ...]
) -> Command:
    @functools.wraps(command)
    def gathered(**values: Any) -> Any:
        own = {name: values.pop(name) for name in kind.__dataclass_fields__}
        return command(**values, **{argument: kind(**own)})

    made: Command = gathered
    for option in reversed(options):
        made = option(made)
    return made
