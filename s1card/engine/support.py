"""What the native engine has of SNAP's operators: told of a graph before it runs, and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from s1card.engine.native.operators import ANY, OPERATORS, UNSUPPORTED, WITHOUT_EFFECT
from s1card.errors import GraphError
from s1card.graph.check import Finding
from s1card.graph.model import Graph, Node
from s1card.graph.operator_spec import OperatorSpec, ParameterSpec
from s1card.graph.operators import OPERATORS as TABLE
from s1card.graph.operators import UNDESCRIBED, find_operator, typed_value
from s1card.graph.values import convert
from s1card.raster import FORMATS

Support = Literal["yes", "partly", "no"]

ELSEWHERE = "the engines gpt, container and snappy have it"

_OTHERS = {
    "AdaptiveThresholding": "Detects ships by a constant false alarm rate",
    "AddElevation": "Adds heights as a band",
    "AddLandCover": "Adds land cover as a band",
    "ALOS-Deskewing": "Corrects the geometry of ALOS products",
    "AzimuthFilter": "Filters spectra to the common Doppler band",
    "BatchSnaphuUnwrapOp": "Runs snaphu",
    "Cross-Correlation": "Finds tie points between two images",
    "DeburstWSS": "Joins the bursts of ENVISAT wide swath products",
    "DEM-Assisted-Coregistration": "Resamples stripmap images onto the first one with orbit and elevation model",
    "Flood-Detection": "Marks water by thresholds",
    "GRD-Post": "Last step of making detected products",
    "IEM-Hybrid-Inversion": "Soil moisture by the integral equation model",
    "IEM-Multi-Angle-Inversion": "Soil moisture by the integral equation model",
    "IEM-Multi-Pol-Inversion": "Soil moisture by the integral equation model",
    "Land-Cover-Mask": "Blanks classes of land cover",
    "MultiMasterInSAR": "Interferograms of many pairs",
    "Object-Discrimination": "Sorts detected ships by size",
    "Oil-Spill-Clustering": "Groups dark pixels to oil spills",
    "Oil-Spill-Detection": "Marks dark pixels at sea",
    "Polarimetric-Classification": "Classifies by scattering mechanism",
    "Polarimetric-Decomposition": "Splits scattering into mechanisms",
    "Polarimetric-Matrices": "Covariance and coherency matrices",
    "Polarimetric-Speckle-Filter": "Smooths polarimetric matrices",
    "SAR-Mosaic": "Joins geocoded images",
    "SAR-Simulation": "Simulates an image from an elevation model",
    "SM-Dielectric-Modeling": "Soil moisture from dielectric constants",
    "SnaphuExport": "Writes files for snaphu",
    "SnaphuImport": "Reads what snaphu unwrapped",
    "Speckle-Divergence": "Finds built-up areas by their texture",
    "SRGR": "Slant range to ground range",
    "StampsExport": "Writes files for StaMPS",
    "Terrain-Mask": "Marks steep terrain",
    "UrbanAreaFeatureWriter": "Writes the extent of built-up areas",
    "Warp": "Resamples an image by the polynomial of tie points",
    "Wind-Field-Estimation": "Wind speed over the sea",
}
"""Operators seen in users' graphs that the operator table does not describe."""

HEAD = """# Operators

Every operator of SNAP that s1card knows, and what the native engine has of it; the engines `gpt`, `container` and
`snappy` have them all. *Partly*: all but the parameter values named. What is not there is refused by name before
anything runs; `s1card graph check` tells. [Parity with SNAP](parity.md) says where results differ.

Made by `s1card graph operators --markdown > docs/operators.md`; a test holds it to the code.
"""


NOTES = {
    "Speckle-Filter": "on even ground Boxcar, Frost and Lee keep the mean. Median and Gamma Map do not, nor do they "
    "in SNAP: the median of speckle lies below its mean, and so does the most probable value. By window and looks: "
    "[What speckle filters do to the mean](parity.md#what-speckle-filters-do-to-the-mean).",
}
"""What a user of an operator should know beyond what it has and has not."""


