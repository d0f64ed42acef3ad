"""The commands that make cards: ``bs`` and ``coh6``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from s1card.card.backscatter import BackscatterOrder, make_backscatter_card
from s1card.card.coherence import CoherenceOrder, make_coherence_card
from s1card.card.order import LAYERS
from s1card.card.product import Card
from s1card.cli_settings import CardSettings, RunSettings, with_card_settings, with_run_settings
from s1card.engine.native.context import MEBIBYTE
from s1card.memory import peak_memory
from s1card.progress import reporting


@click.command()
@click.argument("scenes", metavar="SCENE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--recipe",
    default="",
    help="Name of a recipe, or a graph file  [default: card-bs for GRD, card-bs-slc for SLC].",
)
@click.option(
    "--legacy",
    is_flag=True,
    help="Write <id>.dim and <id>.data/Gamma0_VV.img into the card too, with 0 for no data.",
)
@with_card_settings(10.0, tuple(LAYERS))
@with_run_settings
def bs(
    scenes: tuple[Path, ...], recipe: str, legacy: bool, card: CardSettings, settings: RunSettings
) -> None:
    """Make a backscatter card (CARD-BS) of SCENE, a GRD or IW SLC product: .SAFE folder or its zip.

    Slices of one datatake that follow each other become one card; give them in order of time.
    """
    datum, existing = settings.datum_of(card.dem), card.existing
    order = BackscatterOrder(
        scenes[0],
        card.dem,
        datum,
        recipe,
        card.recipe_parameters(settings.orbit),
        card.layer_names,
        card.verify,
        scenes[1:],
        legacy,
    )
    engine = settings.engine_of(str(datum))
    begun = time.monotonic()
    with reporting(scenes[0].name, quiet=settings.as_json) as progress:
        made = make_backscatter_card(order, engine, card.out, existing=existing, progress=progress)
    _show_card(made, time.monotonic() - begun, settings.as_json)


@click.command()
@click.argument(
    "scenes", metavar="REFERENCE SECONDARY", type=click.Path(path_type=Path), nargs=-1, required=True
)
@click.option("--recipe", default="card-coh6", show_default=True, help="Name of a recipe, or a graph file.")
@click.option("--subswath", "swaths", multiple=True, help="Sub-swath; repeat for more  [default: all].")
@with_card_settings(20.0, tuple(name for name in LAYERS if name != "area"))
@with_run_settings
def coh6(
    scenes: tuple[Path, ...], recipe: str, swaths: tuple[str, ...], card: CardSettings, settings: RunSettings
) -> None:
    """Make a coherence card (CARD-COH6) of two IW SLC scenes of one track: .SAFE folders or their zips.

    The later date is the reference, whichever is named first. Of each date several slices that follow each other may
    be given.
    """
    datum, existing = settings.datum_of(card.dem), card.existing
    order = CoherenceOrder(
        scenes,
        card.dem,
        datum,
        recipe,
        card.recipe_parameters(settings.orbit),
        card.layer_names,
        card.verify,
        tuple(swath.upper() for swath in swaths),
    )
    engine = settings.engine_of(str(datum))
    begun = time.monotonic()
    with reporting(f"coherence of {len(scenes)} scenes", quiet=settings.as_json) as progress:
        made = make_coherence_card(order, engine, card.out, existing=existing, progress=progress)
    _show_card(made, time.monotonic() - begun, settings.as_json)


def _show_card(card: Card, seconds: float, as_json: bool) -> None:
    peak = peak_memory()
    if as_json:
        result = {
            "id": card.id,
            "folder": str(card.folder),
            "item": str(card.item),
            "is_new": card.is_new,
            "bands": {name: str(path) for name, path in card.bands.items()},
            "seconds": round(seconds, 2),
            "peak_memory": peak,
        }
        click.echo(json.dumps(result, indent=2))
        return
    click.echo(card.folder)
    if not card.is_new:
        click.echo("the card is there already", err=True)
        return
    click.echo(f"{', '.join(card.bands)} in {seconds:.1f} s, peak memory {peak / MEBIBYTE:.0f} MiB", err=True)
