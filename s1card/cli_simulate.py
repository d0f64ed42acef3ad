"""``s1card simulate``: synthetic products with known truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from s1card.simulate.choices import DAYS, TERRAINS
from s1card.simulate.config import BORDERS, MODES, SPECKLES, GrdConfig, SimulatedScene
from s1card.simulate.faults import FAULTS, break_product
from s1card.simulate.grd import simulate_grd
from s1card.simulate.safe_writer import zip_product

_DEFAULT = GrdConfig()
_FAULTS = "\n".join(f"  {name:<26}{what}" for name, (what, _) in FAULTS.items())


@click.group()
def simulate() -> None:
    """Make synthetic products with known truth."""


def _option(
    flag: str, name: str, kind: Any, text: str
) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """An option with the default of the configuration."""
    return click.option(flag, name, type=kind, default=getattr(_DEFAULT, name), show_default=True, help=text)


_OPTIONS = (
    _option("--lines", "lines", click.IntRange(64, 40_000), "Lines of the image."),
    _option("--pixels", "pixels", click.IntRange(64, 40_000), "Pixels of a line."),
    _option("--mode", "mode", click.Choice(list(MODES)), "Acquisition mode."),
    _option("--platform", "platform", click.Choice(list(DAYS)), "Satellite."),
    _option("--lon", "longitude", float, "Longitude of the scene centre, degrees."),
    _option("--lat", "latitude", float, "Latitude of the scene centre, degrees."),
    _option("--range-position", "range_position", click.FloatRange(0.0, 1.0), "0 near, 1 far edge."),
    _option("--terrain", "terrain", click.Choice(list(TERRAINS)), "Shape of the ground."),
    _option("--height", "height", float, "Height that the terrain does not go below, metres."),
    _option("--dem-spacing", "dem_spacing", float, "Spacing of the elevation model, arc seconds."),
    _option("--targets", "targets", click.IntRange(0), "Number of point targets."),
    _option("--ipf", "ipf", str, "Version of ESA's processor to imitate."),
    _option("--speckle", "speckle", click.Choice(SPECKLES), "Speckle; table is the faster one."),
    _option("--looks", "looks", float, "Equivalent number of looks."),
    _option("--border", "border", int, "Columns without signal at both sides."),
    _option("--border-kind", "border_kind", click.Choice(BORDERS), "What is in the border."),
    _option("--seed", "seed", click.IntRange(0), "Seed of everything random."),
    _option("--threads", "threads", click.IntRange(1), "Threads; the result does not depend on them."),
)


def _grd_options(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@simulate.command(epilog=f"\b\nFaults:\n{_FAULTS}")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to fill."
)
@_grd_options
@click.option(
    "--pass",
    "direction",
    type=click.Choice(["ascending", "descending"]),
    default="ascending",
    show_default=True,
    help="Direction of flight.",
)
@click.option("--date", default="", help="Day, or UTC time of the middle of the scene.")
@click.option(
    "--pol",
    "polarizations",
    multiple=True,
    default=_DEFAULT.polarizations,
    show_default=True,
    help="Polarization, co-polarization first; may be given twice.",
)
@click.option(
    "--orbit-error",
    "annotation_orbit_error",
    type=float,
    nargs=3,
    default=_DEFAULT.annotation_orbit_error,
    show_default=True,
    help="Offset of the annotated orbit along track, to the right, up; metres.",
)
@click.option("--noise/--no-noise", "thermal_noise", default=True, help="Thermal noise in the pixels.")
@click.option("--cog", is_flag=True, help="Cloud-optimised measurements.")
@click.option("--zip", "with_zip", is_flag=True, help="Write a zip of the product as well.")
@click.option(
    "--fault", type=click.Choice(list(FAULTS)), metavar="NAME", help="Make the product wrong; see below."
)
@click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON.")
def grd(out: Path, direction: str, with_zip: bool, fault: str | None, as_json: bool, **choices: Any) -> None:
    """Make a GRD scene with its precise orbit file, elevation model and truth."""
    config = GrdConfig(ascending=direction == "ascending", **choices)
    scene = simulate_grd(config, out)
    if fault:
        scene = replace(scene, safe=break_product(scene.safe, fault))
    if with_zip:
        scene = replace(scene, archive=zip_product(scene.safe))
    _print(scene, as_json)


def _print(scene: SimulatedScene, as_json: bool) -> None:
    paths = {name: str(path) for name, path in asdict(scene).items() if path is not None}
    if as_json:
        click.echo(json.dumps(paths, indent=2))
        return
    for name, path in paths.items():
        click.echo(f"{name:<8} {path}")
