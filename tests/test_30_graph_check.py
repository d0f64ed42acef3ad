"""Graphs checked and explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from s1card.graph import (
    Graph,
    Node,
    Parameter,
    SourceRef,
    check,
    explain,
    fill,
    find_recipe,
    has_errors,
    read_graph,
)


def chain(*steps: str | tuple[str, dict[str, str]]) -> Graph:
    """Read, then the steps one after the other."""
    nodes = [Node("Read", "Read", (), (Parameter("file", "a.zip"),), line=1)]
    for number, step in enumerate(steps, 2):
        operator, values = (step, {}) if isinstance(step, str) else step
        parameters = tuple(Parameter(name, value) for name, value in values.items())
        source = SourceRef("sourceProduct", nodes[-1].id)
        nodes.append(Node(f"{operator}({number})", operator, (source,), parameters, line=number))
    return Graph(tuple(nodes))


def messages(graph: Graph, severity: str) -> list[str]:
    return [f"{f.node}: {f.message}" for f in check(graph) if f.severity == severity]


BETA = ("Calibration", {"outputBetaBand": "true"})


@pytest.mark.parametrize(
    ("graph", "severity", "text"),
    [
        (
            chain("Calibration", "ThermalNoiseRemoval"),
            "warning",
            "ThermalNoiseRemoval comes after Calibration",
        ),
        (chain("SliceAssembly", "ThermalNoiseRemoval"), "error", "comes after SliceAssembly"),
        (
            chain("ThermalNoiseRemoval", "Remove-GRD-Border-Noise"),
            "warning",
            "comes after ThermalNoiseRemoval",
        ),
        (chain("Calibration", "Remove-GRD-Border-Noise"), "error", "comes after Calibration"),
        (chain("Terrain-Correction", "Apply-Orbit-File"), "warning", "Apply-Orbit-File comes after"),
        (
            chain("Calibration", "Terrain-Flattening"),
            "error",
            "set outputBetaBand of 'Calibration(2)' to true",
        ),
        (chain(BETA, "Terrain-Correction", "Terrain-Flattening"), "error", "needs radar geometry"),
        (chain("Calibration", "LinearToFromdB", "Terrain-Correction"), "warning", "averages of decibels"),
        (chain(BETA, "Multilook", "Terrain-Flattening"), "warning", "comes after Multilook"),
        (chain("TOPSAR-Deburst", "Coherence"), "warning", "put TOPSAR-Deburst after"),
        (chain("LinearToFromdB", "Speckle-Filter"), "warning", "averages of decibels"),
        (chain("LinearToFromdB", "Calibration"), "error", "it takes power, not decibels"),
        (chain(BETA, "LinearToFromdB", "Terrain-Flattening"), "error", "it takes power, not decibels"),
        (chain("Terrain-Correction", "Speckle-Filter"), "warning", "alike without being so"),
        (chain("Speckle-Filter", "Multilook"), "warning", "the looks as stated"),
        (chain("Speckle-Filter", "TOPSAR-Deburst"), "error", "windows would cross bursts"),
        (chain("Speckle-Filter", "Interferogram"), "error", "have no phase"),
        (chain("Multilook", "ThermalNoiseRemoval"), "error", "annotated for single samples"),
        (chain("Convert-Datatype", "LinearToFromdB"), "warning", "too coarse"),
        (chain("Calibraton"), "error", "Did you mean 'Calibration'"),
        (chain("SnaphuImport"), "warning", "only SNAP can run it"),
        (chain("Back-Geocoding"), "error", "needs 2 sources, and has 1"),
        (chain("BandMaths"), "error", "at least one target band"),
        (chain(("Calibration", {"outputSigmaBnad": "true"})), "warning", "Did you mean 'outputSigmaBand'"),
        (
            chain(("Calibration", {"outputSigmaBand": "on"})),
            "error",
            "outputSigmaBand: 'on' is not permitted",
        ),
        (chain(("Calibration", {"sourceBandNames": "a"})), "warning", "an old name, write sourceBands"),
        (chain(("Speckle-Filter", {"edgeThreshold": "5000"})), "warning", "without effect"),
        (chain(("Write", {"file": "OUTPUTFOLDER/x.dim"})), "warning", "'OUTPUTFOLDER' looks like a word"),
        (chain(("Multilook", {"nRgLooks": "RGLOOK"})), "error", "'RGLOOK' looks like a word"),
        (chain(("TOPSAR-Split", {"subswath": "IWs"})), "warning", "'IWs' looks like a word"),
        (chain(("Write", {"file": "x", "formatName": "GeoTiff"})), "warning", "not among the known values"),
        (chain("ThermalNoiseRemoval"), "warning", "clipNegativeValues is not stated"),
        (chain("Terrain-Correction"), "warning", "it was 'SRTM 3Sec' before SNAP 13.0.4"),
        (chain("Coherence"), "warning", "subtractFlatEarthPhase is not stated"),
        (chain(("Write", {"file": "${out}"})), "hint", "placeholder 'out' has no value"),
    ],
)
def test_finds(graph: Graph, severity: str, text: str) -> None:
    found = messages(graph, severity)
    assert any(text in message for message in found), found


def test_a_good_chain_has_no_findings() -> None:
    stated = {"demName": "External DEM", "externalDEMFile": "dem.tif"}
    graph = chain(
        "Apply-Orbit-File",
        "Remove-GRD-Border-Noise",
        ("ThermalNoiseRemoval", {"clipNegativeValues": "false"}),
        BETA,
        ("Terrain-Flattening", stated),
        ("Terrain-Correction", stated),
        "LinearToFromdB",
        ("Write", {"file": "out.dim", "formatName": "BEAM-DIMAP"}),
    )
    assert check(graph) == []


def test_order_counts_along_the_branches_only() -> None:
    nodes = (
        *chain("Calibration").nodes,
        Node(
            "Noise",
            "ThermalNoiseRemoval",
            (SourceRef("s", "Read"),),
            (Parameter("clipNegativeValues", "true"),),
        ),
    )
    assert not messages(Graph(nodes), "warning")


def test_values_with_placeholders_are_not_judged() -> None:
    graph = chain(("Calibration", {"outputSigmaBand": "${sigma}"}))
    assert not has_errors(check(graph))
    assert has_errors(check(fill(graph, {"sigma": "perhaps"})))


def test_a_circle_is_one_error() -> None:
    graph = Graph((Node("A", "Multilook", (SourceRef("s", "A"),)),))
    assert [finding.severity for finding in check(graph)] == ["error"]


@pytest.mark.parametrize(("origin", "hints"), [("10", 0), ("-10", 0), ("30", 0), ("0", 1), ("5", 1)])
def test_a_grid_that_aligns_centres_is_pointed_out(origin: str, hints: int) -> None:
    values = {"pixelSpacingInMeter": "20", "alignToStandardGrid": "true", "demName": "External DEM"}
    values |= {"standardGridOriginX": origin, "standardGridOriginY": origin}
    assert len(messages(chain(("Terrain-Correction", values)), "hint")) == hints


def test_snap_graphs_check_without_errors(shared: Path) -> None:
    for path in sorted((shared / "snap" / "graphs").glob("*.xml")):
        graph = read_graph(path)
        assert not messages(graph, "error"), path.name
        assert explain(graph).count("\n\n") >= len(graph.nodes) - 1


def test_explains_order_values_units_and_what_is_open() -> None:
    text = explain(read_graph(find_recipe("card-bs")))
    assert "1. Read: Opens a product." in text
    assert "clipNegativeValues = false" in text
    assert "borderLimit" not in text  # the default
    assert "pixelSpacingInMeter = ${spacing} m" in text
    assert text.rstrip().endswith("The caller gives: input, output, dem.")


def test_explains_branches_projections_and_unknown_operators() -> None:
    projection = 'PROJCS["ETRS89 / UTM zone 32N", \n GEOGCS["ETRS89"]]'
    nodes = (
        Node(
            "Out", "Terrain-Correction", (SourceRef("s", "Odd"),), (Parameter("mapProjection", projection),)
        ),
        Node("Odd", "Warp", (SourceRef("s", "A"), SourceRef("t", "B")), (Parameter("rmsThreshold", "0.05"),)),
        Node("A", "Read"),
        Node("B", "Read"),
    )
    text = explain(Graph(nodes))
    assert "3. Warp (on steps 1, 2): an operator of SNAP that s1card does not describe." in text
    assert "rmsThreshold = 0.05" in text
    assert "mapProjection = ETRS89 / UTM zone 32N (" in text
