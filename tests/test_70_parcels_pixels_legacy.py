from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from s1card.errors import DataError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels import BandReader, Given, open_pixels
from s1card.raster import BandSpec, DimapSink

SCENE = "S1B_IW_GRDH_1SDV_20190301T172436_20190301T172501_015164_01C5BF_40F5"
REFERENCE = f"{SCENE}_CARD_BS"
GRID = MapGrid("EPSG:32631", 466_725.0, 5_660_005.0, 10.0, 10.0, rows=60, cols=80)
COH6 = "S1B_20190301T172436__1A_20190223T172513_20190223T172540_CARD-COH6"
COH12 = "S1A_20240101T010035__1A__20231220T010010_20231220T010035_CARD-COH12"


def values(seed: int) -> np.ndarray:
    numbers = np.random.default_rng(seed).gamma(4, 0.02, GRID.shape).astype(np.float32)
    numbers[:10] = 0
    return numbers


def backscatter(
    folder: Path, bands: tuple[str, ...] = ("Gamma0_VH", "Gamma0_VV"), metadata: str = ""
) -> Path:
    """A product as SNAP writes it; ``metadata`` goes into the document. Returns the document."""
    path = folder / f"{REFERENCE}.dim"
    specs = [BandSpec(name, nodata=None) for name in bands]
    sink = DimapSink(path, GRID, specs, {})
    for index in range(len(bands)):
        sink.write(index, GRID.window, values(index))
    sink.close()
    text = path.read_text("latin-1")
    path.write_text(text.replace("</Dimap_Document>", f"{metadata}</Dimap_Document>"), "latin-1")
    return path


def coherence(path: Path, descriptions: tuple[str | None, ...] = (None, None)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "height": GRID.rows, "width": GRID.cols, "count": len(descriptions), "dtype": "float32",
        "crs": GRID.crs, "transform": Affine(*GRID.transform),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        for index, description in enumerate(descriptions, 1):
            target.write(values(index), index)
            if description:
                target.set_band_description(index, description)
    return path


@pytest.mark.parametrize("way", ["dim", "data", "img", "folder"])
def test_backscatter(tmp_path: Path, way: str) -> None:
    folder = tmp_path / REFERENCE
    document = backscatter(folder)
    data = document.with_suffix(".data")
    location = {"dim": document, "data": data, "img": data / "Gamma0_VV.img", "folder": folder}[way]
    source = open_pixels(location)
    observation = source.observation
    assert observation.reference == REFERENCE
    assert observation.obstime == datetime(2019, 3, 1, 17, 24, 36)
    assert (observation.sensor, observation.card, observation.relative_orbit) == ("1B", "bs", 88)
    assert observation.orbit_direction is None
    assert [(band.code, band.name, band.nodata) for band in source.bands] == [
        ("VVb", "VV", 0),
        ("VHb", "VH", 0),
    ]
    assert source.bands[0].grid == GRID
    with BandReader(source.band("VHb")) as reader:
        np.testing.assert_array_equal(reader.read(GRID.window), values(0))
    left, bottom, right, top = observation.footprint.bounds
    assert left < right < 4
    assert 51 < bottom < top < 52


def test_the_document_tells_the_orbit(tmp_path: Path) -> None:
    metadata = """<Dataset_Sources><MDElem name="Abstracted_Metadata">
      <MDATTR name="PASS" type="ascii">ASCENDING</MDATTR><MDATTR name="REL_ORBIT" type="int32">88</MDATTR>
      </MDElem></Dataset_Sources>"""
    observation = open_pixels(backscatter(tmp_path, metadata=metadata)).observation
    assert (observation.orbit_direction, observation.relative_orbit) == ("ascending", 88)


def test_the_user_may_state_the_direction(tmp_path: Path) -> None:
    source = open_pixels(backscatter(tmp_path), bands=["VH"], given=Given(orbit_direction="ascending"))
    assert source.observation.orbit_direction == "ascending"
    assert [band.code for band in source.bands] == ["VHb"]


def test_incidence_angle_of_snap(tmp_path: Path) -> None:
    source = open_pixels(backscatter(tmp_path, ("Gamma0_VV", "incidenceAngleFromEllipsoid")))
    assert source.incidence is not None
    assert source.incidence.path.endswith("incidenceAngleFromEllipsoid.img")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: (data / "Gamma0_VV.hdr").unlink(), r"the header Gamma0_VV\.hdr is missing"),
        (
            lambda data: (data / "Gamma0_VV.img").write_bytes((data / "Gamma0_VV.img").read_bytes()[:-4]),
            "the file has 19196 bytes, its header says 19200",
        ),
        (lambda data: (data / "Gamma0_VV.hdr").write_text("nothing"), "cannot be read as a raster"),
        (
            lambda data: [path.rename(data / f"Sigma0_{k}") for k, path in enumerate(data.iterdir())],
            "no Gamma0_VV",
        ),
    ],
)
def test_damaged_backscatter(tmp_path: Path, damage: Callable[[Path], object], words: str) -> None:
    document = backscatter(tmp_path)
    damage(document.with_suffix(".data"))
    with pytest.raises(DataError, match=words):
        open_pixels(document)


