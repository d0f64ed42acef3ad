"""`s1card bs --recipe card-bs-rtc`: backscatter of fields on slopes, layers, the same bytes, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from end_to_end import band, call_s1card, digests, make_card
from engine_cases import chain
from pyproj import Transformer
from rasterio.features import rasterize

from s1card.accuracy import FieldError, measure_fields
from s1card.card.product import verify_card
from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.simulate import (
    GrdConfig,
    SimulatedPair,
    SimulatedScene,
    SlcPairConfig,
    simulate_grd,
    simulate_slc_pair,
)

LAYERS = "inc,lia,mask,area"
RECIPE = ("--recipe", "card-bs-rtc")
BOUND_DB = 0.01
FINE = 16.0  # without speckle all samples of an even slope are rounded alike: up to half a digital number, 0.1 dB


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    """Slopes of up to 35 degrees, no speckle."""
    return simulate_grd(replace(SLOPES, terrain="steep"), tmp_path_factory.mktemp("slopes"))


SLOPES = GrdConfig(lines=640, pixels=900, speckle="none", targets=0, slopes=True, seed=3, digital_scale=FINE)


@pytest.fixture(scope="module")
def card(scene: SimulatedScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_card(scene.safe, scene.dem, tmp_path_factory.mktemp("card"), *RECIPE, "--layers", LAYERS)


def read(card: Path, name: str) -> np.ndarray:
    with rasterio.open(band(card, name)) as raster:
        return np.asarray(raster.read(1))


def fields_in(card: Path, scene: SimulatedScene, polarization: str) -> list[FieldError]:
    found = measure_fields(band(card, polarization), scene.truth / "fields.gpkg", polarization)
    return [one for one in found if one.samples >= 100]


@pytest.mark.parametrize("polarization", ["VV", "VH"])
def test_fields_on_slopes(card: Path, scene: SimulatedScene, polarization: str) -> None:
    errors = np.array([one.difference_db for one in fields_in(card, scene, polarization)])
    assert errors.size > 50
    assert np.abs(errors).max() <= BOUND_DB
    assert abs(errors.mean()) <= 0.005
    mask, lia = read(card, "mask"), read(card, "lia")
    known = np.isfinite(lia)
    assert (mask[known] == 0).all()  # so all of it counts
    slope = np.abs(lia - read(card, "inc"))[known]
    assert np.percentile(slope, 99) > 20.0


def test_fields_in_the_mountains(tmp_path: Path) -> None:
    """Relief of 2,000 m, no layover: every field of both polarizations."""
    scene = simulate_grd(replace(SLOPES, terrain="mountains", seed=2), tmp_path / "scene")
    card = make_card(scene.safe, scene.dem, tmp_path, *RECIPE, "--layers", "mask")
    errors = np.array([f.difference_db for name in ("VV", "VH") for f in fields_in(card, scene, name)])
    mask = read(card, "mask")
    assert set(np.unique(mask[mask < 9])) == {0}
    assert errors.size > 250
    assert np.abs(errors).max() <= BOUND_DB
    assert abs(errors.mean()) <= 0.002


def test_the_rounding_of_amplitudes_is_what_is_left(tmp_path: Path) -> None:
    """Digital numbers as coarse as ESA's move fields by what rounding makes of an even slope, and nothing else does.

    A field of n samples whose amplitudes lie within one digital number is moved as a whole, by up to half of it. With
    speckle, even of 1,000 looks, rounding has no such effect.
    """
    coarse = replace(SLOPES, terrain="mountains", seed=1, digital_scale=1.0)
    found = {}
    for name, config in (("none", coarse), ("gamma", replace(coarse, speckle="gamma", looks=1000.0))):
        scene = simulate_grd(config, tmp_path / name)
        found[name] = fields_in(make_card(scene.safe, scene.dem, tmp_path / name, *RECIPE), scene, "VV")
    errors = np.array([one.difference_db for one in found["none"] if one.truth >= 0.01])
    assert 0.05 < np.abs(errors).max() < 0.12
    spread = np.array([one.difference_db / one.standard_error_db for one in found["gamma"]])
    assert np.std(spread) == pytest.approx(1.0, abs=0.35)
    assert abs(np.mean([one.difference_db for one in found["gamma"]])) < 0.003


def test_without_flattening_the_same_fields_are_far_off(scene: SimulatedScene, tmp_path: Path) -> None:
    errors = [one.difference_db for one in fields_in(make_card(scene.safe, scene.dem, tmp_path), scene, "VV")]
    assert np.std(errors) > 1.0


def test_the_card_says_what_it_is(card: Path, scene: SimulatedScene) -> None:
    assert card.name == f"{scene.safe.name.removesuffix('.SAFE')}_CARD_BS_RTC"
    verify_card(card)
    item = json.loads((card / f"{card.name}.json").read_text())
    assert {"VV", "VH", "inc", "lia", "mask", "area"} <= set(item["assets"])
    area, inc = read(card, "area"), read(card, "inc")
    known = np.isfinite(area) & np.isfinite(inc)
    assert known.mean() > 0.5
    ratio = area[known] * np.tan(np.radians(inc[known]))  # to level ground
    assert 0.2 < np.percentile(ratio, 1) < 0.7 and 1.4 < np.percentile(ratio, 99) < 12.0


@pytest.mark.parametrize("options", [("--block", 256, "--threads", 1), ("--threads", 3, "--memory", "700M")])
def test_same_bytes_however_the_work_is_cut(
    options: tuple[object, ...], card: Path, scene: SimulatedScene, tmp_path: Path
) -> None:
    other = make_card(scene.safe, scene.dem, tmp_path, *RECIPE, "--layers", LAYERS, *options)
    assert digests(other) == digests(card)


def test_an_area_is_cut_out_of_the_same_card(card: Path, scene: SimulatedScene, tmp_path: Path) -> None:
    west, south, east, north = json.loads((card / f"{card.name}.json").read_text())["bbox"]
    lon, lat = (west + east) / 2, (south + north) / 2
    box = f"{lon - 0.01},{lat - 0.01},{lon + 0.01},{lat + 0.01}"
    part = make_card(scene.safe, scene.dem, tmp_path, *RECIPE, "--aoi", box)
    with rasterio.open(band(card, "VV")) as whole, rasterio.open(band(part, "VV")) as cut:
        window = rasterio.windows.from_bounds(*cut.bounds, transform=whole.transform)
        there, here = whole.read(1, window=window.round_offsets().round_lengths()), cut.read(1)
    np.testing.assert_array_equal(here[np.isfinite(here)], there[np.isfinite(here)])
    assert np.isfinite(here).sum() > 10_000


def test_shadow_and_layover(tmp_path: Path) -> None:
    """A cliff of 600 m in the middle of level ground: behind it no data, and the mask says why."""
    scene = simulate_grd(
        GrdConfig(lines=300, pixels=400, terrain="flat", speckle="none", targets=0, slopes=True),
        tmp_path / "scene",
    )
    with rasterio.open(scene.dem) as source:
        profile, height = source.profile, source.read(1)
    cols = height.shape[1]
    height[:, cols // 2 : cols // 2 + 3] += 600.0
    with rasterio.open(tmp_path / "cliff.tif", "w", **profile) as target:
        target.write(height, 1)
    card = make_card(scene.safe, tmp_path / "cliff.tif", tmp_path, *RECIPE, "--layers", "mask,inc,area")
    mask, power, inc = read(card, "mask"), read(card, "VV"), read(card, "inc")
    inside = np.isfinite(inc)
    shadow = inside & (mask == 2)
    assert shadow.sum() > 500 and (inside & ((mask & 1) == 1)).sum() > 500
    assert np.isnan(power[shadow]).mean() > 0.7
    plain = inside & (mask == 0)
    assert np.isfinite(power[plain]).mean() > 0.9
    area = read(card, "area")
    assert np.nanmax(area[inside & ((mask & 1) == 1)]) > 2.0 * np.nanmedian(area[plain])


def test_a_recipe_without_the_layer_is_refused(scene: SimulatedScene, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (
        "bs",
        scene.safe,
        "--dem",
        scene.dem,
        "--dem-datum",
        "ellipsoid",
        "--out",
        out,
        "--layers",
        "area",
    )
    done = call_s1card(*words)
    assert done.returncode == 2
    assert "the recipe cannot write the layer 'area'" in done.stderr
    assert "inc, lia, mask, dem" in done.stderr
    assert not out.exists() or not list(out.iterdir())


def test_fields_of_an_independent_simulation(shared: Path, tmp_path: Path) -> None:
    """The reference scene that SNAP was run on, where SNAP's fields scatter by 0.3 to 0.9 dB on slopes."""
    root = shared / "snap/inputs/grd"
    dem = root / "truth/dem_ellipsoidal.tif"
    card = make_card(next(root.glob("*.SAFE.zip")), dem, tmp_path, *RECIPE, "--orbit", root)
    power = read(card, "VV")
    with rasterio.open(band(card, "VV")) as raster:
        to_map, transform = Transformer.from_crs("EPSG:4326", raster.crs, always_xy=True), raster.transform
    facts, _, outlines, columns = pyogrio.raw.read(root / "truth/parcels.gpkg")
    table = dict(zip(facts["fields"], columns, strict=True))
    chosen = (table["gamma0_vv_db"] > -10.0) & ~np.asarray(table["has_target"], bool)
    errors = []
    for outline, truth in zip(outlines[chosen], table["gamma0_vv_db"][chosen], strict=True):
        field = shapely.transform(
            shapely.from_wkb(outline), lambda c: np.column_stack(to_map.transform(*c.T))
        )
        inner = field.buffer(-30.0)
        if not inner.is_empty:
            inside = rasterize([(inner, 1)], power.shape, transform=transform) == 1
            samples = power[inside & np.isfinite(power)].astype(np.float64)
            if samples.size >= 150:
                errors.append(10.0 * np.log10(samples.mean()) - truth)
    assert len(errors) > 100
    assert abs(np.median(errors)) < 0.01
    assert np.percentile(np.abs(errors), 95) < 0.05


