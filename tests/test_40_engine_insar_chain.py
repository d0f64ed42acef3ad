"""Interferometric chains as graphs: what is written does not depend on blocks, threads or memory."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from interferogram_cases import DATES, Pair, Step, pair

from s1card.engine.native.engine import NativeEngine

__all__ = ["pair"]

MEBIBYTE = 1 << 20
CHAIN: tuple[Step, ...] = (
    ("Interferogram", {"cohWinAz": 3, "squarePixel": False, "outputFlatEarthPhase": True}),
    ("TOPSAR-Deburst", {}),
    (
        "TopoPhaseRemoval",
        {"outputTopoPhaseBand": True, "outputElevationBand": True, "outputLatLonBands": True},
    ),
    ("Multilook", {"nRgLooks": 4, "nAzLooks": 1, "grSquarePixel": False}),
    ("GoldsteinPhaseFiltering", {"FFTSizeString": 32, "useCoherenceMask": True}),
)
TERRAIN_CORRECTION: Step = (
    "Terrain-Correction",
    {
        "sourceBands": f"i_ifg_VV_{DATES},coh_IW1_VV_{DATES}",
        "mapProjection": "AUTO:42001",
        "pixelSpacingInMeter": 20,
        "nodataValueAtSea": False,
    },
)


def written(pair: Pair, steps: tuple[Step, ...], target: Path, **surroundings: int) -> dict[str, str]:
    """Checksums of the bands that a chain writes, by name."""
    graph = pair.graph(*steps, target=target)
    NativeEngine(replace(pair.surroundings, **surroundings)).run(graph)
    images = target.with_suffix(".data").glob("*.img")
    return {image.stem: hashlib.sha256(image.read_bytes()).hexdigest() for image in images}


@pytest.mark.parametrize(
    "steps", [CHAIN[:1], CHAIN, (*CHAIN, TERRAIN_CORRECTION)], ids=["bursts", "all", "map"]
)
def test_blocks_threads_and_memory_do_not_matter(pair: Pair, tmp_path: Path, steps: tuple[Step, ...]) -> None:
    first = written(pair, steps, tmp_path / "first.dim", threads=2, block=512)
    assert first
    assert written(pair, steps, tmp_path / "one.dim", threads=1, block=1024) == first
    small = 256 * MEBIBYTE
    assert written(pair, steps, tmp_path / "three.dim", threads=3, block=512, memory=small) == first


def test_bands_of_the_chain(pair: Pair, tmp_path: Path) -> None:
    names = set(written(pair, CHAIN, tmp_path / "out.dim"))
    tag = f"VV_{DATES}"
    assert names == {
        f"i_ifg_{tag}", f"q_ifg_{tag}", f"coh_IW1_{tag}", f"fep_IW1_{tag}", f"topo_phase_{tag}",
        "elevation", "orthorectifiedLat", "orthorectifiedLon",
    }  # fmt: skip
