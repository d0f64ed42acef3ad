"""What all orders of cards have in common: checks of the input, a recipe with values, writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from s1card.card.folder import Existing, atomic_folder, refuse_existing
from s1card.card.legacy import LegacyBand, write_legacy
from s1card.card.product import Card, complete_card, open_card
from s1card.card.provenance import tags
from s1card.card.records import CardBand, CardContext
from s1card.engine.base import Output, Prepared, Progress, Written
from s1card.errors import GraphError, UsageError
from s1card.geometry.geoid import VerticalDatum
from s1card.graph.fill import fill, missing_values, recipe_parameters, refuse_unknown
from s1card.graph.model import Graph
from s1card.scene.integrity import check_measurements, verify_checksums
from s1card.scene.scene import Scene

LAYERS = {
    "inc": ("saveIncidenceAngle", "incidenceAngleFromEllipsoid"),
    "lia": ("saveLocalIncidenceAngle", "localIncidenceAngle"),
    "mask": ("saveLayoverShadowMask", "layover_shadow_mask"),
    "dem": ("saveDEM", "elevation"),
    "area": ("saveArea", "simulatedImage"),
}
"""Layers of a card: the recipe's parameter that asks for one, and SNAP's name of its band."""

NO_HEIGHT = "-32768"
INPUTS = ("input", "reference", "secondary")
NOT_IDENTITY = frozenset(
    (*INPUTS, "output", "format", "dem", "demNoData", "demApplyEGM", "orbitType", "continueOnFail")
) | {switch for switch, _ in LAYERS.values()}
"""Recipe parameters that name inputs and outputs; all others are part of a card's identity."""

UNITS = {"intensity": "1", "coherence": "1", "Ratio": "1"}
POLARIZATIONS = ("VV", "VH", "HH", "HV")


class CardOrder(Protocol):
    """What is wanted, whatever the kind of card."""

    @property
    def dem(self) -> Path:
        """Elevation model: raster or folder of tiles."""

    @property
    def dem_datum(self) -> VerticalDatum:
        """What its heights are measured from."""

    @property
    def recipe(self) -> str:
        """Name or file of the recipe."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Values for the recipe's parameters."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names out of `LAYERS`."""

    @property
    def verify(self) -> bool:
        """Whether to compare the files of the scenes with the checksums of their manifests.

        All of them, or, where an area of interest spares most of the pixels, all but the measurements.
        """


def check_input(scenes: Iterable[Scene]) -> None:
    """Look whether the files of scenes are there and have their sizes, before anything is prepared.

    Raises:
        SceneError: A file is missing or truncated.
    """
    for scene in scenes:
        check_measurements(scene)


def verify_input(scenes: Iterable[Scene], order: CardOrder) -> None:
    """Read the files of scenes and compare their checksums, if the order says so, before anything is computed.

    Raises:
        SceneError: A file does not have the checksum of the manifest.
    """
    for scene in scenes if order.verify else ():
        verify_checksums(scene, measurements="none" if order.parameters.get("aoi") else "original")


def finished_card(out: Path, context: CardContext, existing: Existing) -> Card | None:
    """The card if it is there already and is to be left; asked before the input is read.

    Raises:
        UsageError: It is there, and is neither to be replaced nor to be left.
    """
    final = out / context.card_id
    if existing is Existing.LEFT and (final / f"{context.card_id}.json").is_file():
        return open_card(final)
    refuse_existing(final, existing is Existing.REPLACED)
    return None


def require_polarizations(present: tuple[str, ...], order: CardOrder, subject: str) -> None:
    """Refuse polarizations that the input does not have.

    Raises:
        UsageError: One is not there.
    """
    wanted = [p for p in order.parameters.get("polarisations", "").split(",") if p]
    missing = [p for p in wanted if p not in present]
    if missing:
        raise UsageError(
            f"there is no polarization {', '.join(missing)}; there are {', '.join(present)}", subject=subject
        )


