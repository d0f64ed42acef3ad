"""``s1card simulate``: synthetic products with known truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from s1card.simulate.choices import DAYS, TERRAINS
from s1card.simulate.config import BORDERS, MODES, SPECKLES, GrdConfig
from s1card.simulate.faults import FAULTS, SLC_FAULTS, Fault, break_product
from s1card.simulate.grd import simulate_grd
from s1card.simulate.safe_writer import zip_product
from s1card.simulate.slc.config import FULL_SAMPLES, PAIR_FAULTS, SlcPairConfig
from s1card.simulate.slc.pair import simulate_slc_pair

_Option = Callable[[click.decorators.FC], click.decorators.FC]

_GRD, _PAIR = GrdConfig(), SlcPairConfig()


@click.group()
def simulate() -> None:
    """Make synthetic products with known truth."""


def _options(default: GrdConfig | SlcPairConfig, *rows: tuple[str, str, Any, str]) -> list[_Option[Any]]:
    """Options from flag, name, type and text, with the defaults of a configuration."""
    return [
        click.option(flag, name, type=kind, default=getattr(default, name), show_default=True, help=text)
        for flag, name, kind, text in rows
    ]


def _common(default: GrdConfig | SlcPairConfig) -> list[_Option[Any]]:
    """Options of every kind of scene."""
    return [
        *_options(
            default,
            ("--platform", "platform", click.Choice(list(DAYS)), "Satellite (of the reference)."),
            ("--lon", "longitude", float, "Longitude of the scene centre, degrees."),
            ("--lat", "latitude", float, "Latitude of the scene centre, degrees."),
            ("--range-position", "range_position", click.FloatRange(0.0, 1.0), "0 near, 1 far edge."),
            ("--terrain", "terrain", click.Choice(list(TERRAINS)), "Shape of the ground."),
            ("--height", "height", float, "Height that the terrain does not go below, metres."),
            ("--dem-spacing", "dem_spacing", float, "Spacing of the elevation model, arc seconds."),
            ("--ipf", "ipf", str, "Version of ESA's processor to imitate."),
            ("--seed", "seed", click.IntRange(0), "Seed of everything random."),
            ("--threads", "threads", click.IntRange(1), "Threads; the result does not depend on them."),
        ),
        click.option(
            "--pass",
            "direction",
            type=click.Choice(["ascending", "descending"]),
            default="ascending",
            show_default=True,
            help="Direction of flight.",
        ),
        click.option(
            "--pol",
            "polarizations",
            multiple=True,
            default=default.polarizations,
            show_default=True,
            help="Polarization, co-polarization first; may be given twice.",
        ),
        click.option(
            "--orbit-error",
            "annotation_orbit_error",
            type=float,
            nargs=3,
            default=default.annotation_orbit_error,
            show_default=True,
            help="Offset of the annotated orbit along track, to the right, up; metres.",
        ),
        click.option(
            "--noise/--no-noise", "thermal_noise", default=True, help="Thermal noise in the pixels."
        ),
        click.option(
            "--slopes",
            is_flag=True,
            help="Slopes as bright as the radar sees them: gamma0 is that of the terrain.",
        ),
        click.option("--zip", "with_zip", is_flag=True, help="Write zips of the products as well."),
        click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON."),
    ]


def _out() -> _Option[Any]:
    kind = click.Path(path_type=Path, file_okay=False)
    return click.option("--out", type=kind, required=True, help="Folder to fill.")


def _fault(names: Iterable[str]) -> _Option[Any]:
    return click.option(
        "--fault", type=click.Choice(list(names)), metavar="NAME", help="Make something wrong; see below."
    )


def _said(faults: Mapping[str, Fault]) -> dict[str, str]:
    return {name: what for name, (what, _) in faults.items()}


def _table(faults: Mapping[str, str]) -> str:
    return "\n".join(f"  {name:<26}{what}" for name, what in faults.items())


def _all(options: list[_Option[Any]]) -> _Option[Any]:
    def apply(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


@simulate.command(epilog=f"\b\nFaults:\n{_table(_said(FAULTS))}")
@_out()
@_all(
    _options(
        _GRD,
        ("--lines", "lines", click.IntRange(64, 40_000), "Lines of the image."),
        ("--pixels", "pixels", click.IntRange(64, 40_000), "Pixels of a line."),
        ("--mode", "mode", click.Choice(list(MODES)), "Acquisition mode."),
        ("--targets", "targets", click.IntRange(0), "Number of point targets."),
        ("--speckle", "speckle", click.Choice(SPECKLES), "Speckle; table is the faster one."),
        ("--looks", "looks", float, "Equivalent number of looks."),
        ("--digital-scale", "digital_scale", float, "Factor on digital numbers: finer rounding."),
        ("--border", "border", int, "Columns without signal at both sides."),
        ("--border-kind", "border_kind", click.Choice(BORDERS), "What is in the border."),
    )
)
@_all(_common(_GRD))
@click.option("--cog", is_flag=True, help="Cloud-optimised measurements.")
@_fault(FAULTS)
def grd(out: Path, direction: str, with_zip: bool, fault: str | None, as_json: bool, **choices: Any) -> None:
    """Make a GRD scene with its precise orbit file, elevation model and truth."""
    config = GrdConfig(ascending=direction == "ascending", **choices)
    scene = simulate_grd(config, out)
    if fault:
        scene = replace(scene, safe=break_product(scene.safe, fault))
    if with_zip:
        scene = replace(scene, archive=zip_product(scene.safe))
    _print({name: [path] for name, path in asdict(scene).items() if path is not None}, as_json, single=True)


@simulate.command("slc-pair", epilog=f"\b\nFaults:\n{_table(PAIR_FAULTS | _said(SLC_FAULTS))}")
@_out()
@_all(
    _options(
        _PAIR,
        ("--bursts", "bursts", click.IntRange(1), "Bursts per sub-swath."),
        ("--samples", "samples", click.IntRange(1), f"Width of IW1; {FULL_SAMPLES} is a full product."),
        (
            "--secondary-platform",
            "secondary_platform",
            click.Choice(list(DAYS)),
            "Satellite of the secondary.",
        ),
        ("--days", "days", click.IntRange(1), "Days from the secondary to the reference."),
        ("--baseline", "baseline", float, "Perpendicular baseline at the scene centre, metres."),
        (
            "--missync",
            "missync",
            float,
            "Lines by which the ground lies farther down in the secondary's bursts.",
        ),
        ("--range-shift", "range_shift", float, "Samples by which the secondary's range gate opens later."),
        ("--targets", "targets", click.IntRange(0), "Point targets per burst; overlaps have one more."),
        ("--slices", "slices", click.IntRange(1, 2), "Consecutive products that a date is cut into."),
    )
)
@click.option(
    "--swaths", default=",".join(_PAIR.swaths), show_default=True, help="Sub-swaths, separated by commas."
)
@_all(_common(_PAIR))
@_fault((*PAIR_FAULTS, *SLC_FAULTS))
def slc_pair(
    out: Path,
    direction: str,
    swaths: str,
    with_zip: bool,
    fault: str | None,
    as_json: bool,
    **choices: Any,
) -> None:
    """Make a pair of IW SLC scenes with precise orbit files, elevation model and truth.

    The reference is the later date.
    """
    config = SlcPairConfig(
        ascending=direction == "ascending",
        swaths=tuple(swaths.split(",")),
        fault=fault or "",
        zip=with_zip,
        **choices,
    )
    pair = asdict(simulate_slc_pair(config, out))
    paths = {name: [value] if isinstance(value, Path) else list(value) for name, value in pair.items()}
    _print({name: found for name, found in paths.items() if found}, as_json, single=False)


def _print(paths: dict[str, list[Path]], as_json: bool, *, single: bool) -> None:
    """Print named paths; ``single``: one path has no list around it in JSON."""
    if as_json:
        said = {
            name: str(found[0]) if single or name in ("dem", "truth") else [str(path) for path in found]
            for name, found in paths.items()
        }
        click.echo(json.dumps(said, indent=2))
        return
    for name, found in paths.items():
        for path in found:
            click.echo(f"{name:<8} {path}")
