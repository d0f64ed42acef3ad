"""s1card-gpt as a program: a whole chain, a pair in steps, and a run that is stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from end_to_end import band, make_card
from gpt_cases import done, image, same
from lxml import etree

from s1card.graph.recipes import find_recipe
from s1card.simulate import (
    GrdConfig,
    SimulatedPair,
    SimulatedScene,
    SlcPairConfig,
    simulate_grd,
    simulate_slc_pair,
)

PROGRAM = [sys.executable, "-m", "s1card.cli_gpt"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    return simulate_grd(GrdConfig(lines=200, pixels=240, targets=2), tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPair:
    config = SlcPairConfig(bursts=2, swaths=("IW1",), samples=400, polarizations=("VV",))
    return simulate_slc_pair(config, tmp_path_factory.mktemp("pair"))


def test_a_recipe_gives_the_pixels_of_its_card(scene: SimulatedScene, tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    values = {
        "input": scene.safe,
        "output": out,
        "format": "GeoTIFF",
        "dem": scene.dem,
        "demNoData": -32768,
        "demApplyEGM": "false",
    }
    words = [*PROGRAM, str(find_recipe("card-bs")), *(f"-P{name}={value}" for name, value in values.items())]
    finished = subprocess.run(words, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert re.fullmatch(r"Executing processing graph\n(\.{4}\d0%){9}\.{4} done\.\n", finished.stdout)
    card = make_card(scene.safe, scene.dem, tmp_path / "cards")
    with rasterio.open(out) as raster:
        for number, name in enumerate(("VH", "VV"), 1):
            assert np.array_equal(raster.read(number), image(band(card, name)), equal_nan=True)


def test_errors_of_the_program(scene: SimulatedScene) -> None:
    finished = subprocess.run(
        [*PROGRAM, "Calibration", "-Pa=1", scene.safe], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.strip().startswith("Error: Operator 'Calibration': unknown parameter 'a'")


def test_help_comes_quickly_without_the_engine() -> None:
    """pyroSAR asks for it once per operator."""
    code = "import sys, s1card.cli_gpt as g; g.run(['Calibration', '-h']); print('numba' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "False"


def test_a_pair_in_steps_is_the_same_as_in_one_graph(
    pair: SimulatedPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Split and orbit per scene, back-geocoding, coherence, deburst, map: each step from BEAM-DIMAP products."""
    monkeypatch.setenv("S1CARD_DEM", str(pair.dem))
    monkeypatch.setenv("S1CARD_DEM_DATUM", "ellipsoid")
    monkeypatch.chdir(tmp_path)
    (reference,), (secondary,) = pair.reference, pair.secondary
    for name, scene in (("ref", reference), ("sec", secondary)):
        done("TOPSAR-Split", "-Psubswath=IW1", scene, "-t", f"{name}_split.dim")
        done("Apply-Orbit-File", f"{name}_split.dim", "-t", f"{name}.dim")
    done("Back-Geocoding", "ref.dim", "sec.dim", "-t", "stack.dim")
    done("Coherence", "stack.dim", "-t", "coh.dim", "-PsquarePixel=false")
    done("TOPSAR-Deburst", "coh.dim", "-t", "deb.dim")
    grid = "-PmapProjection=AUTO:42001", "-PpixelSpacingInMeter=20"
    done("Terrain-Correction", "deb.dim", *grid, "-t", "steps.tif")
    Path("graph.xml").write_bytes(etree.tostring(_graph(reference, secondary)))
    done("graph.xml", "-t", "whole.tif")
    assert np.nanmax(image(Path("steps.tif"))) > 0.5
    assert same(Path("steps.tif"), Path("whole.tif"))


def _graph(reference: Path, secondary: Path) -> etree._Element:
    """The same steps as nodes."""
    root = etree.Element("graph")
    etree.SubElement(root, "version").text = "1.0"
    steps: list[tuple[str, str, list[str], dict[str, str]]] = []
    for name, scene in (("ref", reference), ("sec", secondary)):
        steps += [
            (f"{name}-read", "Read", [], {"file": str(scene)}),
            (f"{name}-split", "TOPSAR-Split", [f"{name}-read"], {"subswath": "IW1"}),
            (name, "Apply-Orbit-File", [f"{name}-split"], {}),
        ]
    steps += [
        ("stack", "Back-Geocoding", ["ref", "sec"], {}),
        ("coh", "Coherence", ["stack"], {"squarePixel": "false"}),
        ("deb", "TOPSAR-Deburst", ["coh"], {}),
        ("tc", "Terrain-Correction", ["deb"], {"mapProjection": "AUTO:42001", "pixelSpacingInMeter": "20"}),
    ]
    for name, operator, sources, values in steps:
        node = etree.SubElement(root, "node", id=name)
        etree.SubElement(node, "operator").text = operator
        of_node = etree.SubElement(node, "sources")
        for source in sources:
            etree.SubElement(of_node, "source", refid=source)
        parameters = etree.SubElement(node, "parameters")
        for key, value in values.items():
            etree.SubElement(parameters, key).text = value
    return root


def test_a_kill_leaves_nothing(tmp_path: Path) -> None:
    scene = simulate_grd(GrdConfig(lines=150, pixels=200, targets=0), tmp_path / "scene")
    (tmp_path / "out").mkdir()
    words = (
        "Terrain-Correction",
        scene.safe,
        "-t",
        tmp_path / "out/a.dim",
        "-q",
        "1",
        "-PpixelSpacingInMeter=0.2",
    )
    environment = os.environ | {"S1CARD_DEM": str(scene.dem), "S1CARD_DEM_DATUM": "ellipsoid"}
    with subprocess.Popen(
        [*PROGRAM, *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not list((tmp_path / "out").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted" in errors
    assert list((tmp_path / "out").iterdir()) == []
