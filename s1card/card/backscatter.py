"""Make a backscatter card: a GRD or SLC scene, a recipe and an engine in, a card out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from s1card.card.order import (
    check_input,
    filled_recipe,
    require_polarizations,
    single_output,
    write_card,
)
from s1card.card.product import Card
from s1card.card.records import CardContext
from s1card.engine.base import Engine, Progress
from s1card.errors import SceneError
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.edit import fitted_to_sub_swaths
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph, write_graph
from s1card.scene.reader import open_scene
from s1card.scene.scene import Scene

KIND_OF_RECIPE = {"card-bs-rtc": "CARD_BS_RTC"}
RECIPES = {"GRD": "card-bs", "SLC": "card-bs-slc"}
"""The recipe of the standard card by type of product."""


@dataclass(frozen=True)
class BackscatterOrder:
    """What is wanted; see `s1card.card.order.CardOrder`.

    Attributes:
        scene: SAFE folder or zip.
        recipe: Name or file of the recipe; "" for that of the standard card.
    """

    scene: Path
    dem: Path
    dem_datum: VerticalDatum
    recipe: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    verify: bool = True


def make_backscatter_card(
    order: BackscatterOrder,
    engine: Engine,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Card:
    """Make a card in the folder ``out``.

    Raises:
        SceneError: The scene is damaged, or its type does not fit the recipe.
        GraphError: The recipe or a parameter is wrong.
        DataError: Orbit, DEM or area do not fit the scene; nothing was valid.
        ResourceError: Memory or disk ran out.
    """
    scene = open_scene(order.scene)
    standard = RECIPES[scene.manifest.product_type]
    recipe = read_graph(find_recipe(order.recipe or standard))
    _require_fit(scene, recipe.id)
    require_polarizations(scene.polarizations, order, scene.name)
    check_input([scene], order)
    recipe = fitted_to_sub_swaths(recipe, [image.swath for image in scene.images])
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
    )
    return write_card(prepared, output, context, out, overwrite=overwrite, progress=progress)


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
