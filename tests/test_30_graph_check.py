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
    stated = {"demName": "External DEM", "externalDEMFile": "dem.tif", "externalDEMApplyEGM": "true"}
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


def flattened(first: dict[str, str], second: dict[str, str]) -> str:
    """What is said of the elevation models of a chain, with the defaults of SNAP 14 for what is not stated."""
    steps = BETA, ("Terrain-Flattening", first), "Multilook", ("Terrain-Correction", second)
    return "\n".join(text for text in messages(chain(*steps), "warning") if "placed with another" in text)


EXTERNAL = {"demName": "External DEM", "externalDEMFile": "a.tif", "externalDEMApplyEGM": "true"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"demName": "SRTM 3Sec"}, "demName is 'SRTM 3Sec', but 'External DEM' in Terrain-Flattening"),
        ({"externalDEMFile": "b.tif"}, "externalDEMFile is 'b.tif', but 'a.tif'"),
        ({"externalDEMNoDataValue": "-32768"}, "externalDEMNoDataValue is -32768, but 0"),
        ({"externalDEMApplyEGM": "false"}, "externalDEMApplyEGM is false, but true"),
    ],
)
def test_two_elevation_models_in_one_chain(change: dict[str, str], text: str) -> None:
    said = flattened(EXTERNAL, {**EXTERNAL, **change})
    assert said.startswith("Terrain-Correction(5): ")
    assert text in said
    assert "('Terrain-Flattening(3)')" in said
    assert said.count("\n") == 0
    assert flattened(EXTERNAL, EXTERNAL) == ""
    (name,) = change
    assert flattened(EXTERNAL, {**EXTERNAL, name: "${later}"}) == ""


def test_defaults_of_the_two_steps_differ() -> None:
    """SNAP adds the geoid to an external model in Terrain-Correction, and not in Terrain-Flattening."""
    stated = {"demName": "External DEM", "externalDEMFile": "a.tif"}
    assert "externalDEMApplyEGM is true, but false" in flattened(stated, stated)
    assert flattened({}, {"demName": "Copernicus 30m Global DEM"}) == ""
    srtm = {"demName": "SRTM 1Sec HGT"}
    assert flattened({**srtm, "externalDEMApplyEGM": "false"}, {**srtm, "externalDEMApplyEGM": "true"}) == ""
    wrong = {**EXTERNAL, "externalDEMNoDataValue": "none"}
    assert "externalDEMNoDataValue is 'none', but 0" in flattened(EXTERNAL, wrong)


def test_separate_chains_may_have_their_own_models() -> None:
    graph = chain(BETA, ("Terrain-Flattening", EXTERNAL))
    other = Node("TC", "Terrain-Correction", (SourceRef("s", "Read"),), (Parameter("demName", "SRTM 3Sec"),))
    both = Graph((*graph.nodes, other))
    assert not [text for text in messages(both, "warning") if "placed with another" in text]


@pytest.mark.parametrize("recipe", ["card-bs-rtc"])
def test_recipes_take_one_model(recipe: str) -> None:
    assert not [f for f in check(read_graph(find_recipe(recipe))) if "placed with another" in f.message]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Resample states none of referenceBand, targetResolution"),
        ({"targetWidth": "${w}"}, "targetWidth and targetHeight together"),
        ({"targetResolution": "20", "referenceBand": "B2"}, "Resample states more than one of"),
        ({"targetResolution": "10.5"}, "a whole number is needed"),
        ({"targetResolution": "20", "downsampling": "Average"}, "allowed: First, Min, Max, Mean, Median"),
    ],
)
def test_size_of_resample(values: dict[str, str], text: str) -> None:
    (error,) = messages(chain(("Resample", values)), "error")
    assert text.lower() in error.lower()
    for good in ({"targetWidth": "${w}", "targetHeight": "7"}, {"targetResolution": "$res"}):
        assert messages(chain(("Resample", good)), "error") == []


def test_resample_and_collocate_in_plain_words() -> None:
    steps = chain(("Resample", {"targetResolution": "20", "downsampling": "Mean", "upsampling": "Nearest"}))
    text = explain(steps)
    assert "2. Resample: Brings bands of different sizes to one." in text
    assert "downsampling = Mean (value of larger pixels)" in text
    assert "upsampling = Nearest" not in text
    pattern = {"masterComponentPattern": "${ORIGINAL_NAME}_a", "slaveComponentPattern": "${ORIGINAL_NAME}_b"}
    sources = SourceRef("sourceProduct", "Read"), SourceRef("sourceProduct.1", steps.nodes[1].id)
    parameters = tuple(Parameter(name, value) for name, value in pattern.items())
    both = Graph((*steps.nodes, Node("C", "Collocate", sources, parameters)))
    assert "referenceComponentPattern = ${ORIGINAL_NAME}_a (new names of bands of the reference)" in explain(
        both
    )
    warnings = messages(both, "warning")
    assert "C: masterComponentPattern: an old name, write referenceComponentPattern" in warnings
    assert not messages(both, "hint")
    assert "Collocate needs 2 sources, and has 1" in messages(chain("Collocate"), "error")[0]
