"""The recipes that come with the package, and the commands to look at them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click import BadParameter
from click.testing import CliRunner

from s1card.cli_graph import graph as command
from s1card.errors import GraphError, S1CardError, UsageError
from s1card.graph import (
    check,
    fill,
    find_recipe,
    get_operator,
    list_recipes,
    missing_values,
    read_graph,
    recipe_parameters,
    resolve_parameters,
)

GIVEN = {"input": "scene.SAFE", "dem": "dem.tif", "output": "card.tif"}


def run(*words: str) -> str:
    result = CliRunner().invoke(command, words, catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_recipes_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    path = find_recipe("card-bs")
    assert path.name == "card-bs.xml"
    assert find_recipe(path) == path
    assert "card-bs" in [recipe.name for recipe in list_recipes()]
    assert all(recipe.description for recipe in list_recipes())
    with pytest.raises(GraphError, match="Did you mean 'card-bs'"):
        find_recipe("card-b")
    with pytest.raises(GraphError, match="no such graph file"):
        find_recipe(tmp_path / "none.xml")


def test_the_recipe_file_is_the_one_at_the_top_of_the_repository() -> None:
    top = Path(__file__).resolve().parents[1] / "graphs"
    for recipe in list_recipes():
        assert recipe.path.read_bytes() == (top / f"{recipe.name}.xml").read_bytes()


@pytest.mark.parametrize("name", [recipe.name for recipe in list_recipes()])
def test_recipes_state_every_parameter(name: str) -> None:
    graph = read_graph(find_recipe(name))
    for node in graph.nodes:
        assert [parameter.name for parameter in node.parameters] == list(get_operator(node).names), node.id


def test_card_bs_is_complete_and_without_findings() -> None:
    graph = read_graph(find_recipe("card-bs"))
    assert [p.name for p in missing_values(graph, {})] == ["input", "output", "dem"]
    assert all(parameter.description for parameter in recipe_parameters(graph))
    filled = fill(graph, GIVEN)
    assert check(filled) == []
    assert [node.operator for node in filled.in_order()] == [
        "Read",
        "Apply-Orbit-File",
        "Remove-GRD-Border-Noise",
        "ThermalNoiseRemoval",
        "Calibration",
        "Terrain-Correction",
        "Subset",
        "Write",
    ]
    values = resolve_parameters(filled.node("Terrain-Correction"))
    assert (values["pixelSpacingInMeter"], values["standardGridOriginX"]) == (10.0, 5.0)
    assert (values["mapProjection"], values["alignToStandardGrid"]) == ("AUTO:42001", True)
    bands = [
        resolve_parameters(filled.node("Calibration"))[f"output{n}Band"] for n in ("Sigma", "Beta", "Gamma")
    ]
    assert bands == [False, False, True]
    assert resolve_parameters(filled.node("ThermalNoiseRemoval"))["clipNegativeValues"] is False
    assert resolve_parameters(filled.node("Subset"))["geoRegion"] is None


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("card-coh6", {"reference": "late.SAFE", "secondary": "early.SAFE"}), ("card-bs-slc", {})],
)
def test_recipes_of_slc_scenes_are_complete_and_without_findings(name: str, inputs: dict[str, str]) -> None:
    graph = read_graph(find_recipe(name))
    given = {**(inputs or {"input": "scene.SAFE"}), "dem": "dem.tif", "output": "card.tif"}
    assert {p.name for p in missing_values(graph, {})} == set(given)
    assert all(parameter.description for parameter in recipe_parameters(graph))
    filled = fill(graph, given)
    assert check(filled) == []
    for node in filled.nodes:
        values = resolve_parameters(node)
        if node.operator == "Coherence":
            assert (values["cohWinAz"], values["cohWinRg"], values["squarePixel"]) == (3, 10, False)
            assert values["subtractFlatEarthPhase"] and values["subtractTopographicPhase"]
            assert not values["correctCoherenceBias"]
        if node.operator == "Back-Geocoding":
            assert values["resamplingType"] == "BISINC_21_POINT_INTERPOLATION"
    values = resolve_parameters(filled.node("Terrain-Correction"))
    spacing = 20.0 if inputs else 10.0
    assert (values["pixelSpacingInMeter"], values["standardGridOriginX"]) == (spacing, spacing / 2)


def test_every_declared_parameter_is_used() -> None:
    for recipe in list_recipes():
        graph = read_graph(recipe.path)
        bare = fill(graph, {}, defaults=False)
        declared = {parameter.name for parameter in recipe_parameters(graph)}
        text = recipe.path.read_text()
        assert bare == graph
        assert all(f"${{{name}}}" in text for name in declared)


def test_list() -> None:
    assert "card-bs" in run("list")
    assert "card-bs" in [entry["name"] for entry in json.loads(run("list", "--json"))]


def test_show_writes_a_filled_graph() -> None:
    text = run("show", "card-bs", "-P", "input=a & b", "-P", "spacing=20")
    graph = read_graph(text)
    assert graph.node("Read").value("file") == "a & b"
    assert graph.node("Terrain-Correction").value("pixelSpacingInMeter") == "20"
    assert graph.node("Terrain-Correction").value("externalDEMFile") == "${dem}"


def test_params() -> None:
    entries = {entry["name"]: entry for entry in json.loads(run("params", "card-bs", "--json"))}
    assert (entries["spacing"]["default"], entries["spacing"]["unit"]) == ("10", "m")
    assert entries["input"]["default"] is None
    assert "spacing" in run("params", "card-bs")


def test_explain() -> None:
    assert "5. Calibration" in run("explain", "card-bs")


def test_check_reports_and_fails_on_errors(tmp_path: Path) -> None:
    findings = json.loads(run("check", "card-bs", "--json"))
    assert {finding["severity"] for finding in findings} == {"hint"}
    broken = tmp_path / "broken.xml"
    broken.write_text(find_recipe("card-bs").read_text().replace(">Calibration<", ">Calibraton<"))
    result = CliRunner().invoke(command, ["check", str(broken)])
    assert "Did you mean 'Calibration'" in result.stdout
    assert isinstance(result.exception, S1CardError)
    assert result.exception.exit_code == 2


@pytest.mark.parametrize(
    "words", [("show", "card-bs", "-P", "spacing"), ("show", "card-bs", "-P", "spaicng=1")]
)
def test_wrong_parameters_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises((UsageError, BadParameter), match=r"name=value|Did you mean 'spacing'"):
        command.main(words, standalone_mode=False)
