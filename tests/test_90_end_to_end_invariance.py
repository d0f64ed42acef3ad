"""What must not change a card does not: how the work is cut, how the scene is packed, how much of it is wanted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import band, digests, make_card

from s1card.card.backscatter import BackscatterOrder, make_backscatter_card
from s1card.cli_options import area_wkt
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.geometry.geoid import VerticalDatum
from s1card.scene.pixels import PixelReader
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

SCENE = GrdConfig(lines=900, pixels=800, terrain="hills", longitude=12.0, ascending=False, zip=True, seed=3)
"""Its middle lies on the border of two UTM zones."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(SCENE, tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def full(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_card(scene.safe, scene.dem, tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def layered(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of a card with all layers."""
    out = tmp_path_factory.mktemp("layered")
    return digests(make_card(scene.safe, scene.dem, out, "--layers", "inc,lia,mask,dem"))


@pytest.mark.parametrize(
    "options",
    [
        ("--block", 256, "--threads", 1),
        ("--block", 2048, "--threads", 2),
        ("--threads", 2, "--memory", "700M"),
    ],
    ids=lambda options: "-".join(map(str, options)),
)
def test_same_bytes_however_the_work_is_cut(
    options: tuple[object, ...], scene: SimulatedScene, layered: dict[str, str], tmp_path: Path
) -> None:
    card = make_card(scene.safe, scene.dem, tmp_path, "--layers", "inc,lia,mask,dem", *options)
    assert len(layered) == 9  # six rasters, STAC item, graph, quicklook
    assert digests(card) == layered


def test_same_pixels_from_a_zip(scene: SimulatedScene, full: Path, tmp_path: Path) -> None:
    """Only the graph, which names its input, tells the cards apart."""
    assert scene.archive is not None
    card = make_card(scene.archive, scene.dem, tmp_path)
    assert card.name == full.name
    assert_same_pixels(card, full)
    assert digests(card)[f"{card.name}.png"] == digests(full)[f"{card.name}.png"]


def test_same_bytes_when_the_scene_lies_elsewhere(scene: SimulatedScene, full: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "other" / scene.safe.name
    elsewhere.parent.mkdir()
    elsewhere.symlink_to(scene.safe)
    assert digests(make_card(elsewhere, scene.dem, tmp_path / "cards")) == digests(full)


@pytest.mark.parametrize(
    "area",
    [
        pytest.param("11.98,45.24,12.01,45.26", id="box"),
        pytest.param("10.0,45.25,14.0,45.27", id="beyond-both-sides"),
        pytest.param("POLYGON((12.001 45.25, 12.004 45.252, 12.002 45.2531, 12.001 45.25))", id="polygon"),
    ],
)
def test_an_area_is_the_crop_of_the_full_card(
    area: str, scene: SimulatedScene, full: Path, tmp_path: Path
) -> None:
    card = make_card(scene.safe, scene.dem, tmp_path, "--aoi", area)
    assert card.name != full.name
    for name in ("VV", "VH"):
        with rasterio.open(band(full, name)) as whole, rasterio.open(band(card, name)) as part:
            assert part.crs == whole.crs
            row = (whole.transform.f - part.transform.f) / 10.0
            col = (part.transform.c - whole.transform.c) / 10.0
            assert row == int(row) and col == int(col)
            expected = whole.read(1)[int(row) : int(row) + part.height, int(col) : int(col) + part.width]
            assert np.isfinite(expected).any()
            assert part.height < whole.height
            np.testing.assert_array_equal(part.read(1), expected)


def test_an_area_reads_only_the_lines_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of a kilometre of a scene of 30 km."""
    scene = simulate_grd(
        GrdConfig(lines=3000, pixels=100, terrain="flat", longitude=12.0), tmp_path / "scene"
    )
    read: dict[str, set[int]] = {}
    original = PixelReader.read_lines

    def counting(self: PixelReader, first: int, count: int) -> np.ndarray:
        read.setdefault(self.image.polarization, set()).update(range(first, first + count))
        return original(self, first, count)

    monkeypatch.setattr(PixelReader, "read_lines", counting)
    place = {"aoi": area_wkt("12.000,45.250,12.002,45.253"), "crs": "AUTO:42001", "spacing": "10"}
    order = BackscatterOrder(scene.safe, scene.dem, VerticalDatum.ELLIPSOID, parameters=place)
    card = make_backscatter_card(order, NativeEngine(Surroundings(threads=1)), tmp_path / "cards")
    with rasterio.open(card.bands["VV"]) as raster:
        assert np.isfinite(raster.read(1)).all()
        rows = raster.height
    assert set(read) == {"VV", "VH"}
    for lines in read.values():
        assert rows <= len(lines) <= rows + 400  # whole chunks of lines, and both ends of the image


def test_cloud_optimised_scenes_give_the_same_pixels(full: Path, tmp_path: Path) -> None:
    config = replace(SCENE, cog=True, zip=False)
    cloud = simulate_grd(config, tmp_path / "scene")
    assert len(list(cloud.safe.glob("measurement/*-cog.tiff"))) == 2
    card = make_card(cloud.safe, cloud.dem, tmp_path / "cards")
    assert_same_pixels(card, full)


def assert_same_pixels(card: Path, other: Path) -> None:
    for name in ("VV", "VH"):
        with rasterio.open(band(other, name)) as expected, rasterio.open(band(card, name)) as found:
            assert found.transform == expected.transform
            np.testing.assert_array_equal(found.read(1), expected.read(1))


@pytest.mark.parametrize(
    ("platform", "mode", "polarizations", "designator"),
    [
        ("S1B", "EW", ("HH", "HV"), "2016-025A"),
        ("S1C", "SM", ("VV",), "2024-238A"),
        ("S1D", "IW", ("VV", "VH"), "2025-251A"),
    ],
    ids=["S1B-EW-dual-HH", "S1C-SM-single", "S1D-IW"],
)
def test_modes_platforms_and_polarizations(
    platform: str, mode: str, polarizations: tuple[str, ...], designator: str, tmp_path: Path
) -> None:
    config = GrdConfig(
        lines=300, pixels=300, mode=mode, platform=platform, polarizations=polarizations, terrain="flat"
    )
    made = simulate_grd(config, tmp_path / "scene")
    spacing = 40 if mode == "EW" else 10
    card = make_card(made.safe, made.dem, tmp_path / "cards", "--spacing", spacing)
    item = json.loads((card / f"{card.name}.json").read_text(encoding="utf-8"))
    properties = item["properties"]
    assert card.name == f"{made.safe.stem}_CARD_BS" or card.name.startswith(f"{made.safe.stem}_CARD_BS_")
    assert sorted(path.name.rsplit("_", 1)[-1] for path in card.glob("*.tif")) == sorted(
        f"{polarization}.tif" for polarization in polarizations
    )
    assert properties["sar:instrument_mode"] == mode
    assert properties["sar:polarizations"] == list(polarizations)
    assert properties["platform"].lower().replace("sentinel-", "s") == platform.lower()
    assert properties["sat:platform_international_designator"] == designator
    with rasterio.open(band(card, polarizations[0])) as raster:
        assert raster.res == (spacing, spacing)
        assert np.isfinite(raster.read(1)).mean() > 0.6
