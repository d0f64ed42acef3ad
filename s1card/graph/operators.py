"""The one operator table, and the typed parameters of a node."""

from __future__ import annotations

from collections.abc import Mapping

from s1card.errors import GraphError
from s1card.graph.closest import suggestion
from s1card.graph.model import Graph, Node, Parameter
from s1card.graph.operator_spec import OperatorSpec, ParameterSpec
from s1card.graph.substitute import names_in
from s1card.graph.table_general import GENERAL
from s1card.graph.table_grd import GRD
from s1card.graph.table_slc import SLC
from s1card.graph.values import Value, convert

OPERATORS: Mapping[str, OperatorSpec] = {spec.name: spec for spec in (*GENERAL, *GRD, *SLC)}

# Operators of SNAP that occur in users' graphs and that the table does not describe.
UNDESCRIBED = frozenset(
    {
        "AdaptiveThresholding",
        "AddElevation",
        "AddLandCover",
        "ALOS-Deskewing",
        "AzimuthFilter",
        "BatchSnaphuUnwrapOp",
        "Cross-Correlation",
        "DEM-Assisted-Coregistration",
        "DeburstWSS",
        "Flood-Detection",
        "GRD-Post",
        "IEM-Hybrid-Inversion",
        "IEM-Multi-Angle-Inversion",
        "IEM-Multi-Pol-Inversion",
        "Land-Cover-Mask",
        "MultiMasterInSAR",
        "Object-Discrimination",
        "Oil-Spill-Clustering",
        "Oil-Spill-Detection",
        "Polarimetric-Classification",
        "Polarimetric-Decomposition",
        "Polarimetric-Matrices",
        "Polarimetric-Speckle-Filter",
        "SAR-Mosaic",
        "SAR-Simulation",
        "SM-Dielectric-Modeling",
        "SRGR",
        "SnaphuExport",
        "SnaphuImport",
        "Speckle-Divergence",
        "StampsExport",
        "Terrain-Mask",
        "UrbanAreaFeatureWriter",
        "Warp",
        "Wind-Field-Estimation",
    }
)

_BY_ANY_NAME = {name: spec for spec in OPERATORS.values() for name in (spec.name, *spec.aliases)}


def find_operator(name: str) -> OperatorSpec | None:
    """The operator of that name or alias, None if the table has none."""
    return _BY_ANY_NAME.get(name)


def get_operator(node: Node) -> OperatorSpec:
    """The operator of a node.

    Raises:
        GraphError: The table has no such operator.
    """
    spec = find_operator(node.operator)
    if spec is None:
        raise GraphError(
            f"unknown operator '{node.operator}'",
            subject=describe(node),
            advice=suggestion(node.operator, _BY_ANY_NAME),
        )
    return spec


def sources_in_order(graph: Graph, node: Node) -> list[Node]:
    """The sources of a node as its operator takes them: one with a label of the first source before all others.

    Raises:
        GraphError: The table has no such operator.
    """
    labels = get_operator(node).first_labels
    found = [(source.name, graph.find(source.ref)) for source in node.sources]
    found.sort(key=lambda source: source[0] not in labels)
    return [source for _, source in found if source is not None]


def describe(node: Node) -> str:
    """The node for a message, with its line where it has one."""
    return f"node '{node.id}', line {node.line}" if node.line else f"node '{node.id}'"


def stated(node: Node, spec: ParameterSpec) -> Parameter | None:
    """The parameter as the node states it, under its present name or else an old one."""
    named = (node.parameter(name) for name in (spec.name, *spec.old_names))
    return next((parameter for parameter in named if parameter is not None), None)


def resolve_parameters(node: Node) -> dict[str, Value]:
    """All parameters of a node as typed values, under their present names.

    What the node leaves unset has SNAP 14's default. Parameters that the table does not know are left
    out; :func:`s1card.graph.check.check` warns about them.

    Raises:
        GraphError: Unknown operator, or a value that is not permitted, with node, parameter, value, and
            what is allowed.
    """
    return {spec.name: typed_value(node, spec) for spec in get_operator(node).parameters}


def typed_value(node: Node, spec: ParameterSpec) -> Value:
    """One parameter of a node as a typed value.

    Raises:
        GraphError: The value is not permitted.
    """
    parameter = stated(node, spec)
    if parameter is not None and parameter.refid:
        raise GraphError(
            f"parameter '{spec.name}' of {node.operator} refers to '{parameter.refid}' instead of a value",
            subject=describe(node),
            advice="Write the value into the graph, or give it with -P",
        )
    if parameter is not None and parameter.children and spec.kind == "nested":
        return parameter.children
    if parameter is not None and parameter.children:
        parameter = Parameter(parameter.name, ",".join(child.value for child in parameter.children))
    text = parameter.value if parameter is not None else spec.default or ""
    unfilled = names_in(text, node)
    if unfilled:
        raise GraphError(
            f"parameter '{spec.name}' of {node.operator} still holds the placeholder '{unfilled[0]}'",
            subject=describe(node),
            advice=f"Give it a value: -P {unfilled[0]}=...",
        )
    try:
        return convert(spec, text)
    except ValueError as error:
        raise GraphError(
            f"'{text}' is not a value of parameter '{spec.name}' of {node.operator}",
            subject=describe(node),
            advice=str(error)[:1].upper() + str(error)[1:],
        ) from error
