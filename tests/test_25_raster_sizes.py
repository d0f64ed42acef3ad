"""Bands of several sizes in one BEAM-DIMAP product, and samples of ENVI files read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from s1card.errors import DataError, S1CardError
from s1card.raster import BandSpec, EnviSink, SizesSink
from s1card.raster.envi_reader import EnviReader
from s1card.window import Window

SHAPES = ((700, 520), (30, 600))


def samples(part: int, dtype: str = "float32") -> np.ndarray:
    rows, cols = SHAPES[part]
    return (np.arange(rows * cols).reshape(rows, cols) % 30_000 + part).astype(dtype)


def sink_of(path: Path) -> SizesSink:
    parts = [
        (SHAPES[0], [BandSpec("i_IW1_VV", "real", dtype="int16", nodata=0)]),
        (SHAPES[1], [BandSpec("Sigma0_IW2_VV", "intensity")]),
    ]
    return SizesSink(path, parts, {"graph": "<graph/>"})


def fill(sink: SizesSink, *, without_last: bool = False) -> list[list[Path]]:
    parts = sink.parts
    for number, (part, dtype) in enumerate(zip(parts, ("int16", "float32"), strict=True)):
        whole = Window(0, 0, *SHAPES[number])
        windows = list(whole.tiles(512, 512))
        for window in windows[:-1] if without_last and number else windows:
            part.write(0, window, samples(number, dtype)[window.slices_in(whole)])
    return [part.close() for part in parts]


def test_every_band_has_its_size_and_samples(tmp_path: Path) -> None:
    path = tmp_path / "slc.dim"
    assert fill(sink_of(path)) == [[], [path]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["slc.data", "slc.dim"]
    root = etree.parse(path).getroot()
    sizes = [
        (e.findtext("BAND_NAME"), int(e.findtext("BAND_RASTER_HEIGHT")), int(e.findtext("BAND_RASTER_WIDTH")))
        for e in root.iterfind("Image_Interpretation/Spectral_Band_Info")
    ]
    assert sizes == [("i_IW1_VV", 700, 520), ("Sigma0_IW2_VV", 30, 600)]
    assert root.findtext("Raster_Dimensions/NBANDS") == "2"
    first = EnviReader.open(tmp_path / "slc.data/i_IW1_VV.hdr")
    second = EnviReader.open(tmp_path / "slc.data/Sigma0_IW2_VV.hdr")
    assert (first.shape, second.shape) == SHAPES
    window = Window(505, 100, 20, 400)
    assert (first.read(window) == samples(0, "int16")[505:525, 100:500]).all()
    assert first.read(window).dtype == np.dtype("int16")
    assert (second.read(Window(0, 0, *SHAPES[1])) == samples(1)).all()


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    path = tmp_path / "slc.dim"
    (tmp_path / "slc.data").mkdir()
    (tmp_path / "slc.data/old.img").touch()
    fill(sink_of(path))
    fill(sink_of(path))
    assert sorted(p.name for p in (tmp_path / "slc.data").glob("*.img")) == [
        "Sigma0_IW2_VV.img",
        "i_IW1_VV.img",
    ]


def test_a_hole_or_an_abort_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(S1CardError, match="tiles"):
        fill(sink_of(tmp_path / "slc.dim"), without_last=True)
    assert list(tmp_path.iterdir()) == []
    sink = sink_of(tmp_path / "slc.dim")
    sink.parts[0].write(0, Window(0, 0, 512, 512), samples(0, "int16")[:512, :512])
    for part in sink.parts:
        part.abort()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64"])
def test_types_come_back(tmp_path: Path, dtype: str) -> None:
    sink = EnviSink(tmp_path / "x.hdr", SHAPES[1], [BandSpec("b", "{odd} unit", dtype=dtype, nodata=0)], {})
    values = np.arange(30 * 600).reshape(30, 600).astype(dtype)
    for window in Window(0, 0, 30, 600).tiles(512, 512):
        sink.write(0, window, values[window.slices_in(Window(0, 0, 30, 600))])
    sink.close()
    read = EnviReader.open(tmp_path / "x/b.hdr").read(Window(0, 0, 30, 600))
    assert read.dtype == np.dtype(dtype)
    assert (read == values).all()


@pytest.mark.parametrize("damage", ["header", "short", "gone", "type"])
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    fill(sink_of(tmp_path / "slc.dim"))
    image = tmp_path / "slc.data/i_IW1_VV.img"
    header = image.with_suffix(".hdr")
    if damage == "header":
        header.write_text("ENVI\n")
    elif damage == "short":
        image.write_bytes(image.read_bytes()[:-1])
    elif damage == "gone":
        image.unlink()
    else:
        header.write_text(header.read_text().replace("data type = 2", "data type = 99"))
    with pytest.raises(DataError, match=r"i_IW1_VV\.img: the raster cannot be read"):
        EnviReader.open(header)
