"""The commands that compute: what they refuse, and what they make of their options."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end_to_end import call_s1card, make_card

from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=200, pixels=240, targets=1), tmp_path_factory.mktemp("scene"))


def test_run_takes_the_dem_of_the_option_for_a_placeholder(scene: SimulatedScene, tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    words = ("card-bs", "-P", f"input={scene.safe}", "-P", f"output={out}", "-P", "format=GeoTIFF")
    done = call_s1card("run", *words, "--dem", scene.dem, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"files": [str(out)]}
    assert out.is_file()


def test_run_refuses_a_parameter_that_the_graph_has_not(scene: SimulatedScene, tmp_path: Path) -> None:
    done = call_s1card("run", "card-bs", "-P", f"input={scene.safe}", "-P", "spacng=20")
    assert done.returncode == 2
    assert done.stderr == "error: -P spacng: the graph has no parameter 'spacng'. Did you mean 'spacing'?\n"


def test_a_mask_has_no_statistics(scene: SimulatedScene, tmp_path: Path) -> None:
    card = make_card(scene.safe, scene.dem, tmp_path, "--layers", "mask,dem")
    assets = json.loads((card / f"{card.name}.json").read_text())["assets"]
    assert "statistics" not in assets["mask"]["bands"][0]
    assert assets["dem"]["bands"][0]["statistics"]["minimum"] >= 59.0
    assert assets["VV"]["bands"][0]["unit"] == "1"


def test_pixel_edges_of_a_geographic_card_lie_on_multiples(scene: SimulatedScene, tmp_path: Path) -> None:
    card = make_card(scene.safe, scene.dem, tmp_path, "--crs", "EPSG:4326")
    properties = json.loads((card / f"{card.name}.json").read_text())["properties"]
    spacing, _, left, _, _, top = properties["proj:transform"]
    assert left / spacing == pytest.approx(round(left / spacing), abs=1e-5)
    assert top / spacing == pytest.approx(round(top / spacing), abs=1e-5)
    assert properties["gsd"] == 10.0


def test_a_folder_that_cannot_be_made_is_a_wrong_call(scene: SimulatedScene, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = ("--dem", scene.dem, "--dem-datum", "ellipsoid", "--out", tmp_path / "file" / "cards")
    done = call_s1card("bs", scene.safe, *options)
    assert done.returncode == 2
    assert "cannot write here" in done.stderr


def test_names_of_parameters_are_never_cut_off() -> None:
    done = call_s1card("graph", "params", "card-bs")
    assert "saveLocalIncidenceAngle" in done.stdout
