"""Slices of one GRD datatake: their card is that of the long slice; gaps and wrong order are refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import BASE, call_s1card, make_card
from grd_slices import cut_grd

from s1card.card.backscatter import BackscatterOrder, make_backscatter_card
from s1card.engine.snap.engine import SnapEngine
from s1card.engine.snap.launcher import LocalGpt
from s1card.errors import GraphError
from s1card.geometry.geoid import VerticalDatum
from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.grd import simulate_grd

LINES = 700


@dataclass(frozen=True)
class Long:
    """A scene, its card, and a folder for slices beside the orbit file."""

    files: SimulatedScene
    card: Path

    def cut(self, *lines: int) -> list[Path]:
        name = "-".join(map(str, lines))
        out = self.files.orbit.parent / name
        if not out.exists():
            out.mkdir()
            (out / self.files.orbit.name).symlink_to(self.files.orbit)
            cut_grd(self.files.safe, lines, out)
        return sorted(out.glob("*.SAFE"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Long:
    folder = tmp_path_factory.mktemp("long")
    files = simulate_grd(GrdConfig(lines=LINES, pixels=260, targets=4), folder)
    return Long(files, make_card(files.safe, files.dem, folder / "cards", "--layers", "lia"))


def bands(card: Path) -> dict[str, np.ndarray]:
    found = {}
    for path in sorted(card.glob("*.tif")):
        with rasterio.open(path) as file:
            found[path.stem.rpartition("_")[2]] = file.read(1)
            found[f"grid of {path.stem.rpartition('_')[2]}"] = np.array(file.transform)
    return found


@pytest.mark.parametrize("lines", [(350,), (233, 500)], ids=["two", "three"])
def test_slices_give_the_card_of_the_long_slice(scene: Long, lines: tuple[int, ...], tmp_path: Path) -> None:
    """Bit by bit, at the joints too."""
    first, *others = scene.cut(*lines)
    card = make_card(first, scene.files.dem, tmp_path, *others, "--layers", "lia")
    ours, expected = bands(card), bands(scene.card)
    assert list(ours) == list(expected)
    assert {"VV", "VH", "lia"} <= set(ours)
    for name, values in expected.items():
        assert ours[name].tobytes() == values.tobytes(), name


def test_card_tells_its_slices(scene: Long, tmp_path: Path) -> None:
    slices = scene.cut(350)
    card = make_card(slices[0], scene.files.dem, tmp_path, slices[1])
    (item,) = card.glob("*.json")
    links = json.loads(item.read_text())["links"]
    sources = [link["title"] for link in links if link["rel"] == "derived_from"]
    assert [path.stem for path in slices] == sources[:2]
    (graph,) = card.glob("*.xml")
    assert "SliceAssembly" in graph.read_text()
    assert all(path.name in graph.read_text() for path in slices)


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ((0, 2), "do not adjoin: 267 lines are missing"),
        ((1, 0), "not in order of time"),
        ((0, 2, 1), "not in order of time"),
        ((0, 0), "do not adjoin: they share 233 lines"),
    ],
    ids=["gap", "backwards", "mixed", "twice"],
)
def test_wrong_slices_are_refused_by_name(
    scene: Long, chosen: tuple[int, ...], text: str, tmp_path: Path
) -> None:
    slices = [scene.cut(233, 500)[k] for k in chosen]
    done = call_s1card("bs", *slices, "--dem", scene.files.dem, *BASE, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert text in done.stderr
    assert slices[1].stem in done.stderr
    assert not any((tmp_path / "out").glob("*"))


def test_another_datatake_is_refused(scene: Long, tmp_path: Path) -> None:
    first, second = scene.cut(350)
    other = tmp_path / second.name
    cut_grd(scene.files.safe, [350], tmp_path)
    for path in [*other.rglob("*.xml"), other / "manifest.safe"]:
        path.write_text(
            path.read_text()
            .replace("<missionDataTakeId>", "<missionDataTakeId>1")
            .replace("<s1sarl1:missionDataTakeID>", "<s1sarl1:missionDataTakeID>1")
        )
    done = call_s1card("bs", first, other, "--dem", scene.files.dem, *BASE, "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "slices of different datatakes" in done.stderr


def test_other_engines_are_refused(scene: Long, tmp_path: Path) -> None:
    first, second = scene.cut(350)
    order = BackscatterOrder(first, scene.files.dem, VerticalDatum.ELLIPSOID, slices=(second,))
    with pytest.raises(GraphError, match=r"does not remove the noise of slices.*--engine native"):
        make_backscatter_card(order, SnapEngine(LocalGpt(tmp_path / "gpt")), tmp_path)
