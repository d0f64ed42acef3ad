from __future__ import annotations

import errno
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import card_cases
import numpy as np
import pytest
import rasterio
from lxml import etree
from rasterio.transform import Affine

from s1card.card import (
    Card,
    CardBand,
    assemble_card,
    atomic_folder,
    complete_card,
    open_card,
    product,
    raster_name,
    tags,
    verify_card,
)
from s1card.card.provenance import portable_graph
from s1card.errors import DataError, GraphError, ResourceError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.raster.cog import CogSink
from s1card.raster.sink import BandSpec

ID = f"{card_cases.NAME}_CARD_BS"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    assemble_card(card_cases.card_bands(folder / "tmp"), card_cases.context(), folder)
    return folder / ID


@pytest.fixture
def card(template: Path, tmp_path: Path) -> Card:
    shutil.copytree(template, tmp_path / ID)
    return open_card(tmp_path / ID)


def test_files_of_a_card(card: Card) -> None:
    expected = {
        f"{ID}{end}" for end in ("_VV.tif", "_VH.tif", "_inc.tif", "_mask.tif", ".json", ".xml", ".png")
    }
    assert {path.name for path in card.folder.iterdir()} == expected
    assert list(card.bands) == ["VV", "VH", "inc", "mask"]
    assert card.id == ID
    assert verify_card(card.folder) == card


def test_the_rasters_are_moved_and_nothing_else_stays(tmp_path: Path) -> None:
    bands = card_cases.card_bands(tmp_path / "tmp")
    card = assemble_card(bands, card_cases.context(), tmp_path / "out")
    assert not any(band.path.exists() for band in bands)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [ID]
    digest = hashlib.sha256(card.bands["VV"].read_bytes()).hexdigest()
    assert digest == next(band.sha256 for band in bands if band.name == "VV")


def test_same_inputs_same_bytes(template: Path, tmp_path: Path) -> None:
    graph = card_cases.GRAPH.replace("/home/me/in", "/elsewhere")
    context = card_cases.context(graph_xml=graph)
    again = assemble_card(card_cases.card_bands(tmp_path / "tmp")[::-1], context, tmp_path / "out")
    for path in template.iterdir():
        assert (again.folder / path.name).read_bytes() == path.read_bytes(), path.name


def test_rasters_that_lie_in_the_folder_stay_there(tmp_path: Path) -> None:
    context = card_cases.context()
    with atomic_folder(tmp_path / ID) as staging:
        band = card_cases.card_band(staging, "VV", card_cases.power(0.1))
        target = staging / raster_name(context.card_id, "VV")
        band.path.rename(target)
        complete_card(staging, [replace(band, path=target)], context)
    assert verify_card(tmp_path / ID).bands.keys() == {"VV"}


def test_a_card_of_the_raster_writer(tmp_path: Path) -> None:
    """The way of a real card: tags first, rasters written in place, then everything about them."""
    context = card_cases.context()
    specs = [
        BandSpec("Gamma0_VV", "1", "gamma0 VV, linear power"),
        BandSpec("mask", "", "layover and shadow", "uint8", 255, "nearest"),
    ]
    names = ("VV", "mask")
    with atomic_folder(tmp_path / context.card_id) as staging:
        paths = [staging / raster_name(context.card_id, name) for name in names]
        sink = CogSink(paths, context.grid, specs, tags(context))
        sink.write(0, context.grid.window, card_cases.power(0.1))
        sink.write(1, context.grid.window, np.ones(context.grid.shape, np.uint8))
        sink.close()
        bands = list(map(CardBand.of, names, specs, sink.written))
        complete_card(staging, bands, context)
    card = verify_card(tmp_path / context.card_id)
    with rasterio.open(card.bands["VV"]) as raster:
        assert raster.tags().items() >= {k: v for k, v in tags(context).items() if v}.items()
        assert raster.descriptions == ("Gamma0_VV",)
    assets = json.loads(card.item.read_text())["assets"]
    assert assets["VV"]["bands"][0]["statistics"]["count"] == 270 * 380
    assert assets["VV"]["bands"][0]["unit"] == "1"
    assert "unit" not in assets["mask"]["bands"][0]
    assert "statistics" not in assets["mask"]["bands"][0]


