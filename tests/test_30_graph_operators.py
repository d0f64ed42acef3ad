"""The operator table and typed parameters."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s1card.errors import GraphError
from s1card.graph import OPERATORS, Node, Parameter, find_operator, get_operator, resolve_parameters
from s1card.graph.operator_spec import ParameterSpec
from s1card.graph.values import check_interval, convert


def node(operator: str, **values: str) -> Node:
    return Node("N", operator, (), tuple(Parameter(name, value) for name, value in values.items()), line=7)


def value(operator: str, name: str, text: str) -> object:
    return resolve_parameters(node(operator, **{name: text}))[name]


def test_defaults_of_snap_14() -> None:
    correction = resolve_parameters(node("Terrain-Correction"))
    assert correction["demName"] == "Copernicus 30m Global DEM"
    assert correction["externalDEMApplyEGM"] is True
    assert correction["imgResamplingMethod"] == "BILINEAR_INTERPOLATION"
    assert correction["pixelSpacingInMeter"] == 0.0
    assert correction["nodataValueAtSea"] is True
    assert correction["saveSelectedSourceBand"] is True
    assert correction["sourceBands"] == ()
    assert correction["externalDEMFile"] is None
    flattening = resolve_parameters(node("Terrain-Flattening"))
    assert flattening["externalDEMApplyEGM"] is False
    assert (flattening["additionalOverlap"], flattening["oversamplingMultiple"]) == (0.1, 1.0)
    calibration = resolve_parameters(node("Calibration"))
    assert (calibration["outputSigmaBand"], calibration["outputGammaBand"]) == (True, False)
    assert resolve_parameters(node("ThermalNoiseRemoval"))["clipNegativeValues"] is True
    border = resolve_parameters(node("Remove-GRD-Border-Noise"))
    assert (border["borderLimit"], border["trimThreshold"]) == (500, 0.5)
    assert resolve_parameters(node("Apply-Orbit-File"))["polyDegree"] == 3
    coherence = resolve_parameters(node("Coherence"))
    assert (coherence["cohWinRg"], coherence["cohWinAz"], coherence["correctCoherenceBias"]) == (10, 10, True)
    assert resolve_parameters(node("Back-Geocoding"))["resamplingType"] == "BISINC_5_POINT_INTERPOLATION"
    assert resolve_parameters(node("TOPSAR-Split"))["lastBurstIndex"] == 9999


def test_every_default_is_permitted() -> None:
    for spec in OPERATORS.values():
        assert len(set(spec.names)) == len(spec.names)
        resolved = resolve_parameters(Node("N", spec.name))
        assert list(resolved) == list(spec.names)
        for parameter in spec.parameters:
            assert parameter.description, f"{spec.name}.{parameter.name} has no description"


@pytest.mark.parametrize(
    ("operator", "name", "text", "expected"),
    [
        ("Calibration", "outputBetaBand", "True", True),
        ("Calibration", "outputSigmaBand", "FALSE", False),
        ("Multilook", "nRgLooks", "4.0", 4),
        ("Terrain-Correction", "pixelSpacingInDegree", "8.983152841195215E-5", 8.983152841195215e-05),
        ("Calibration", "selectedPolarisations", " VH , VV ", ("VH", "VV")),
        ("Subset", "region", "0,10,25757,16697", (0, 10, 25757, 16697)),
        ("Terrain-Correction", "demName", "My DEM", "My DEM"),
        ("Speckle-Filter", "filter", "Refined Lee", "Refined Lee"),
    ],
)
def test_texts_become_values(operator: str, name: str, text: str, expected: object) -> None:
    result = value(operator, name, text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("operator", "name", "text", "advice"),
    [
        ("Calibration", "outputBetaBand", "yes", "True or false"),
        ("Multilook", "nRgLooks", "2.5", "whole number"),
        ("Multilook", "nRgLooks", "nan", "whole number"),
        ("Multilook", "nRgLooks", "0", r"\[1,\*\)"),
        ("Multilook", "nRgLooks", "1_0", "number"),
        ("Terrain-Correction", "pixelSpacingInMeter", "10 m", "number"),
        ("Terrain-Correction", "pixelSpacingInMeter", "nan", "interval"),
        ("Terrain-Correction", "imgResamplingMethod", "BILINEAR", "Did you mean 'BILINEAR_INTERPOLATION'"),
        ("Terrain-Flattening", "additionalOverlap", "1.1", r"\[0,1\]"),
        ("Calibration", "selectedPolarisations", "VV,XX", "VV, VH, HH, HV"),
        ("Subset", "region", "1,2,3", "x,y,width,height"),
        ("Subset", "region", "-1,2,3,4", "x,y,width,height"),
        ("Terrain-Correction", "externalDEMFile", "${dem}", "-P dem="),
    ],
)
def test_wrong_values_are_refused_by_name(operator: str, name: str, text: str, advice: str) -> None:
    with pytest.raises(GraphError, match=advice) as caught:
        value(operator, name, text)
    message = str(caught.value)
    assert "node 'N', line 7" in message
    assert name in message


def test_old_names_give_the_same_value() -> None:
    assert resolve_parameters(node("Calibration", sourceBandNames="a,b"))["sourceBands"] == ("a", "b")
    assert resolve_parameters(node("Read", bandNames="a"))["sourceBands"] == ("a",)
    assert resolve_parameters(node("Subset", tiePointGridNames="lat"))["tiePointGrids"] == ("lat",)
    both = resolve_parameters(node("Calibration", sourceBandNames="old", sourceBands="new"))
    assert both["sourceBands"] == ("new",)
    emptied = resolve_parameters(node("Calibration", sourceBandNames="old", sourceBands=""))
    assert emptied["sourceBands"] == ("old",)


def test_unknown_parameters_and_ignored_ones_are_left_out() -> None:
    values = resolve_parameters(node("Speckle-Filter", edgeThreshold="5000", nonsense="1"))
    assert "edgeThreshold" not in values
    assert "nonsense" not in values


def test_nested_parameters_and_references() -> None:
    band = Parameter("targetBand", children=(Parameter("name", "a"), Parameter("expression", "b * 2")))
    maths = Node("N", "BandMaths", (), (Parameter("targetBands", children=(band,)),))
    assert resolve_parameters(maths)["targetBands"] == (band,)
    with pytest.raises(GraphError, match=r"refers to 'Other\.property'"):
        resolve_parameters(Node("N", "Read", (), (Parameter("file", refid="Other.property"),)))


def test_operators_are_found_by_name_and_alias() -> None:
    assert find_operator("LinearTodB") is OPERATORS["LinearToFromdB"]
    assert find_operator("Nothing") is None
    with pytest.raises(GraphError, match="Did you mean 'Calibration'"):
        get_operator(Node("N", "Calibraton"))


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_survive_in_both_spellings(number: int) -> None:
    spec = ParameterSpec("n", "int", "")
    assert convert(spec, str(number)) == convert(spec, f"{number}.0") == number


@given(st.floats(allow_nan=False))
def test_real_numbers_survive(number: float) -> None:
    assert convert(ParameterSpec("x", "double", ""), repr(number)) == number


@pytest.mark.parametrize(
    ("interval", "inside", "outside"),
    [
        ("[0,1]", (0, 1), (-0.1, 1.1, math.nan)),
        ("(0,1)", (0.5,), (0, 1)),
        ("(0,*)", (1e9, math.inf), (0,)),
        ("(*,5]", (-1e9, 5), (5.1,)),
    ],
)
def test_intervals(interval: str, inside: tuple[float, ...], outside: tuple[float, ...]) -> None:
    for number in inside:
        check_interval(number, interval)
    for number in outside:
        with pytest.raises(ValueError, match="interval"):
            check_interval(number, interval)


def test_every_parameter_of_snaps_graphs_is_in_the_table(shared: Path) -> None:
    from s1card.graph import read_graph

    for path in sorted((shared / "snap" / "graphs").glob("*.xml")):
        for found in read_graph(path).nodes:
            spec = get_operator(found)
            for parameter in found.parameters:
                assert spec.parameter(parameter.name), f"{path.name}: {found.operator}.{parameter.name}"