def filled_recipe(recipe: Graph, inputs: Mapping[str, str], order: CardOrder) -> tuple[Graph, dict[str, str]]:
    """The recipe with everything filled in, and the values of its identity that are not its defaults.

    Raises:
        GraphError: A parameter or layer is unknown, or a value is missing.
    """
    refuse_unknown(recipe, list(order.parameters))
    unknown = [name for name in order.layers if name not in LAYERS]
    if unknown:
        raise GraphError(f"no layer {unknown[0]!r}", advice=f"Layers are {', '.join(LAYERS)}")
    usual = {p.name: p.default or "" for p in recipe_parameters(recipe)}
    lacking = [name for name in order.layers if LAYERS[name][0] not in usual]
    if lacking:
        able = [name for name, (switch, _) in LAYERS.items() if switch in usual]
        raise GraphError(
            f"the recipe cannot write the layer {lacking[0]!r}: it has no parameter {LAYERS[lacking[0]][0]}",
            subject=order.recipe or recipe.id,
            advice=f"Its layers are {', '.join(able) or 'none'}",
        )
    values = {
        **inputs,
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
    differences = {k: v for k, v in values.items() if k not in NOT_IDENTITY and v != usual.get(k, "")}
    return fill(recipe, values), differences


def single_output(prepared: Prepared) -> Output:
    """The one raster that a recipe of a card writes.

    Raises:
        GraphError: It writes none on a map, or several, or in a format of its own.
    """
    outputs = prepared.outputs
    if len(outputs) != 1 or not _is_map(outputs[0]) or outputs[0].format_name != "COG":
        raise GraphError(
            "a card needs a recipe with one Write node of a map projected product and formatName ${format}",
            advice="Use 's1card run' for other graphs",
        )
    return outputs[0]


def _is_map(output: Output) -> bool:
    return output.grid is not None and output.state_vectors is not None


def write_card(
    prepared: Prepared,
    output: Output,
    context: CardContext,
    out: Path,
    *,
    existing: Existing = Existing.REFUSED,
    progress: Progress | None = None,
    legacy: bool = False,
) -> Card:
    """Compute the rasters of a card and complete it in a folder of its name below ``out``.

    With ``legacy`` it holds them as the JRC system kept them too, see `s1card.card.legacy`.

    Raises:
        UsageError: The card exists, and is not to be replaced.
        DataError: Nothing was valid.
        ResourceError: Memory or disk ran out.
    """
    final = out / context.card_id
    with atomic_folder(final, overwrite=existing is Existing.REPLACED) as staging:
        raster = staging / f"{context.card_id}.tif"
        (written,) = prepared.write(paths={output.node: raster}, tags=tags(context), progress=progress)
        if written.output.grid is not None:  # an engine may find a pixel more or less than was announced
            context = replace(context, grid=written.output.grid)
        if legacy:
            kept = [
                LegacyBand(spec, file.path)
                for spec, file in zip(written.output.bands, written.files, strict=True)
            ]
            write_legacy(staging / f"{context.card_id}.dim", context.grid, kept, tags(context))
        complete_card(staging, card_bands(written), context)
    return replace(open_card(final), is_new=True)


def card_bands(written: Written) -> list[CardBand]:
    """The rasters that were written, under the names that bands and layers have in a card."""
    layer_names = {snap: name for name, (_, snap) in LAYERS.items()}
    bands = []
    for spec, file in zip(written.output.bands, written.files, strict=True):
        name = layer_names.get(spec.name) or _polarization(spec.name)
        bands.append(CardBand.of(name, replace(spec, unit=UNITS.get(spec.unit, spec.unit)), file))
    return bands


def _polarization(name: str) -> str:
    """The polarization in a band's name (``Gamma0_VV``, ``coh_VV_12Jun2021_18Jun2021``), else its last word."""
    words = name.split("_")
    return next((word for word in words if word in POLARIZATIONS), words[-1])
