"""Putting what a graph needs into a scratch folder, and the graph that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from s1card.engine.base import Output
from s1card.engine.native.context import Surroundings
from s1card.engine.snap.elevation import NO_HEIGHT, prepare_dem
from s1card.engine.snap.orbits import install_orbit
from s1card.engine.snap.plan import EXTERNAL, DemKey, SnapPlan, operator_name
from s1card.engine.snap.scratch import Scratch
from s1card.geometry.dem import Dem
from s1card.graph.edit import bypassed
from s1card.graph.fill import override_parameter
from s1card.graph.model import Graph
from s1card.graph.operators import find_operator

AS_WRITTEN = {"COG": "BEAM-DIMAP"}
"""Formats that SNAP does not write, and in which it hands the data over: DIMAP keeps names, units and nodata."""


@dataclass(frozen=True)
class Target:
    """Where SNAP writes an output.

    Attributes:
        output: The output.
        path: Its file in the scratch folder, alone with its companions in a folder of its own.
        format_name: Format that SNAP writes.
    """

    output: Output
    path: Path
    format_name: str


def targets_of(plan: SnapPlan, paths: Mapping[str, Path], scratch: Scratch) -> list[Target]:
    """Where SNAP shall write.

    Args:
        plan: The plan.
        paths: Final files instead of those of the graph, by node id.
        scratch: The scratch folder.
    """
    targets = []
    for number, announced in enumerate(plan.outputs):
        output = replace(announced, path=paths.get(announced.node, announced.path))
        name = output.path.name if output.format_name not in AS_WRITTEN else f"{output.path.stem}.dim"
        folder = scratch.out / str(number)
        folder.mkdir()
        format_name = AS_WRITTEN.get(output.format_name, output.format_name)
        targets.append(Target(output, folder / name, format_name))
    return targets


def install(
    plan: SnapPlan, targets: list[Target], surroundings: Surroundings, scratch: Scratch, *, place_dem: bool
) -> Graph:
    """Prepare orbits and elevation models, and make the graph for SNAP.

    Raises:
        DataError: They cannot be used.
        ResourceError: The disk is full.
    """
    graph = replace(plan.graph, header=None, application_data=())
    for node_id, choice in plan.orbits.items():
        if choice.file is None:
            graph = bypassed(graph, node_id)  # SNAP would ask a server for a file
        else:
            install_orbit(choice, scratch.user)
            graph = override_parameter(graph, node_id, "orbitType", choice.orbit_type)
    prepared = {
        key: _prepare(key, plan, surroundings, scratch.dem / f"dem{number}.tif", place_dem)
        for number, key in enumerate(dict.fromkeys(plan.dems.values()))
    }
    for node_id, key in plan.dems.items():
        graph = _with_dem(graph, node_id, prepared[key], key)
    for target in targets:
        graph = override_parameter(graph, target.output.node, "file", str(target.path))
        graph = override_parameter(graph, target.output.node, "formatName", target.format_name)
    return _with_absolute_inputs(graph)


def _prepare(key: DemKey, plan: SnapPlan, surroundings: Surroundings, path: Path, placed: bool) -> Path:
    dem = Dem.open(
        key.path,
        key.datum,
        nodata=key.nodata,
        geoid=surroundings.geoid,
        sea="geoid" if key.has_sea else "nodata",
        cache_bytes=surroundings.plan.dem,
    )
    try:
        geoid = surroundings.geoid
        return prepare_dem(
            dem, plan.area(), path, above_egm96=key.above_egm96, geoid=geoid, placed=placed
        ).path
    finally:
        dem.close()


def _with_dem(graph: Graph, node_id: str, path: Path, key: DemKey) -> Graph:
    values = {
        "demName": EXTERNAL,
        "externalDEMFile": str(path),
        "externalDEMNoDataValue": f"{NO_HEIGHT:g}",
    }
    node = graph.node(node_id)
    spec = find_operator(node.operator)
    knows_switch = spec is not None and spec.parameter("externalDEMApplyEGM") is not None
    if knows_switch or node.parameter("externalDEMApplyEGM") is not None:
        values["externalDEMApplyEGM"] = str(key.above_egm96).lower()
    for name, value in values.items():
        graph = override_parameter(graph, node_id, name, value)
    return graph


def _with_absolute_inputs(graph: Graph) -> Graph:
    """The graph with the files of its Read nodes as SNAP finds them from the scratch folder."""
    for node in graph.nodes:
        if operator_name(node) != "Read":
            continue
        path = Path(node.value("file")).absolute()
        manifest = path / "manifest.safe"
        graph = override_parameter(graph, node.id, "file", str(manifest if manifest.is_file() else path))
    return graph
