"""What the native engine has and has not: every parameter is used, without effect, or refused by name."""

from __future__ import annotations

import inspect
import logging
import pkgutil
from dataclasses import replace
from typing import Any

import pytest
from engine_cases import Small, build, chain, small

from s1card.engine import native as package
from s1card.engine.native import operators as native
from s1card.engine.native.engine import NativeEngine, check_capability
from s1card.errors import GraphError
from s1card.graph.operators import OPERATORS as TABLE

__all__ = ["small"]

MODULES = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name != "operators"]
KNOWN = [(name, p.name) for name in (*native.OPERATORS, "Write") for p in TABLE[name].parameters]
READ: tuple[str, dict[str, Any]] = ("Read", {"file": "scene.zip"})
WRITE: tuple[str, dict[str, Any]] = ("Write", {"file": "out.tif", "formatName": "GeoTIFF"})


def _source(name: str) -> str:
    return inspect.getsource(__import__(f"s1card.engine.native.{name}", fromlist=[name]))


@pytest.mark.parametrize(("operator", "parameter"), KNOWN)
def test_no_parameter_is_ignored_silently(operator: str, parameter: str) -> None:
    without_effect = parameter in native.WITHOUT_EFFECT.get(operator, ())
    refused = native.UNSUPPORTED.get(operator, {}).get(parameter) == native.ANY
    used = any(f'"{parameter}"' in _source(module) for module in MODULES)
    assert without_effect or refused or used
    assert not (without_effect and refused)


def test_tables_name_real_parameters() -> None:
    for table in (native.UNSUPPORTED, native.WITHOUT_EFFECT):
        for operator, names in table.items():
            assert set(names) <= set(TABLE[operator].names)


@pytest.mark.parametrize(
    ("operator", "parameters", "text"),
    [
        (
            "Terrain-Correction",
            {"applyAPDCorrection": True},
            "no applyAPDCorrection=true of Terrain-Correction",
        ),
        ("Terrain-Correction", {"outputComplex": True}, "no outputComplex=true of Terrain-Correction"),
        (
            "Terrain-Correction",
            {"demResamplingMethod": "DELAUNAY_INTERPOLATION"},
            "no demResamplingMethod=DELAUNAY_INTERPOLATION of Terrain-Correction",
        ),
        ("Subset", {"vectorFile": "a.shp"}, "no vectorFile=a.shp of Subset"),
        ("Subset", {"polygonRegion": "POINT (1 2)"}, "no polygonRegion=POINT"),
        (
            "Apply-Orbit-File",
            {"orbitType": "DORIS Precise VOR (ENVISAT) (Auto Download)"},
            r"no orbitType=DORIS .* of Apply-Orbit-File",
        ),
    ],
)
def test_values_are_refused_by_name(operator: str, parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(
        GraphError, match=f"node {operator}.*{text}.*gpt, container and snappy have it"
    ) as caught:
        check_capability(chain(READ, (operator, parameters), WRITE))
    assert caught.value.exit_code == 2
    defaults = dict.fromkeys(parameters, "")
    check_capability(chain(READ, (operator, defaults), WRITE))


def test_operators_are_refused_by_name() -> None:
    graph = chain(READ, ("Merge", {}), WRITE)
    with pytest.raises(GraphError, match=r"no operator Merge.*gpt, container and snappy have it"):
        NativeEngine().prepare(graph)


def test_graph_without_target_or_source() -> None:
    with pytest.raises(GraphError, match="writes nothing"):
        check_capability(chain(READ, ("Calibration", {})))
    graph = chain(READ, ("Calibration", {}), WRITE)
    orphan = replace(graph, nodes=(replace(graph.nodes[1], sources=()), graph.nodes[2]))
    with pytest.raises(GraphError, match="Calibration has no source"):
        check_capability(orphan)


def test_nothing_runs_before_all_is_known(small: Small, tmp_path: Any) -> None:
    """A format nobody writes, an empty file name, an order that cannot be: told by prepare, without a file."""
    target = tmp_path / "deep" / "out.tif"
    cases: list[tuple[tuple[str, dict[str, Any]], ...]] = [
        (("Write", {"file": target, "formatName": "HDF5"}),),
        (("Write", {"formatName": "GeoTIFF"}),),
        (("Terrain-Correction", {"demName": "SRTM 3Sec"}), WRITE),
        (small.terrain_correction(mapProjection="no such map"), WRITE),
        (small.terrain_correction(pixelSpacingInMeter=1e6), WRITE),
        (small.terrain_correction(saveSelectedSourceBand=False), WRITE),
    ]
    for steps in cases:
        unique = [(name, values) for name, values in dict(steps).items()]
        with pytest.raises(GraphError):
            NativeEngine().prepare(chain(small.read, *unique))
    assert not target.parent.exists()


@pytest.mark.parametrize("operator", ["Calibration", "ThermalNoiseRemoval", "Remove-GRD-Border-Noise"])
def test_look_up_tables_need_radar_geometry(small: Small, operator: str) -> None:
    with pytest.raises(GraphError, match=r"needs radar geometry.*before Terrain-Correction"):
        build(small.read, small.terrain_correction(), (operator, {}))


def test_parameters_without_effect_stay_quiet(small: Small, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        build(
            ("Read", {"file": small.files.safe, "formatName": "SENTINEL-1", "copyMetadata": False}),
            ("Calibration", {"outputImageInComplex": True, "outputImageScaleInDb": True}),
        )
    assert caplog.text == ""
