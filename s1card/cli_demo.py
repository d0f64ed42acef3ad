"""``s1card demo``: simulate a small scene, make its card, measure its accuracy."""

from __future__ import annotations

from pathlib import Path

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from s1card.accuracy import FieldError, Summary, TargetError, summary
from s1card.demo import REPORT, DemoResult, run_demo
from s1card.engine.native.context import MEBIBYTE
from s1card.engine.native.engine import NativeEngine
from s1card.progress import reporting

WIDTH = 100


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for scene, card and report; an earlier demo in it is replaced.",
)
def demo(out: Path) -> None:
    """Simulate a small scene, make its card, measure its accuracy against the truth.

    The scene has fields of known backscatter and point targets at known places on hills; the first run takes longer,
    because the computing kernels are compiled then.
    """
    with reporting("demo") as progress:
        result = run_demo(out, NativeEngine(), progress=progress)
    _show(result, out)


def _show(result: DemoResult, out: Path) -> None:
    console = Console(width=WIDTH, soft_wrap=True, highlight=False)
    console.print(f"\n[bold]{result.card.id}[/bold]")
    console.print(
        f"scene simulated in {result.simulation_seconds:.1f} s, card made in {result.card_seconds:.1f} s, "
        f"peak memory {result.peak_memory / MEBIBYTE:.0f} MiB\n"
    )
    console.print(_target_table(result.targets))
    console.print(_field_table(result.fields))
    console.print(f"\ncard       {result.card.folder}")
    console.print(f"report     {out / REPORT}")
    console.print(f"[bold]quicklook  {result.quicklook}[/bold]")


def _target_table(targets: dict[str, list[TargetError]]) -> Table:
    table = _table("Point targets: distance from their true place")
    for name in ("", "targets", "mean", "worst", "mean", "worst"):
        table.add_column(name, justify="right")
    for band, errors in targets.items():
        metres, pixels = summary(e.metres for e in errors), summary(e.pixels for e in errors)
        table.add_row(band, str(metres.count), *_both(metres, "m"), *_both(pixels, "pixel"))
    return table


def _both(errors: Summary, unit: str) -> tuple[str, str]:
    return f"{errors.mean:.3f} {unit}", f"{errors.worst:.3f} {unit}"


def _field_table(fields: dict[str, list[FieldError]]) -> Table:
    """A row per class of fields; the last two give mean and worst size of the errors."""
    table = _table("Fields: mean gamma0 against truth, and what speckle explains of the difference, dB")
    table.add_column("samples", justify="right")
    for band in fields:
        for name in (f"{band} truth", "error", "speckle"):
            table.add_column(name, justify="right")
    for classes in zip(*fields.values(), strict=True):
        cells = [cell for error in classes for cell in _cells(error)]
        table.add_row(f"{classes[0].samples:,}", *cells)
    table.add_section()
    totals = [summary(error.difference_db for error in errors) for errors in fields.values()]
    table.add_row("mean", *(cell for total in totals for cell in ("", f"{total.mean:.3f}", "")))
    table.add_row("worst", *(cell for total in totals for cell in ("", f"{total.worst:.3f}", "")))
    return table


def _cells(error: FieldError) -> tuple[str, str, str]:
    return f"{error.truth_db:.1f}", f"{error.difference_db:+.3f}", f"± {error.standard_error_db:.3f}"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE)