def test_a_card_is_replaced_only_on_request(card: Card, tmp_path: Path) -> None:
    bands = [card_cases.card_band(tmp_path, "VV", card_cases.power(0.3))]
    with pytest.raises(UsageError, match="exists already"):
        assemble_card(bands, card_cases.context(), tmp_path)
    assert bands[0].path.exists()
    assert list(assemble_card(bands, card_cases.context(), tmp_path, overwrite=True).bands) == ["VV"]
    assert not (card.folder / f"{ID}_VH.tif").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full"), RuntimeError()])
def test_an_interrupted_card_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(product, "dump_item", fail)
    bands = [card_cases.card_band(tmp_path, "VV", card_cases.power(0.1))]
    with pytest.raises((KeyboardInterrupt, ResourceError, RuntimeError)):
        assemble_card(bands, card_cases.context(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_bad_rasters_never_become_a_card(tmp_path: Path) -> None:
    power = card_cases.power(0.1)
    grid = card_cases.GRID
    shifted = MapGrid(grid.crs, grid.left + 10, grid.top, 10, 10, grid.rows, grid.cols)
    flipped = MapGrid(grid.crs, grid.left, grid.top, 10, 10, grid.cols, grid.rows)
    other_zone = replace(grid, crs="EPSG:32632")
    bad = [
        [card_cases.card_band(tmp_path, "VV", power, shifted)],
        [card_cases.card_band(tmp_path, "VH", power.T.copy(), flipped)],
        [card_cases.card_band(tmp_path, "HH", power, other_zone)],
        [card_cases.card_band(tmp_path, "HV", power * np.float32(np.nan))],
        [card_cases.card_band(tmp_path, "inc", power)],
    ]
    for bands in bad:
        with pytest.raises(DataError):
            assemble_card(bands, card_cases.context(), tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []


def test_a_broken_raster_is_named(tmp_path: Path) -> None:
    band = card_cases.card_band(tmp_path, "VV", card_cases.power(0.1))
    band.path.write_bytes(b"II*\0")
    with pytest.raises(DataError, match=r"_VV\.tif: cannot be read"):
        assemble_card([band], card_cases.context(), tmp_path / "out")


def test_a_renamed_folder_still_opens(card: Card) -> None:
    moved = card.folder.rename(card.folder.with_name("renamed"))
    assert verify_card(moved).id == ID


def test_what_is_no_card(tmp_path: Path, card: Card) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no STAC item"):
        open_card(tmp_path / "empty")
    card.item.write_text("{}")
    with pytest.raises(DataError, match="damaged"):
        open_card(card.folder)


def test_a_missing_raster_is_found_on_opening(card: Card) -> None:
    card.bands["VH"].unlink()
    with pytest.raises(DataError, match=r"missing: .*_VH\.tif"):
        open_card(card.folder)


def test_a_missing_picture_is_found(card: Card) -> None:
    (card.folder / f"{ID}.png").unlink()
    with pytest.raises(DataError, match=r"\.png: missing"):
        verify_card(card.folder)


def test_a_changed_byte_is_found(card: Card) -> None:
    content = bytearray(card.bands["VV"].read_bytes())
    content[len(content) // 2] ^= 1
    card.bands["VV"].write_bytes(content)
    with pytest.raises(DataError, match=r"_VV\.tif: other checksum"):
        verify_card(card.folder)


def test_a_truncated_file_is_found(card: Card) -> None:
    graph = card.folder / f"{ID}.xml"
    graph.write_bytes(graph.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"\.xml: \d+ bytes instead of \d+"):
        verify_card(card.folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("proj:shape", [400, 300], "shape"),
        ("proj:code", "EPSG:32632", "CRS EPSG:32633 instead of EPSG:32632"),
        ("proj:transform", [10.0, 0.0, 300_010.0, 0.0, -10.0, 4_660_000.0], "transform"),
    ],
)
def test_a_wrong_description_is_found(card: Card, key: str, value: object, message: str) -> None:
    item = json.loads(card.item.read_text())
    item["properties"][key] = value
    card.item.write_text(json.dumps(item))
    with pytest.raises(DataError, match=message):
        verify_card(card.folder)


def test_swapped_bands_are_found(tmp_path: Path, card: Card) -> None:
    band = card_cases.card_band(tmp_path, "VH", card_cases.power(0.02))
    with rasterio.open(band.path, "r+") as raster:
        raster.descriptions = ("Gamma0_VV",)
    shutil.copy(band.path, card.bands["VH"])
    with pytest.raises(DataError, match="holds band Gamma0_VV instead of VH"):
        verify_card(card.folder)
    with pytest.raises(DataError, match="given for VH holds Gamma0_VV"):
        assemble_card([band], card_cases.context(), tmp_path / "out")


def test_a_raster_moved_on_the_map_is_found(card: Card) -> None:
    with rasterio.open(card.bands["VV"], "r+") as raster:
        raster.transform = Affine(10, 0, 300_000, 0, -10, 4_660_010)
    with pytest.raises(DataError, match="transform"):
        verify_card(card.folder)


def test_a_grid_without_epsg_code_is_described_by_wkt(tmp_path: Path) -> None:
    crs = "+proj=laea +lat_0=47 +lon_0=13 +datum=WGS84 +units=m"
    grid = replace(card_cases.GRID, crs=crs, left=0.0, top=0.0)
    band = card_cases.card_band(tmp_path, "VV", card_cases.power(0.1), grid)
    card = assemble_card([band], card_cases.context(grid=grid), tmp_path / "out")
    properties = json.loads(card.item.read_text())["properties"]
    assert properties["proj:code"] is None
    assert "Lambert" in properties["proj:wkt2"]
    assert verify_card(card.folder).id == ID


def test_tags_say_where_a_raster_comes_from() -> None:
    context = card_cases.context()
    found = tags(context)
    graph = portable_graph(card_cases.GRAPH)
    assert found["CARD_ID"] == ID
    assert found["ACQUISITION_DATETIME"] == "2021-01-19T03:16:53.123456Z"
    assert found["GRAPH_SHA256"] == hashlib.sha256(graph.encode()).hexdigest()
    assert found["ORBIT_FILE"] == "S1A_OPER_AUX_POEORB.EOF"
    assert found["SOFTWARE"] == "GDAL 3.10, s1card 0.1.0"
    assert found["DEM_DATUM"] == "egm2008"
    assert all(isinstance(text, str) for text in found.values())


def test_the_graph_tag_is_the_checksum_of_the_graph_file(card: Card) -> None:
    digest = hashlib.sha256((card.folder / f"{ID}.xml").read_bytes()).hexdigest()
    assert digest == tags(card_cases.context())["GRAPH_SHA256"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me/in/S1A.zip", "S1A.zip"),
        ("/home/me/in/S1A.SAFE/", "S1A.SAFE"),
        ("C:\\data\\S1A.zip", "S1A.zip"),
        ("../in/S1A.zip", "S1A.zip"),
        ("s3://bucket/S1A.zip", "s3://bucket/S1A.zip"),
        ("S1A.zip", "S1A.zip"),
    ],
)
def test_graphs_lose_the_folders_of_the_machine(text: str, expected: str) -> None:
    root = etree.fromstring(portable_graph(f"<graph><p><file>{text}</file></p></graph>"))
    assert root.findtext("p/file") == expected


def test_graphs_keep_what_only_looks_like_a_path() -> None:
    text = "<graph><p><expression>Sigma0_VV / 2</expression><wkt>POINT (1 2)</wkt></p></graph>"
    root = etree.fromstring(portable_graph(text))
    assert root.findtext("p/expression") == "Sigma0_VV / 2"
    assert root.findtext("p/wkt") == "POINT (1 2)"


def test_a_graph_that_is_no_xml() -> None:
    with pytest.raises(GraphError, match="not XML"):
        portable_graph("<graph>")
