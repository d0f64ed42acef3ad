"""The geoid: values of the grid, its interpolation, where grids are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from s1card.errors import DemError, UsageError
from s1card.geometry import geoid as geoid_module
from s1card.geometry.geoid import GeoidGrid, VerticalDatum, find_geoid

# place, latitude, longitude, geoid height: SNAP's rule on the 15' grid
EGM96 = [
    ("Amsterdam", 52.37, 4.90, 42.9409),
    ("node", 52.25, 5.00, 43.1005),
    ("Rome", 41.90, 12.50, 48.4759),
    ("Terceira", 38.6393705, -27.2264349, 57.7474),
    ("Copenhagen", 55.676, 12.568, 35.9919),
    ("Nicosia", 35.17, 33.36, 28.0560),
    ("Helsinki", 60.17, 24.94, 17.8815),
    ("Lisbon", 38.72, -9.14, 53.7027),
    ("Munich", 48.137, 11.576, 45.4755),
    ("Riga", 56.95, 24.10, 20.5817),
    ("Sofia", 42.70, 23.32, 44.1146),
    ("Greenwich", 51.10, -0.10, 45.4632),
    ("Sydney", -33.90, 151.20, 22.3547),
    ("Indian Ocean", 4.70, 78.80, -107.0232),
    ("north pole", 90.0, 0.0, 13.6062),
    ("south pole", -90.0, 0.0, -29.5338),
]


def write_grid(path: Path, nodes: np.ndarray, lon0: float, lat0: float, step: float) -> Path:
    """A geoid grid whose first node lies at (lon0, lat0); GTX or GeoTIFF by its suffix."""
    driver = "GTX" if path.suffix == ".gtx" else "GTiff"
    transform = Affine(step, 0.0, lon0 - step / 2, 0.0, -step, lat0 + step / 2)
    rows, cols = nodes.shape
    with rasterio.open(
        path,
        "w",
        driver=driver,
        height=rows,
        width=cols,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=transform,
    ) as dataset:
        dataset.write(nodes.astype(np.float32), 1)
    return path


def global_nodes(step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitudes, latitudes and a smooth field that is one function on the sphere, poles included."""
    lon = np.arange(-180.0, 180.0, step)
    lat = np.arange(90.0, -90.0 - step / 2, -step)
    return lon, lat, smooth_field(lon[np.newaxis, :], lat[:, np.newaxis])