def test_fields_of_an_slc_scene_in_the_mountains(tmp_path: Path) -> None:
    """Joined bursts, flattened, then averaged: fields are as bright as they are, whatever the slope.

    Speckle leaves 0.2 dB of a field, so that fields are pooled by what slopes do to them, from -3 to +3 dB. Dark fields
    hold the side lobes of brighter ones and do not count.
    """
    config = SlcPairConfig(
        bursts=1,
        swaths=("IW2",),
        samples=1500,
        targets=0,
        polarizations=("VV",),
        terrain="mountains",
        slopes=True,
        thermal_noise=False,
    )
    made = simulate_slc_pair(config, tmp_path)
    flattened, plain = (slc_fields(made, tmp_path / f"{name}.tif", name) for name in ("Beta", "Gamma"))
    both = [(one, plain[i]) for i, one in flattened.items() if i in plain and one.truth_db > -15.0]
    effect = np.array([other.difference_db - one.difference_db for one, other in both])
    ratio = np.array([one.mean / one.truth for one, _ in both])
    assert len(both) > 200
    assert effect.min() < -2.0 and effect.max() > 2.0
    slope, level = np.polyfit(effect, 10.0 * np.log10(ratio), 1)
    error = np.std(ratio) * 4.34 / np.sqrt(len(both))
    assert abs(level) < 0.03 + 3.0 * error
    assert abs(slope) < 3.0 * error / np.std(effect)
    for low, high in ((-4, -1), (-1, 1), (1, 4)):
        chosen = ratio[(effect >= low) & (effect < high)]
        assert 4.34 * abs(chosen.mean() - 1.0) < 0.03 + 3.0 * 4.34 * chosen.std() / np.sqrt(chosen.size)
    assert np.std(effect) > 1.0 > 4.0 * np.std(ratio)


