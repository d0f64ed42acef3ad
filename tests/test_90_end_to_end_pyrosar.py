"""pyroSAR with s1card-gpt in the place of SNAP's gpt.

pyroSAR lives in an environment of its own, made once and kept in pytest's cache. It finds the programs ``snap`` and
``gpt`` of the folder that ``s1card-gpt --install-as-snap`` makes, parses its nodes from their help, writes graphs, runs
them in one call or in a call per operator with BEAM-DIMAP products between them, and turns the rasters into GeoTIFFs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import band, make_card
from gpt_cases import done, image
from lxml import etree
from pyrosar_environment import CACHE, CannotBeMadeError, make_environment

from s1card.graph.recipes import find_recipe
from s1card.graph.xml import read_graph, write_graph
from s1card.simulate import (
    GrdConfig,
    SimulatedScene,
    SlcPairConfig,
    simulate_grd,
    simulate_slc_pair,
)

HERE = Path(__file__).parent
PLACE = {"t_srs": 32632, "alignToStandardGrid": True, "standardGridOriginX": 5, "standardGridOriginY": 5}


@pytest.fixture(scope="module")
def python(pytestconfig: pytest.Config) -> Path:
    """The interpreter of pyroSAR's environment."""
    assert pytestconfig.cache is not None
    try:
        return make_environment(pytestconfig.cache.mkdir(CACHE))
    except CannotBeMadeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with SNAP's auxiliary data, and a folder that pyroSAR takes for SNAP."""
    home = tmp_path_factory.mktemp("home")
    done("--install-as-snap", home / "snap")
    geoid = home / ".snap/auxdata/dem/egm96/ww15mgh_b.zip"  # pyroSAR would download it, and use it never
    geoid.parent.mkdir(parents=True)
    geoid.touch()
    return home


def keep_orbit(home: Path, file: Path) -> None:
    """Put an orbit file where SNAP has it, so that nothing is downloaded."""
    match = re.search(r"(S1[AB])_.*_V(\d{4})(\d{2})", file.name)
    assert match is not None
    month = home / ".snap/auxdata/Orbits/Sentinel-1/POEORB" / match[1] / match[2] / match[3]
    month.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(month / f"{file.name}.zip", "w") as archive:
        archive.write(file, file.name)