@dataclass(frozen=True)
class OperatorSupport:
    """What the native engine has of an operator.

    Attributes:
        name: SNAP's name.
        support: All of it, all but some parameter values, or nothing.
        limits: What is not there, a phrase per parameter.
        without_effect: Parameters that are accepted and change nothing.
        description: What it does, "" where the operator table does not describe it.
    """

    name: str
    support: Support
    limits: tuple[str, ...]
    without_effect: tuple[str, ...]
    description: str


def operator_table() -> list[OperatorSupport]:
    """Every operator of the table and those seen in users' graphs, by name."""
    known = [_support(spec) for spec in TABLE.values()]
    others = [OperatorSupport(name, "no", (), (), _OTHERS.get(name, "")) for name in UNDESCRIBED]
    return sorted(known + others, key=lambda row: row.name.lower())


def operators_markdown() -> str:
    """The page ``docs/operators.md``."""
    rows = operator_table()
    count = {kind: sum(row.support == kind for row in rows) for kind in ("yes", "partly", "no")}
    lines = [
        HEAD,
        f"{count['yes']} operators are there, {count['partly']} partly, {count['no']} are not.",
        "",
        "| operator | native | what it does | not there | without effect |",
        "|---|---|---|---|---|",
    ]
    notes = [f"- `{name}`: {note}" for name, note in NOTES.items()]
    return "\n".join([*lines, *map(_line, rows), "", *notes]) + "\n"


def native_findings(graph: Graph) -> list[Finding]:
    """Why the native engine cannot run a graph, node by node; values with placeholders are not judged.

    Operators that the table does not describe are left to ``s1card.graph.check``, which names them.
    """
    return [
        Finding("warning", node.id, node.line, f"{message}: {ELSEWHERE}")
        for node in graph.nodes
        for message in _obstacles(node)
    ]


def _obstacles(node: Node) -> Iterator[str]:
    spec = find_operator(node.operator)
    if spec is None:
        return
    if spec.name not in OPERATORS and spec.name != "Write":
        yield f"the native engine has no operator {spec.name}"
        return
    for name, refused in UNSUPPORTED.get(spec.name, {}).items():
        parameter = spec.parameter(name)
        assert parameter is not None
        value = _value(node, parameter)
        if value not in (None, convert(parameter, parameter.default or "")) and (
            refused is ANY or value in refused
        ):
            yield f"the native engine has no {name}={_text(value)} of {spec.name}"
    if spec.name == "Write":
        yield from _format(node, spec)


def _format(node: Node, spec: OperatorSpec) -> Iterator[str]:
    parameter = spec.parameter("formatName")
    value = _value(node, parameter) if parameter else None
    if value not in (None, "") and value not in FORMATS:
        yield f"the native engine writes no {value}, only {', '.join(FORMATS)}"


def _value(node: Node, parameter: ParameterSpec) -> object:
    """The typed value; None where it still holds a placeholder or is not permitted, which others tell."""
    try:
        return typed_value(node, parameter)
    except GraphError:
        return None


def _support(spec: OperatorSpec) -> OperatorSupport:
    if spec.name != "Write" and spec.name not in OPERATORS:
        return OperatorSupport(spec.name, "no", (), (), spec.description)
    limits = tuple(
        _limit(spec, name, refused) for name, refused in sorted(UNSUPPORTED.get(spec.name, {}).items())
    )
    if spec.name == "Write":
        limits += (f"`formatName`: only {', '.join(f'`{name}`' for name in FORMATS)}",)
    ignored = tuple(sorted(WITHOUT_EFFECT.get(spec.name, ())))
    return OperatorSupport(spec.name, "partly" if limits else "yes", limits, ignored, spec.description)


def _limit(spec: OperatorSpec, name: str, refused: tuple[object, ...]) -> str:
    if refused is not ANY:
        return f"`{name}`: not {', '.join(f'`{_text(value)}`' for value in refused)}"
    parameter = spec.parameter(name)
    assert parameter is not None
    return f"`{name}`: only `{parameter.default}`" if parameter.default else f"`{name}`"


def _line(row: OperatorSupport) -> str:
    ignored = ", ".join(f"`{name}`" for name in row.without_effect)
    cells = (f"`{row.name}`", row.support, row.description, "; ".join(row.limits), ignored)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _text(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text.lower() if isinstance(value, bool) else text