def test_an_unknown_name(tmp_path: Path) -> None:
    backscatter(tmp_path / "a")
    (tmp_path / "a" / f"{REFERENCE}.data").rename(tmp_path / "product.data")
    with pytest.raises(UsageError, match="unknown: obstime, sensor"):
        open_pixels(tmp_path / "product.data")
    given = Given(obstime=datetime(2020, 1, 1), sensor="1A")
    assert open_pixels(tmp_path / "product.data", given=given).observation.reference == "product"


@pytest.mark.parametrize(
    ("name", "card", "time", "pair"),
    [
        (COH6, "c6", datetime(2019, 3, 1, 17, 24, 36), ("1A", datetime(2019, 2, 23, 17, 25, 13))),
        (COH12, "c1", datetime(2024, 1, 1, 1, 0, 35), ("1A", datetime(2023, 12, 20, 1, 0, 10))),
    ],
)
def test_coherence_in_the_order_that_is_given(
    tmp_path: Path, name: str, card: str, time: datetime, pair: tuple[str, datetime]
) -> None:
    coherence(tmp_path / name / f"{name}.tif")
    source = open_pixels(tmp_path / name, bands=["VH", "VV"])
    assert [(band.code, band.index, band.nodata) for band in source.bands] == [("VHc", 1, 0), ("VVc", 2, 0)]
    observation = source.observation
    assert (observation.reference, observation.card, observation.obstime) == (name, card, time)
    assert (observation.pair_sensor, observation.pair_time) == pair
    with BandReader(source.band("VVc")) as reader:
        np.testing.assert_array_equal(reader.read(GRID.window), values(2))


@pytest.mark.parametrize("bands", [(), ("VV",), ("VV", "VV")])
def test_the_order_has_to_be_given(tmp_path: Path, bands: tuple[str, ...]) -> None:
    path = coherence(tmp_path / f"{COH6}.tif")
    with pytest.raises(UsageError, match=r"does not name its 2 bands.*VV,VH"):
        open_pixels(path, bands=bands)


def test_coherence_of_another_pattern_of_names(tmp_path: Path) -> None:
    path = coherence(tmp_path / "S1B_20190301T172436_20190223T172513_CARD-COH6.tif")
    source = open_pixels(path, bands=["VV", "VH"])
    assert (source.observation.card, source.observation.sensor) == ("c6", "1B")
    assert [band.nodata for band in source.bands] == [0, 0]


def test_coherence_that_names_its_bands(tmp_path: Path) -> None:
    path = coherence(tmp_path / f"{COH6}.tif", ("coh_VH_01Mar2019_23Feb2019", "coh_VV_01Mar2019_23Feb2019"))
    found = [(band.code, band.index) for band in open_pixels(path).bands]
    assert found == [("VHc", 1), ("VVc", 2)]
    assert [(band.code, band.index) for band in open_pixels(path, bands=["VV"]).bands] == [("VVc", 2)]
    with pytest.raises(DataError, match="no band HH"):
        open_pixels(path, bands=["HH", "VV"])


def test_coherence_that_contradicts_the_user(tmp_path: Path) -> None:
    path = coherence(tmp_path / f"{COH6}.tif", ("coh_VH", None))
    with pytest.raises(DataError, match="calls its band 1 VH, not VV"):
        open_pixels(path, bands=["VV", "VH"])
    with pytest.raises(UsageError, match="'B04' is no polarization"):
        open_pixels(path, bands=["B04", "VH"])