def pyrosar(python: Path, home: Path, function: str, **arguments: object) -> list[str]:
    """Call a function of pyroSAR in its environment; names of the files it made."""
    programs = f"{home / 'snap/bin'}:{os.environ['PATH']}"
    finished = subprocess.run(
        [python, HERE / "pyrosar_run.py", function, json.dumps(arguments, default=str)],
        env={"HOME": str(home), "PATH": programs, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    out = Path(str(arguments["outdir"]))
    errors = "".join(path.read_text() for path in out.glob("*_error.log")) if out.is_dir() else ""
    assert finished.returncode == 0, finished.stderr + errors
    return sorted(path.name for path in out.iterdir())


def dem_of(file: Path) -> dict[str, object]:
    return {"externalDEMFile": str(file), "externalDEMNoDataValue": -32768, "externalDEMApplyEGM": False}


def made(out: Path, ending: str) -> Path:
    (found,) = out.glob(f"*{ending}")
    return found


@pytest.fixture(scope="module")
def grd(tmp_path_factory: pytest.TempPathFactory, home: Path) -> SimulatedScene:
    scene = simulate_grd(GrdConfig(lines=240, pixels=300, targets=4), tmp_path_factory.mktemp("grd"))
    keep_orbit(home, scene.orbit)
    return scene


def recipe_in_the_order_of_pyrosar(name: str, folder: Path) -> Path:
    """A recipe of the package, bilinear, with noise removed after calibration, and negative power raised to 1e-5.

    pyroSAR does it that way; else the steps are those of the recipe.
    """
    root = etree.fromstring(write_graph(read_graph(find_recipe(name))).encode())
    sources = {node.get("id"): node.find("sources/*") for node in root.iterfind("node")}
    for noise in root.xpath("node[operator='ThermalNoiseRemoval']"):
        before = sources[noise.get("id")].get("refid")
        (calibration,) = (
            key for key, s in sources.items() if s is not None and s.get("refid") == noise.get("id")
        )
        (after,) = (s for s in sources.values() if s is not None and s.get("refid") == calibration)
        after.set("refid", noise.get("id"))
        sources[noise.get("id")].set("refid", calibration)
        sources[calibration].set("refid", before)
        noise.find("parameters/clipNegativeValues").text = "true"
    for resampling in root.xpath("node[operator='Terrain-Correction']/parameters/imgResamplingMethod"):
        resampling.text = "BILINEAR_INTERPOLATION"
    file = folder / "recipe.xml"
    file.write_bytes(etree.tostring(root))
    return file


def assert_same_pixels(ours: Path, theirs: Path) -> None:
    """The same grid, the same pixels without data, the same values to the rounding of float32."""
    with rasterio.open(ours) as first, rasterio.open(theirs) as second:
        assert first.transform == second.transform
        assert first.crs == second.crs
    a, b = image(ours), image(theirs)
    assert (np.isfinite(a) == np.isfinite(b)).all()
    assert np.isfinite(a).sum() > 10_000
    np.testing.assert_allclose(b, a, rtol=3e-7)


def test_geocode_of_a_grd_scene_is_the_card(
    python: Path, home: Path, grd: SimulatedScene, tmp_path: Path
) -> None:
    """One call of gpt per operator, as pyroSAR does by default; the card's pixels to the rounding of float32."""
    out = tmp_path / "out"
    geometry = {**PLACE, "spacing": 10, "nodataValueAtSea": False, "refarea": "gamma0"}
    steps = {"scaling": "linear", "terrainFlattening": False}
    pyrosar(python, home, "geocode", infile=grd.safe, outdir=out, **geometry, **steps, **dem_of(grd.dem))
    recipe = recipe_in_the_order_of_pyrosar("card-bs", tmp_path)
    card = make_card(grd.safe, grd.dem, tmp_path / "cards", "--crs", "EPSG:32632", "--recipe", recipe)
    for polarization in ("VV", "VH"):
        assert_same_pixels(band(card, polarization), made(out, f"{polarization}_gamma0-elp.tif"))


def test_geocode_in_decibels_with_angles_and_a_subset(
    python: Path, home: Path, grd: SimulatedScene, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pyrosar(
        python,
        home,
        "geocode",
        infile=grd.safe,
        outdir=out,
        **PLACE,
        spacing=20,
        scaling="dB",
        terrainFlattening=False,
        offset=[40, 60, 30, 50],
        export_extra=["localIncidenceAngle", "DEM"],
        groupsize=100,
        **dem_of(grd.dem),
    )
    decibels = image(made(out, "VV_gamma0-elp_db.tif"))
    assert -30 < np.nanmean(decibels) < 5
    angle, height = image(made(out, "localIncidenceAngle.tif")), image(made(out, "DEM.tif"))
    assert 5 < np.nanmean(angle) < 70
    assert np.nanmin(height) >= 59


def test_an_operator_that_is_not_there_is_named(
    python: Path, home: Path, grd: SimulatedScene, tmp_path: Path
) -> None:
    """pyroSAR asks for the help on every operator first, and so learns it before anything runs."""
    simulation = {"geocoding_type": "SAR simulation cross correlation", "terrainFlattening": False}
    with pytest.raises(AssertionError, match="unknown operator 'SAR-Simulation'"):
        pyrosar(
            python, home, "geocode", infile=grd.safe, outdir=tmp_path / "out", **simulation, **dem_of(grd.dem)
        )


def test_noise_power_of_a_grd_scene(python: Path, home: Path, grd: SimulatedScene, tmp_path: Path) -> None:
    """One call of gpt per operator."""
    out = tmp_path / "out"
    options = {**PLACE, "spacing": 10, "groupsize": 1, **dem_of(grd.dem)}
    pyrosar(python, home, "noise_power", infile=grd.safe, outdir=out, polarizations=["VV", "VH"], **options)
    for polarization in ("VV", "VH"):
        noise = image(made(out, f"{polarization}_NESZ.tif"))
        assert -35 < np.nanmin(noise) < np.nanmax(noise) < -15


def test_slc_scene(
    python: Path, home: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Backscatter as of `s1card bs`, and noise; products between the steps hold sub-swaths of several sizes."""
    config = SlcPairConfig(bursts=2, swaths=("IW1", "IW2"), samples=400, polarizations=("VV",))
    pair = simulate_slc_pair(config, tmp_path_factory.mktemp("slc"))
    for orbit in pair.orbits:
        keep_orbit(home, orbit)
    (scene,) = pair.secondary
    options = {**PLACE, "spacing": 10, "rlks": 4, "azlks": 1, **dem_of(pair.dem)}
    backscatter = {"scaling": "linear", "terrainFlattening": False, "nodataValueAtSea": False}
    pyrosar(python, home, "geocode", infile=scene, outdir=tmp_path / "bs", **options, **backscatter)
    recipe = recipe_in_the_order_of_pyrosar("card-bs-slc", tmp_path)
    card = make_card(scene, pair.dem, tmp_path / "cards", "--crs", "EPSG:32632", "--recipe", recipe)
    assert_same_pixels(band(card, "VV"), made(tmp_path / "bs", "VV_gamma0-elp.tif"))
    options |= {"groupsize": 100, "polarizations": ["VV"]}
    pyrosar(python, home, "noise_power", infile=scene, outdir=tmp_path / "noise", **options)
    noise = image(made(tmp_path / "noise", "VV_NESZ.tif"))
    assert -35 < np.nanmin(noise) < np.nanmax(noise) < -15
