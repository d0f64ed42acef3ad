"""Make a backscatter card: a GRD or SLC scene, or slices of one, a recipe and an engine in, a card out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from s1card.card.folder import Existing
from s1card.card.order import (
    check_input,
    filled_recipe,
    finished_card,
    require_polarizations,
    single_output,
    verify_input,
    write_card,
)
from s1card.card.product import Card
from s1card.card.records import CardContext
from s1card.engine.base import Engine, Progress
from s1card.errors import GraphError, SceneError
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.edit import fitted_to_sub_swaths, with_slices
from s1card.graph.model import Graph
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph, write_graph
from s1card.scene.acquisition import both
from s1card.scene.reader import open_scene
from s1card.scene.scene import Scene
from s1card.scene.slices import assemble_slices

KIND_OF_RECIPE = {"card-bs-rtc": "CARD_BS_RTC"}
INPUT = "${input}"
RECIPES = {"GRD": "card-bs", "SLC": "card-bs-slc"}
"""The recipe of the standard card by type of product."""


@dataclass(frozen=True)
class BackscatterOrder:
    """What is wanted; see `s1card.card.order.CardOrder`.

    Attributes:
        scene: SAFE folder or zip.
        recipe: Name or file of the recipe; "" for that of the standard card.
        slices: Further slices of its datatake, in order of time, that the card covers too.
        legacy: Whether the card holds its rasters as the JRC system kept them too.
    """

    scene: Path
    dem: Path
    dem_datum: VerticalDatum
    recipe: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    verify: bool = True
    slices: tuple[Path, ...] = ()
    legacy: bool = False


def make_backscatter_card(
    order: BackscatterOrder,
    engine: Engine,
    out: Path,
    *,
    existing: Existing = Existing.REFUSED,
    progress: Progress | None = None,
) -> Card:
    """Make a card in the folder ``out``; one that is there is returned where it is to be left.

    Raises:
        SceneError: The scene is damaged, its type does not fit the recipe, or slices do not follow each other.
        GraphError: The recipe or a parameter is wrong.
        DataError: Orbit, DEM or area do not fit the scene; nothing was valid.
        ResourceError: Memory or disk ran out.
    """
    slices = [open_scene(path) for path in (order.scene, *order.slices)]
    scene = _one_scene(slices, engine)
    standard = RECIPES[scene.manifest.product_type]
    recipe = read_graph(find_recipe(order.recipe or standard))
    _require_fit(scene, recipe.id)
    require_polarizations(scene.polarizations, order, scene.name)
    check_input(slices)
    recipe = fitted_to_sub_swaths(recipe, [image.swath for image in scene.images])
    if len(slices) > 1:
        recipe = with_slices(recipe, _read_of(recipe), [INPUT, *(str(path) for path in order.slices)])
    graph, differences = filled_recipe(recipe, {"input": str(order.scene)}, order)
    prepared = engine.prepare(graph)
    output = single_output(prepared)
    assert output.grid is not None and output.state_vectors is not None
    context = CardContext(
        kind=KIND_OF_RECIPE.get(recipe.id, "CARD_BS"),
        scene=scene,
        grid=output.grid,
        state_vectors=output.state_vectors,
        dem_name=order.dem.name,
        dem_datum=str(order.dem_datum),
        graph_xml=write_graph(graph),
        recipe=recipe.id or Path(order.recipe).stem,
        engine=engine.name,
        software=engine.software,
        parameters=differences,
        measures=output.measures,
        slices=tuple(slices) if len(slices) > 1 else (),
    )
    card = finished_card(out, context, existing)
    if card:
        return card
    verify_input(slices, order)
    return write_card(
        prepared, output, context, out, existing=existing, progress=progress, legacy=order.legacy
    )


def _one_scene(slices: Sequence[Scene], engine: Engine) -> Scene:
    """The scene, or its slices as one.

    Raises:
        SceneError: The slices are not in order of time, not of one datatake, or do not adjoin.
        GraphError: The engine cannot put them together.
    """
    if len(slices) == 1:
        return slices[0]
    for first, second in pairwise(slices):
        if second.manifest.start_time < first.manifest.start_time:
            raise SceneError(
                "the slices are not in order of time: the second of these begins before the first",
                subject=both(first, second),
                advice="Give them in the order in which they were taken",
            )
    if engine.name != "native":
        raise GraphError(
            "SNAP does not remove the noise of slices that were put together",
            subject=both(slices[0], slices[1]),
            advice="Use --engine native, or make a card of every slice",
        )
    return assemble_slices(slices).scene


def _read_of(recipe: Graph) -> str:
    """The Read node of the scene.

    Raises:
        GraphError: The recipe has none.
    """
    for node in recipe.nodes:
        if node.operator == "Read" and node.value("file") == INPUT:
            return node.id
    raise GraphError(f"the recipe has no Read node of {INPUT}", subject=recipe.id)


def _require_fit(scene: Scene, recipe: str) -> None:
    """Refuse a recipe of the package that is for the other type of product."""
    kind = scene.manifest.product_type
    for other, name in RECIPES.items():
        if recipe == name and kind != other:
            raise SceneError(
                f"the recipe {recipe} is for {other} products, this is one of type {kind}",
                subject=scene.name,
                advice=f"Use --recipe {RECIPES[kind]}, or give the {other} product of the same acquisition",
            )
