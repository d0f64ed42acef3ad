"""Make a coherence card: two SLC scenes of one track, a recipe and an engine in, a card out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from s1card.card.records import CardContext, PairContext
from s1card.engine.base import Engine, Output, Progress
from s1card.errors import SceneError, UsageError
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.edit import fitted_to_sub_swaths, with_slices
from s1card.graph.model import Graph
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph, write_graph
from s1card.scene.pair import Pair, make_pair
from s1card.scene.reader import open_scene
from s1card.scene.scene import Scene

PLACEHOLDERS = ("reference", "secondary")


@dataclass(frozen=True)
class CoherenceOrder:
    """What is wanted; see `s1card.card.order.CardOrder`.

    Attributes:
        scenes: SAFE folders or zips of two dates, in any order; of each date one slice or several that adjoin.
        swaths: Sub-swaths; none for all that both dates have.
    """

    scenes: tuple[Path, ...]
    dem: Path
    dem_datum: VerticalDatum
    recipe: str = "card-coh6"
    parameters: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    verify: bool = True
    swaths: tuple[str, ...] = ()


def make_coherence_card(
    order: CoherenceOrder,
    engine: Engine,
    out: Path,
    *,
    existing: Existing = Existing.REFUSED,
    progress: Progress | None = None,
) -> Card:
    """Make a card in the folder ``out``; one that is there is returned where it is to be left.

    The later date is the reference.

    Raises:
        SceneError: A scene is damaged, or the scenes make no pair.
        GraphError: The recipe or a parameter is wrong.
        DataError: Orbit, DEM or area do not fit the scenes; nothing was valid.
        ResourceError: Memory or disk ran out.
    """
    scenes = [open_scene(path) for path in order.scenes]
    pair = make_pair(scenes)
    slices = (*pair.reference, *pair.secondary)
    require_polarizations(pair.polarizations, order, " and ".join(scene.name for scene in slices))
    check_input(slices)
    recipe = _recipe_of(order, pair)
    inputs = {
        name: scene.path
        for name, scene in zip(PLACEHOLDERS, (pair.reference[0], pair.secondary[0]), strict=True)
    }
    graph, differences = filled_recipe(recipe, inputs, _of_polarizations(order, pair))
    prepared = engine.prepare(graph)
    output = single_output(prepared)
    context = _context(order, pair, engine, output, graph, differences)
    card = finished_card(out, context, existing)
    if card:
        return card
    verify_input(slices, order)
    return write_card(prepared, output, context, out, existing=existing, progress=progress)


def _recipe_of(order: CoherenceOrder, pair: Pair) -> Graph:
    """The recipe for the sub-swaths wanted, with all slices of both dates."""
    missing = [swath for swath in order.swaths if swath not in pair.swaths]
    if missing:
        raise UsageError(
            f"the scenes have no sub-swath {', '.join(missing)} in common; there are {', '.join(pair.swaths)}",
            subject=f"{pair.reference[0].name} and {pair.secondary[0].name}",
        )
    graph = fitted_to_sub_swaths(read_graph(find_recipe(order.recipe)), order.swaths or pair.swaths)
    for name, slices in zip(PLACEHOLDERS, (pair.reference, pair.secondary), strict=True):
        graph = with_slices(
            graph, _read_of(graph, name, order.recipe), [f"${{{name}}}", *(s.path for s in slices[1:])]
        )
    return graph


def _read_of(graph: Graph, placeholder: str, recipe: str) -> str:
    """The Read node of a date.

    Raises:
        SceneError: The recipe does not read two dates.
    """
    for node in graph.nodes:
        if node.operator == "Read" and node.value("file") == f"${{{placeholder}}}":
            return node.id
    raise SceneError(
        f"the recipe has no Read node of ${{{placeholder}}}",
        subject=recipe,
        advice="Use 's1card run' for other graphs",
    )


def _of_polarizations(order: CoherenceOrder, pair: Pair) -> CoherenceOrder:
    """The order for the polarizations that both dates have, where they are not the same and none is named."""
    if order.parameters.get("polarisations"):
        return order
    everywhere = all(set(scene.polarizations) == set(pair.polarizations) for scene in _slices(pair))
    wanted = "" if everywhere else ",".join(pair.polarizations)
    return replace(order, parameters={**order.parameters, "polarisations": wanted})


def _slices(pair: Pair) -> tuple[Scene, ...]:
    return (*pair.reference, *pair.secondary)


def _context(
    order: CoherenceOrder,
    pair: Pair,
    engine: Engine,
    output: Output,
    graph: Graph,
    differences: Mapping[str, str],
) -> CardContext:
    assert output.grid is not None and output.state_vectors is not None
    swaths = {"swaths": ",".join(order.swaths)} if order.swaths else {}
    return CardContext(
        kind="CARD_COH6",
        scene=pair.reference[0],
        grid=output.grid,
        state_vectors=output.state_vectors,
        dem_name=order.dem.name,
        dem_datum=str(order.dem_datum),
        graph_xml=write_graph(graph),
        recipe=graph.id or Path(order.recipe).stem,
        engine=engine.name,
        software=engine.software,
        parameters={**differences, **swaths},
        measures=output.measures,
        pair=PairContext(
            reference=pair.reference,
            secondary=pair.secondary,
            temporal_baseline_days=pair.temporal_baseline_days,
            secondary_orbit=next((text for name, text in output.facts if name.startswith("Orbit of")), ""),
            polarizations=tuple(
                band.name.split("_")[1] for band in output.bands if band.name.startswith("coh_")
            ),
        ),
    )
