"""Make a backscatter card: a GRD scene, a recipe and an engine in, a card out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from s1card.card.folder import atomic_folder
from s1card.card.product import Card, complete_card, open_card
from s1card.card.provenance import tags
from s1card.card.records import CardBand, CardContext
from s1card.engine.base import Engine, Output, Prepared, Progress, Written
from s1card.errors import GraphError, SceneError, UsageError
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.fill import fill, missing_values, recipe_parameters, refuse_unknown
from s1card.graph.model import Graph
from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph, write_graph
from s1card.scene.integrity import check_measurements, verify_checksums
from s1card.scene.reader import open_scene
from s1card.scene.scene import Scene

LAYERS = {
    "inc": ("saveIncidenceAngle", "incidenceAngleFromEllipsoid"),
    "lia": ("saveLocalIncidenceAngle", "localIncidenceAngle"),
    "mask": ("saveLayoverShadowMask", "layover_shadow_mask"),
    "dem": ("saveDEM", "elevation"),
}
"""Layers of a card: the recipe's parameter that asks for one, and SNAP's name of its band."""

NO_HEIGHT = "-32768"
KIND_OF_RECIPE = {"card-bs-rtc": "CARD_BS_RTC"}
NOT_IDENTITY = frozenset(
    ("input", "output", "format", "dem", "demNoData", "demApplyEGM", "orbitType", "continueOnFail")
) | {switch for switch, _ in LAYERS.values()}
"""Recipe parameters that name inputs and outputs; all others are part of a card's identity."""


@dataclass(frozen=True)
class BackscatterOrder:
    """What is wanted.

    Attributes:
        scene: SAFE folder or zip.
        dem: Elevation model: raster or folder of tiles.
        dem_datum: What its heights are measured from.
        recipe: Name or file of the recipe.
        parameters: Values for the recipe's parameters.
        layers: Names out of `LAYERS`.
        verify: Whether to compare the files of the scene with the checksums of its manifest: all of them, or, where
            an area of interest spares most of the pixels, all but the measurements.
    """

    scene: Path
    dem: Path
    dem_datum: VerticalDatum
    recipe: str = "card-bs"
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
        SceneError: The scene is damaged, or not a GRD.
        GraphError: The recipe or a parameter is wrong.
        DataError: Orbit, DEM or area do not fit the scene; nothing was valid.
        ResourceError: Memory or disk ran out.
    """
    scene = open_scene(order.scene)
    _require_grd(scene)
    _require_polarizations(scene, order)
    check_measurements(scene)
    if order.verify:
        verify_checksums(scene, measurements="none" if order.parameters.get("aoi") else "original")
    graph, differences = _filled_recipe(order)
    prepared = engine.prepare(graph)
    output = _single_output(prepared)
    context = _context(order, scene, engine, output, graph, differences)
    final = out / context.card_id
    with atomic_folder(final, overwrite=overwrite) as staging:
        raster = staging / f"{context.card_id}.tif"
        written = prepared.write(paths={output.node: raster}, tags=tags(context), progress=progress)
        complete_card(staging, _card_bands(written[0]), context)
    return open_card(final)


def _require_grd(scene: Scene) -> None:
    if scene.manifest.product_type != "GRD":
        raise SceneError(
            f"a backscatter card is made from a GRD scene, this is {scene.manifest.product_type}",
            subject=scene.name,
            advice="Give the GRD product of the same acquisition",
        )


def _require_polarizations(scene: Scene, order: BackscatterOrder) -> None:
    wanted = [p for p in order.parameters.get("polarisations", "").split(",") if p]
    missing = [p for p in wanted if p not in scene.polarizations]
    if missing:
        raise UsageError(
            f"there is no polarization {', '.join(missing)}; the scene has {', '.join(scene.polarizations)}",
            subject=scene.name,
        )


def _filled_recipe(order: BackscatterOrder) -> tuple[Graph, dict[str, str]]:
    """The recipe with everything filled in, and the values of its identity that are not its defaults."""
    recipe = read_graph(find_recipe(order.recipe))
    refuse_unknown(recipe, list(order.parameters))
    unknown = [name for name in order.layers if name not in LAYERS]
    if unknown:
        raise GraphError(f"no layer {unknown[0]!r}", advice=f"Layers are {', '.join(LAYERS)}")
    values = {
        "input": str(order.scene),
        "output": "card.tif",
        "format": "COG",
        "dem": str(order.dem),
        "demNoData": NO_HEIGHT,
        "demApplyEGM": str(order.dem_datum == VerticalDatum.EGM96).lower(),
        **{LAYERS[name][0]: "true" for name in order.layers},
        **order.parameters,
    }
    missing = missing_values(recipe, values)
    if missing:
        raise GraphError(
            f"the recipe needs a value of {missing[0].name}: {missing[0].description}",
            subject=order.recipe,
            advice=f"Give it with -P {missing[0].name}=...",
        )
    usual = {p.name: p.default or "" for p in recipe_parameters(recipe)}
    differences = {k: v for k, v in values.items() if k not in NOT_IDENTITY and v != usual.get(k, "")}
    return fill(recipe, values), differences


def _single_output(prepared: Prepared) -> Output:
    outputs = prepared.outputs
    if len(outputs) != 1 or outputs[0].grid is None or outputs[0].format_name != "COG":
        raise GraphError(
            "a card needs a recipe with one Write node of a map projected product and formatName ${format}",
            advice="Use 's1card run' for other graphs",
        )
    return outputs[0]


def _context(
    order: BackscatterOrder,
    scene: Scene,
    engine: Engine,
    output: Output,
    graph: Graph,
    differences: Mapping[str, str],
) -> CardContext:
    assert output.grid is not None
    return CardContext(
        kind=KIND_OF_RECIPE.get(graph.id, "CARD_BS"),
        scene=scene,
        grid=output.grid,
        state_vectors=output.state_vectors,
        dem_name=order.dem.name,
        dem_datum=str(order.dem_datum),
        graph_xml=write_graph(graph),
        recipe=graph.id or Path(order.recipe).stem,
        engine=engine.name,
        software=engine.software,
        parameters=differences,
    )


def _card_bands(written: Written) -> list[CardBand]:
    layer_names = {snap: name for name, (_, snap) in LAYERS.items()}
    bands = []
    for spec, file in zip(written.output.bands, written.files, strict=True):
        name = layer_names.get(spec.name, spec.name.rsplit("_", 1)[-1])
        unit = "1" if spec.unit == "intensity" else spec.unit
        bands.append(CardBand.of(name, replace(spec, unit=unit), file))
    return bands
