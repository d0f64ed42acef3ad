"""A real pair of SLC annotation, its pixels replaced, becomes a coherence card over its real elevation model.

Only the lines that the wanted area needs hold samples; the rest of the measurement files is left out (sparse TIFF).
"""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import band, call_s1card
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterWindow

from s1card.engine.looks import expected_coherence
from s1card.scene import Scene, make_pair, open_scene

PAIR = (
    "S1A_IW_SLC__1SDV_20230904T063730_20230904T063757_050174_0609E3_DAA1",
    "S1A_IW_SLC__1SDV_20230916T063730_20230916T063757_050349_060FCD_6814",
)
ELEVATION = "dem-b1-s1a-iw1-slc-vv-20230904t063731-20230904t063756-050174-0609e3-004.tiff"
FIRST, LINES = 400, 700  # of the first burst of IW1
LONGITUDE, LATITUDE, SIZE = -8.40, 31.735, 0.02  # in the middle of it
LOOKS = 30  # in 3 x 10 samples that are independent, as white noise is


def unpacked(archive: Path, folder: Path) -> Scene:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return open_scene(folder / f"{archive.stem}.SAFE")


def put_noise(scene: Scene, seed: int) -> None:
    """Give all images of a scene samples: white noise in the middle of the first burst, nothing beyond it."""
    for image in scene.images:
        annotation = image.annotation
        random = np.random.default_rng(seed)
        size = {"height": annotation.lines, "width": annotation.pixels, "count": 1, "dtype": "complex_int16"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                image.raster, "w", driver="GTiff", SPARSE_OK="TRUE", COMPRESS="DEFLATE", ZLEVEL=1, **size
            ) as raster:
                if (image.swath, image.polarization) == ("IW1", "VV"):
                    noise = random.normal(0, 100, (LINES, annotation.pixels, 2)).round().astype(np.float32)
                    strip = RasterWindow(0, FIRST, annotation.pixels, LINES)
                    raster.write(noise.view(np.complex64)[..., 0], 1, window=strip)


def test_a_card_of_the_first_burst(shared: Path, tmp_path: Path) -> None:
    scenes = [unpacked(shared / "data/annotation" / f"{name}.zip", tmp_path) for name in PAIR]
    for seed, scene in enumerate(scenes):
        put_noise(scene, seed)
    area = f"{LONGITUDE - SIZE},{LATITUDE - SIZE},{LONGITUDE + SIZE},{LATITUDE + SIZE}"
    dem, geoid = shared / "data/dem" / ELEVATION, shared / "data/dem/egm96_15.gtx"
    given = ("--dem", dem, "--dem-datum", "egm96", "--geoid", geoid, "--orbit", "none", "--aoi", area)
    paths = [scene.path for scene in scenes]
    done = call_s1card(
        "coh6", *paths, *given, "--subswath", "IW1", "--pol", "VV", "--out", tmp_path / "cards", "--json"
    )
    assert done.returncode == 0, done.stderr
    card = Path(json.loads(done.stdout)["folder"])
    assert "20230916T063730_20230904T063730_R052" in card.name
    with rasterio.open(band(card, "VV")) as raster:
        coherence = raster.read(1)
    assert min(coherence.shape) > 180  # 4 km
    assert np.isfinite(coherence).all()
    assert coherence.mean() == pytest.approx(expected_coherence(0.0, LOOKS), abs=0.01)
    properties = json.loads((card / f"{card.name}.json").read_text(encoding="utf-8"))["properties"]
    assert properties["s1card:temporal_baseline_days"] == 12
    assert properties["s1card:perpendicular_baseline"]["IW1"] == pytest.approx(-27.7, abs=0.5)


def test_the_pair_that_it_is(shared: Path) -> None:
    pair = make_pair([open_scene(shared / "data/annotation" / f"{name}.zip") for name in PAIR])
    assert (pair.relative_orbit, pair.temporal_baseline_days) == (52, 12)
    assert pair.swaths == ("IW1", "IW2", "IW3") and pair.polarizations == ("VV", "VH")
    assert all(len(ids) == 9 for ids in pair.burst_ids.values())
