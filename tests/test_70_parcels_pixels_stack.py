from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from s1card.errors import DataError, UsageError
from s1card.geometry.map_grid import MapGrid
from s1card.parcels.pixels import BandReader, Given, open_pixels

GRID = MapGrid("EPSG:3035", 4_300_000.0, 3_200_000.0, 10.0, 10.0, rows=30, cols=40)
GIVEN = Given(obstime=datetime(2021, 5, 31, 5, 10), sensor="1A", card="bs")


def write(
    path: Path,
    names: tuple[str | None, ...] = (None,),
    *,
    grid: MapGrid = GRID,
    transform: Affine | None = None,
    crs: str | None = "",
    **profile: object,
) -> Path:
    """Bands of 1, 2 ... with descriptions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "driver": "GTiff", "height": grid.rows, "width": grid.cols, "count": len(names), "dtype": "float32",
        "crs": grid.crs if crs == "" else crs, "transform": transform or Affine(*grid.transform),
    }  # fmt: skip
    with rasterio.open(path, "w", **(options | profile)) as target:
        for index, name in enumerate(names, 1):
            target.write(np.full(grid.shape, index, target.dtypes[0]), index)
            if name:
                target.set_band_description(index, name)
    return path


def test_one_file_of_named_bands(tmp_path: Path) -> None:
    path = write(tmp_path / "field_S1A_20210531T051000.tif", ("Gamma0_VH", "Gamma0_VV"), nodata=-1)
    source = open_pixels(path, given=Given(card="bs"))
    assert [(band.code, band.index, band.nodata) for band in source.bands] == [("VHb", 1, -1), ("VVb", 2, -1)]
    observation = source.observation
    assert observation.reference == "field_S1A_20210531T051000"
    assert (observation.obstime, observation.sensor) == (datetime(2021, 5, 31, 5, 10), "1A")
    with BandReader(source.band("VVb")) as reader:
        assert np.all(reader.read(GRID.window) == 2)
    assert observation.footprint.contains(observation.footprint.centroid)


def test_one_file_of_bands_without_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", (None, None))
    source = open_pixels(path, bands=["VHb", "VVb"], given=Given(obstime=datetime(2021, 1, 1), sensor="1B"))
    assert [(band.code, band.index) for band in source.bands] == [("VHb", 1), ("VVb", 2)]
    assert source.observation.card == "bs"
    with pytest.raises(UsageError, match="does not name its 2 bands"):
        open_pixels(path, given=GIVEN)


def test_any_quantity(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ("NDVI",), nodata=0, dtype="int16")
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.5,), (3.0,)
    source = open_pixels(path, given=Given(obstime=datetime(2021, 1, 1), sensor="2A", card="s2"))
    band = source.bands[0]
    assert (band.code, band.scale, band.offset, band.nodata, band.dtype) == ("NDVI", 0.5, 3, 0, "int16")


def test_a_folder_of_bands(tmp_path: Path) -> None:
    folder = tmp_path / "S2B_20210531T101559"
    for name in ("T33TUM_B04_10m", "T33TUM_B8_10m", "T33TUM_SCL_20m"):
        write(folder / f"{name}.tif", dtype="uint8")
    source = open_pixels(folder)
    assert [band.code for band in source.bands] == ["B04", "B08", "SCL"]
    assert [band.is_classes for band in source.bands] == [False, False, True]
    observation = source.observation
    assert (observation.reference, observation.card, observation.sensor) == (folder.name, "s2", "2B")
    assert observation.source == str(folder)
    assert [band.code for band in open_pixels(folder, bands=["SCL"]).bands] == ["SCL"]


def test_a_list_of_files(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"S1A_20210531T051000_x_{name}.tif") for name in ("VV", "VH")]
    source = open_pixels(paths, given=Given(card="bs"))
    assert source.observation.reference == "S1A_20210531T051000_x"
    assert [(band.code, band.path) for band in source.bands] == [
        ("VVb", str(paths[0])),
        ("VHb", str(paths[1])),
    ]
    others = [write(tmp_path / name / "b.tif") for name in ("1", "2")]
    given = Given(obstime=datetime(2021, 1, 1), sensor="1A", card="bs", reference="mine")
    assert [band.code for band in open_pixels(others, bands=["VV", "VH"], given=given).bands] == [
        "VVb",
        "VHb",
    ]
    with pytest.raises(UsageError, match="no beginning in common"):
        open_pixels([write(tmp_path / "a_VV.tif"), write(tmp_path / "b_VH.tif")], given=GIVEN)


def test_what_has_to_be_stated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ("VV",))
    with pytest.raises(UsageError, match=r"unknown: obstime, sensor, card\. State it: --obstime"):
        open_pixels(path)
    with pytest.raises(UsageError, match="unknown: card"):
        open_pixels(path, given=Given(obstime=datetime(2021, 1, 1), sensor="1A"))
    with pytest.raises(UsageError, match="card 'xx' is unknown"):
        open_pixels(path, given=Given(obstime=datetime(2021, 1, 1), sensor="1A", card="xx"))


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=2))])
def test_times_are_utc(tmp_path: Path, zone: timezone) -> None:
    time = datetime(2021, 5, 31, 5, 10, tzinfo=UTC).astimezone(zone)
    given = Given(obstime=time, sensor="1A", card="bs")
    found = open_pixels(write(tmp_path / "a.tif", ("VV",)), given=given).observation.obstime
    assert found == datetime(2021, 5, 31, 5, 10)


def test_nodata_of_the_user(tmp_path: Path) -> None:
    given = Given(obstime=datetime(2021, 1, 1), sensor="1A", card="bs", nodata=0)
    assert open_pixels(write(tmp_path / "a.tif", ("VV",)), given=given).bands[0].nodata == 0
    assert open_pixels(write(tmp_path / "a.tif", ("VV",)), given=GIVEN).bands[0].nodata is None


def test_grids_that_differ(tmp_path: Path) -> None:
    write(tmp_path / "S1A_20210531T051000_VV.tif")
    shifted = MapGrid(GRID.crs, GRID.left + 5, GRID.top, 10, 10, GRID.rows, GRID.cols)
    write(tmp_path / "S1A_20210531T051000_VH.tif", grid=shifted)
    with pytest.raises(DataError, match="bands VH and VV lie on different grids"):
        open_pixels(tmp_path, given=Given(card="bs", obstime=datetime(2021, 1, 1), sensor="1A"))


def test_rasters_that_do_not_lie_north_up(tmp_path: Path) -> None:
    turned = write(tmp_path / "turned.tif", ("VV",), transform=Affine(10, 1, 0, 1, -10, 0))
    with pytest.raises(DataError, match="not north-up"):
        open_pixels(turned, given=GIVEN)
    upside_down = write(tmp_path / "down.tif", ("VV",), transform=Affine(10, 0, 0, 0, 10, 0))
    with pytest.raises(DataError, match="not north-up"):
        open_pixels(upside_down, given=GIVEN)
    nowhere = write(tmp_path / "nowhere.tif", ("VV",), crs=None)
    with pytest.raises(DataError, match="does not say where it lies"):
        open_pixels(nowhere, given=GIVEN)


def test_files_that_make_no_stack(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a_VV.tif", ("VV",)), write(tmp_path / "a_VH.tif", ("VH", "VV"))
    with pytest.raises(DataError, match="one band each"):
        open_pixels([one, two], given=GIVEN)
    with pytest.raises(UsageError, match="only GeoTIFFs"):
        open_pixels([one, tmp_path / "x.SAFE"], given=GIVEN)
    with pytest.raises(UsageError, match="no location"):
        open_pixels([])
