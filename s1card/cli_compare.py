"""The command that compares: ``compare``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from s1card.cli_settings import GraphSettings, RunSettings, with_graph_settings, with_run_settings
from s1card.engine.compare import (
    EngineRun,
    Limit,
    Options,
    ProductReport,
    compare_outputs,
    compare_runs,
    run_on,
    violations,
)
from s1card.engine.compare.text import markdown, print_tables
from s1card.errors import UsageError
from s1card.progress import reporting

NOT_HELD = 1
"""Exit code of a comparison whose tolerances are not held."""

SCALES = {"db": "dB", "linear": "linear", "phase": "phase"}


def limit(text: str) -> tuple[str, float]:
    """Pattern and number of ``[BAND=]NUMBER``, as an option's type.

    Raises:
        BadParameter: There is no number.
    """
    pattern, _, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a number, nor BAND=number") from None
    if not value >= 0.0:
        raise click.BadParameter(f"{text!r}: a tolerance is not negative")
    return pattern or "*", value


def scale(text: str) -> tuple[str, str]:
    """Pattern and scale of ``[BAND=]dB|linear|phase``, as an option's type.

    Raises:
        BadParameter: There is no such scale.
    """
    pattern, _, name = text.rpartition("=")
    if name.lower() not in SCALES:
        raise click.BadParameter(f"{name!r} is not one of dB, linear, phase")
    return pattern or "*", SCALES[name.lower()]


def _limit_option(name: str, text: str) -> Any:
    return click.option(name, type=limit, multiple=True, metavar="[BAND=]NUMBER", help=text)


@click.command()
@click.argument("first", metavar="FIRST|GRAPH")
@click.argument("others", metavar="[SECOND|SCENE]...", nargs=-1)
@click.option(
    "--engines",
    default="",
    metavar="NAME,NAME",
    help="Run GRAPH on these two engines, the first the reference.",
)
@with_graph_settings
@click.option("--keep", type=click.Path(path_type=Path), help="Folder that keeps what the engines made.")
@click.option(
    "--band", "bands", multiple=True, help="Band to compare, or a pattern; repeat for more  [default: all]."
)
@click.option(
    "--scale",
    "scales",
    type=scale,
    multiple=True,
    metavar="[BAND=]SCALE",
    help="How differences are stated: dB, linear or phase  [default: dB for power, linear for all else].",
)
@click.option("--nodata", type=float, help="Value without data where the files state none.")
@click.option("--shift/--no-shift", default=True, show_default=True, help="Look for a shift.")
@_limit_option("--max-bias", "Greatest absolute mean difference, dB or the band's unit.")
@_limit_option("--max-rmse", "Greatest root mean square difference.")
@_limit_option("--max-median", "Greatest median absolute difference.")
@_limit_option("--max-p95", "Greatest 95 % quantile of the absolute difference.")
@_limit_option("--max-shift", "Greatest shift, pixels.")
@_limit_option("--min-mask-agreement", "Least share of pixels (0 to 1) on whose validity both agree.")
@click.option("--strict", is_flag=True, help="Grids and bands must be the same.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="Draw both, the difference and its histogram into a PNG.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table as Markdown.")
@with_run_settings
def compare(
    first: str, others: tuple[str, ...], graph: GraphSettings, settings: RunSettings, **values: Any
) -> None:
    """Compare two finished outputs, or one GRAPH on two engines.

    Outputs are cards, GeoTIFF, BEAM-DIMAP, ENVI, or folders of them; bands are matched by name. Differences are second
    minus first. Exit code 1: a tolerance is not held.
    """
    options = Options(
        values["bands"], values["scales"], values["nodata"], values["shift"], settings.threads or 2
    )
    limits = _limits(values)
    _require_picture(values["picture"])
    with ExitStack() as stack:
        runs: list[EngineRun] = []
        if values["engines"]:
            call = GraphCall(first, others, values["engines"], graph, values["keep"])
            runs, products = call.compared(settings, options, stack)
        elif len(others) == 1:
            progress = stack.enter_context(reporting("compare", quiet=settings.as_json))
            products = compare_outputs(Path(first), Path(others[0]), options, progress)
        else:
            raise UsageError(
                f"a comparison is of two outputs, and {1 + len(others)} are named",
                advice="Name two, or a graph and --engines native,gpt",
            )
    broken = violations(products, limits, strict=values["strict"])
    left_out = _drawn(products, values["picture"])
    _print(products, runs, broken, left_out, as_json=settings.as_json, as_markdown=values["as_markdown"])
    if broken:
        sys.exit(NOT_HELD)


for _option in compare.params:
    if _option.name == "engine" and isinstance(_option, click.Option):
        _option.hidden = True  # of the settings of a run; here --engines says it


@dataclass(frozen=True)
class GraphCall:
    """A graph to be run on two engines, as the options say it."""

    graph_file: str
    scenes: tuple[str, ...]
    engines: str
    graph: GraphSettings
    keep: Path | None

    def compared(
        self, settings: RunSettings, options: Options, stack: ExitStack
    ) -> tuple[list[EngineRun], list[ProductReport]]:
        """Run it and compare what was made.

        Raises:
            S1CardError: An engine is not there, cannot run it, or failed.
        """
        graph = self.graph.filled(self.graph_file, self.scenes)
        names = [name.strip() for name in self.engines.split(",") if name.strip()]
        if len(names) != 2:
            raise UsageError(f"--engines names {len(names)} engines", advice="Write --engines native,gpt")
        engines = [replace(settings, engine=name).engine_for(self.graph.dem) for name in names]
        folder = self.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s1card-compare-")))
        progress = stack.enter_context(reporting(Path(self.graph_file).name, quiet=settings.as_json))
        runs = run_on(graph, engines, folder, progress)
        return runs, compare_runs(runs[0], runs[1], options)


def _limits(values: dict[str, Any]) -> tuple[Limit, ...]:
    measures = {
        "max_bias": "bias",
        "max_rmse": "rmse",
        "max_median": "median",
        "max_p95": "p95",
        "max_shift": "shift",
        "min_mask_agreement": "mask",
    }
    return tuple(
        Limit(measure, value, pattern)
        for option, measure in measures.items()
        for pattern, value in values[option]
    )


def _require_picture(path: Path | None) -> None:
    """Fail before the work, not after it.

    Raises:
        UsageError: Pictures cannot be drawn, or not there.
    """
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise UsageError("the folder of the picture does not exist", subject=str(path))
    from s1card.engine.compare import picture  # noqa: F401, PLC0415 - matplotlib takes half a second


def _drawn(products: list[ProductReport], path: Path | None) -> list[str]:
    if path is None:
        return []
    from s1card.engine.compare.picture import draw  # noqa: PLC0415 - matplotlib takes half a second

    return draw(products, path)


def _print(
    products: list[ProductReport],
    runs: Sequence[EngineRun],
    broken: list[str],
    left_out: list[str],
    *,
    as_json: bool,
    as_markdown: bool,
) -> None:
    if as_json:
        engines = [
            {"engine": run.engine, "seconds": run.seconds, "software": dict(run.software)} for run in runs
        ]
        result = {"held": not broken, "violations": broken, "products": [p.as_dict() for p in products]}
        click.echo(json.dumps(result | ({"engines": engines} if runs else {}), indent=2, allow_nan=False))
        return
    if as_markdown:
        click.echo(markdown(products))
    else:
        print_tables(products, Console(width=None if sys.stdout.isatty() else 150))
    for run in runs:
        click.echo(f"{run.engine}: {run.seconds:.1f} s")
    if left_out:
        click.echo(f"not on the picture: {', '.join(left_out)}", err=True)
    for text in broken:
        click.echo(f"not held: {text}", err=True)