def slc_fields(pair: SimulatedPair, target: Path, quantity: str) -> dict[int, FieldError]:
    """Fields of the reference by their number: flattened if beta nought is asked for."""
    dem = {
        "demName": "External DEM",
        "externalDEMFile": pair.dem,
        "externalDEMApplyEGM": False,
        "externalDEMNoDataValue": -32768,
    }
    steps: list[tuple[str, dict[str, object]]] = [
        ("Read", {"file": pair.reference[0]}),
        ("TOPSAR-Split", {"subswath": "IW2"}),
        ("Calibration", {"outputSigmaBand": False, f"output{quantity}Band": True}),
        ("TOPSAR-Deburst", {}),
        ("Multilook", {"nRgLooks": 4, "nAzLooks": 1, "grSquarePixel": False}),
        ("Terrain-Correction", {**dem, "mapProjection": "AUTO:42001", "pixelSpacingInMeter": 15}),
        ("Write", {"file": target, "formatName": "GeoTIFF-BigTIFF"}),
    ]
    if quantity == "Beta":
        steps.insert(4, ("Terrain-Flattening", dem))
    NativeEngine(Surroundings(orbit="none")).run(chain(*steps))
    found = measure_fields(target, pair.truth / "fields.gpkg", "VV")
    return {one.id: one for one in found if one.samples >= 100}
