"""Options that several commands share, gathered into values."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pyproj import CRS
from pyproj.exceptions import CRSError

from s1card.cli_options import area_wkt, assignment, memory_size
from s1card.engine.native.context import Surroundings
from s1card.errors import UsageError
from s1card.geometry.dem import guess_datum
from s1card.geometry.ellipsoid import SEMI_MAJOR_AXIS
from s1card.geometry.geoid import VerticalDatum

Command = Callable[..., Any]


@dataclass(frozen=True)
class RunSettings:
    """Options of every command that computes; the names are those of the options."""

    orbit: str
    dem_datum: str | None
    geoid: Path | None
    memory: int
    threads: int | None
    block: int
    as_json: bool

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
            memory=self.memory,
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


@dataclass(frozen=True)
class CardSettings:
    """Options of every command that makes a card; the names are those of the options."""

    dem: Path
    polarizations: tuple[str, ...]
    aoi: str | None
    crs: str
    spacing: float
    layers: str
    engine: str
    parameters: tuple[tuple[str, str], ...]
    verify: bool
    out: Path
    overwrite: bool

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
        click.option("--engine", type=click.Choice(["native"]), default="native", show_default=True),
        click.option(
            "-P",
            "parameters",
            type=assignment,
            metavar="NAME=VALUE",
            multiple=True,
            help="Any parameter of the recipe.",
        ),
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
    )


def with_run_settings(command: Command) -> Command:
    """Give a command the options of `RunSettings` as one argument, ``settings``."""
    return _gathering(command, RunSettings, "settings", _RUN_OPTIONS)


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
