"""The command ``compare``: what it prints, draws, and says by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end_to_end import BASE, call_s1card, make_card
from standin_gpt import install

from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=420, pixels=520, targets=2), tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def card(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_card(scene.safe, scene.dem, tmp_path_factory.mktemp("cards"))


def run_recipe(scene: SimulatedScene, out: Path, format_name: str, *words: object) -> Path:
    fixed = (
        "-P",
        f"input={scene.safe}",
        "-P",
        f"output={out}",
        "-P",
        f"format={format_name}",
        "-P",
        "demNoData=-32768",
    )
    done = call_s1card("run", "card-bs", *fixed, "--dem", scene.dem, *BASE, "--json", *words)
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["files"][0])


def compare(*words: object, code: int = 0) -> dict:  # type: ignore[type-arg]
    done = call_s1card("compare", *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == code, found["violations"]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("format_name", ["BEAM-DIMAP", "GeoTIFF", "ENVI"])
def test_a_card_is_the_graph_in_any_format(
    format_name: str, card: Path, scene: SimulatedScene, tmp_path: Path
) -> None:
    """By the card's recipe, under SNAP's names; the card is aligned to whole spacings, and so is the recipe."""
    other = run_recipe(scene, tmp_path / "it", format_name)
    found = compare(
        card,
        other if format_name != "ENVI" else tmp_path / "it",
        "--max-bias",
        0,
        "--min-mask-agreement",
        1,
        "--max-shift",
        0.001,
        "--strict",
    )
    (product,) = found["products"]
    assert [band["quantity"] for band in product["bands"]] == ["gamma0", "gamma0"]
    assert all(band["identical"] == 1.0 and band["unit"] == "dB" for band in product["bands"])
    assert found["held"] is True


def test_an_area_is_compared_where_it_lies(card: Path, scene: SimulatedScene, tmp_path: Path) -> None:
    item = json.loads((card / f"{card.name}.json").read_text())
    west, south, east, north = item["bbox"]
    middle = ((west + east) / 2, (south + north) / 2)
    area = f"{middle[0]},{middle[1]},{middle[0] + 0.01},{middle[1] + 0.005}"
    part = make_card(scene.safe, scene.dem, tmp_path, "--aoi", area)
    (band, _) = compare(card, part)["products"][0]["bands"]
    assert band["identical"] == 1.0
    assert min(band["offset"]) > 20
    assert compare(card, part, "--strict", code=1)["held"] is False


def test_a_wrong_height_shows(card: Path, scene: SimulatedScene, tmp_path: Path) -> None:
    """Heights above another zero shift the image: seen, told, and not held."""
    done = call_s1card(
        "bs", scene.safe, "--dem", scene.dem, "--dem-datum", "egm96", "--out", tmp_path, "--json"
    )
    assert done.returncode == 0, done.stderr
    wrong = Path(json.loads(done.stdout)["folder"])
    picture = tmp_path / "difference.png"
    done = call_s1card("compare", card, wrong, "--band", "VV", "--max-shift", 0.2, "--picture", picture)
    assert done.returncode == 1
    assert "not held: Gamma0_VV: shift of" in done.stderr
    assert "median abs." in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = call_s1card("compare", card, wrong, "--band", "VV", "--markdown").stdout
    assert text.startswith("### ")
    assert "| Gamma0_VV | dB |" in text


def test_a_graph_on_two_engines(
    scene: SimulatedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in for gpt computes by the native engine: what goes to SNAP and comes back must be the same."""
    monkeypatch.setenv("S1CARD_GPT", str(install(tmp_path / "snap")))
    fixed = ("-P", f"input={scene.safe}", "-P", f"output={tmp_path / 'x.dim'}", "-P", "format=BEAM-DIMAP")
    rest = ("--dem", scene.dem, *BASE, "-P", "demNoData=-32768", "--keep", tmp_path / "kept")
    found = compare("card-bs", *fixed, *rest, "--engines", "native,gpt", "--max-bias", 0, "--strict")
    (product,) = found["products"]
    assert (product["first"], product["second"]) == ("native: Write", "gpt: Write")
    assert [band["identical"] for band in product["bands"]] == [1.0, 1.0]
    assert [engine["engine"] for engine in found["engines"]] == ["native", "gpt"]
    assert found["engines"][1]["software"]["snap"] == "14.0.0"
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["gpt", "native"]
    assert not (tmp_path / "x.dim").exists()


def test_which_engines(scene: SimulatedScene, tmp_path: Path) -> None:
    fixed = ("-P", f"input={scene.safe}", "-P", "output=x.dim", "-P", "format=BEAM-DIMAP")
    rest = ("--dem", scene.dem, *BASE, "--engines")
    for engines, text in (
        ("native", "--engines names 1 engines"),
        ("native,native", "two different engines"),
        ("native,snapp", "there is no engine 'snapp'"),
    ):
        done = call_s1card("compare", "card-bs", *fixed, *rest, engines)
        assert done.returncode == 2
        assert text in done.stderr


def test_wrong_calls_and_bad_data(card: Path, tmp_path: Path) -> None:
    for words, code, text in (
        ((card,), 2, "1 are named"),
        ((card, card, card), 2, "3 are named"),
        ((card, card, "--max-bias", "x"), 2, "not a number"),
        ((card, card, "--max-bias", "-1"), 2, "not negative"),
        ((card, card, "--scale", "VV=log"), 2, "not one of dB"),
        ((card, card, "--picture", tmp_path / "none" / "p.png"), 2, "folder of the picture"),
        ((card, tmp_path / "none"), 3, "does not exist"),
        ((card, card, "--band", "nothing"), 3, "no band is in both"),
    ):
        done = call_s1card("compare", *words)
        assert done.returncode == code, (words, done.stderr)
        assert text in done.stderr