def smooth_field(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lam, phi = np.radians(lon), np.radians(lat)
    return 30.0 * np.cos(phi) * np.cos(lam) + 20.0 * np.sin(phi) + 5.0 * np.cos(phi) * np.sin(lam)


@pytest.mark.parametrize(("place", "lat", "lon", "expected"), EGM96)
def test_egm96_check_values(shared: Path, place: str, lat: float, lon: float, expected: float) -> None:
    grid = GeoidGrid(shared / "data/dem/egm96_15.gtx")
    for turn in (0.0, 360.0, -360.0):
        value = grid.undulation(np.array([lon + turn]), np.array([lat]))
        assert value[0] == pytest.approx(expected, abs=1e-4), place


@pytest.mark.parametrize("suffix", [".gtx", ".tif"])
def test_nodes_are_centres_and_reproduced(tmp_path: Path, suffix: str) -> None:
    step = 2.5 / 60.0
    lon = 10.0 + np.arange(40) * step
    lat = 47.0 - np.arange(30) * step
    nodes = smooth_field(lon, lat[:, np.newaxis]).astype(np.float32)
    grid = GeoidGrid(write_grid(tmp_path / f"egm08_25{suffix}", nodes, 10.0, 47.0, step))
    inner = np.meshgrid(lon[1:-2], lat[1:-2])
    np.testing.assert_allclose(grid.undulation(*inner), nodes[1:-2, 1:-2], atol=2e-5)


def test_interpolation_is_cubic(tmp_path: Path) -> None:
    """Catmull-Rom reproduces a parabola in each direction, which bilinear would miss by 1/8 in mid-cell."""
    row, col = np.mgrid[0:12, 0:12].astype(float)
    grid = GeoidGrid(write_grid(tmp_path / "g.tif", col**2 - row**2, 0.0, 11.0, 1.0))
    value = grid.undulation(np.array([4.5, 5.25]), np.array([7.0, 5.5]))
    np.testing.assert_allclose(value, [4.5**2 - 4.0**2, 5.25**2 - 5.5**2], atol=1e-5)


def test_smooth_over_date_line_and_poles(tmp_path: Path) -> None:
    grid = GeoidGrid(write_grid(tmp_path / "g.tif", global_nodes(1.0)[2], -180.0, 90.0, 1.0))
    lon, lat = np.meshgrid(np.arange(178.6, 181.5, 0.1), np.linspace(-90.0, 90.0, 721))
    np.testing.assert_allclose(grid.undulation(lon, lat), smooth_field(lon, lat), atol=2e-4)


def test_point_does_not_depend_on_its_neighbours(shared: Path) -> None:
    grid = GeoidGrid(shared / "data/dem/egm96_15.gtx")
    lon, lat = np.meshgrid(np.linspace(-30.0, 40.0, 23), np.linspace(30.0, 70.0, 17))
    together = grid.undulation(lon, lat)
    alone = [
        grid.undulation(np.array([x]), np.array([y]))[0] for x, y in zip(lon.flat, lat.flat, strict=True)
    ]
    np.testing.assert_allclose(together.ravel(), alone, rtol=0, atol=1e-9)


def test_regional_grid_refuses_what_it_does_not_cover(tmp_path: Path) -> None:
    grid = GeoidGrid(write_grid(tmp_path / "g.tif", np.ones((20, 20)), 10.0, 47.0, 0.1))
    with pytest.raises(DemError, match="does not cover"):
        grid.undulation(np.array([13.0]), np.array([46.0]))


def test_unreadable_grid(tmp_path: Path) -> None:
    path = tmp_path / "egm96_15.gtx"
    path.write_bytes(b"not a grid")
    with pytest.raises(DemError, match=r"egm96_15\.gtx.*cannot be opened"):
        GeoidGrid(path)


def test_search_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / "egm08_25.gtx").touch()
    monkeypatch.setenv("PROJ_DATA", str(second))
    monkeypatch.setattr(geoid_module.datadir, "get_data_dir", lambda: str(tmp_path))
    monkeypatch.setattr(geoid_module.datadir, "get_user_data_dir", lambda: str(tmp_path))
    monkeypatch.delenv("S1CARD_GEOID_DIR", raising=False)
    assert find_geoid(VerticalDatum.EGM2008) == second / "egm08_25.gtx"
    monkeypatch.setenv("S1CARD_GEOID_DIR", str(first))
    assert find_geoid(VerticalDatum.EGM2008) == first / "egm08_25.gtx"
    (first / "us_nga_egm08_25.tif").touch()
    assert find_geoid(VerticalDatum.EGM2008).name == "us_nga_egm08_25.tif"
    assert find_geoid(VerticalDatum.EGM2008, second) == second / "egm08_25.gtx"


def test_missing_grid_says_which_where_and_how(tmp_path: Path) -> None:
    with pytest.raises(DemError) as caught:
        find_geoid(VerticalDatum.EGM2008, tmp_path)
    text = str(caught.value)
    assert "us_nga_egm08_25.tif" in text
    assert str(tmp_path) in text
    assert "projsync --file us_nga_egm08_25.tif" in text


def test_grid_of_another_geoid_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "egm96_15.gtx"
    path.touch()
    assert find_geoid(VerticalDatum.EGM96, path) == path
    with pytest.raises(DemError, match="not EGM2008"):
        find_geoid(VerticalDatum.EGM2008, path)


def test_datum_names() -> None:
    assert VerticalDatum.parse("EGM2008") is VerticalDatum.EGM2008
    assert VerticalDatum.parse("ellipsoid") is VerticalDatum.ELLIPSOID
    with pytest.raises(UsageError, match="ellipsoid, egm96, egm2008"):
        VerticalDatum.parse("msl")
