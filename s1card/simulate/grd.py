"""A simulated GRD scene from its configuration: product, orbit file, elevation model and truth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from s1card.geometry.map_grid import MapGrid
from s1card.scene.records import Calibration, Noise
from s1card.simulate.acquisition import Acquisition, plan_acquisition
from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.ellipsoid import geodetic_to_ecef
from s1card.simulate.fields import (
    SQUARE,
    FieldMap,
    backscatter_columns,
    exported_fields,
    make_fields,
    write_fields,
)
from s1card.simulate.flight import Flight, number_orbit
from s1card.simulate.frame import LocalFrame
from s1card.simulate.grd_facts import grd_facts, grd_product
from s1card.simulate.ground import ground_bounds, make_ties
from s1card.simulate.image_geometry import image_geometry
from s1card.simulate.measurement import quicklook_colors, write_measurements
from s1card.simulate.orbit_file import write_orbit_file
from s1card.simulate.pixels import Border, SceneModel, make_speckle
from s1card.simulate.preview import write_preview
from s1card.simulate.product import Product
from s1card.simulate.radiometry import line_radiometry, make_calibration, make_noise
from s1card.simulate.safe_writer import ImageDocuments, new_product, write_image_documents, zip_product
from s1card.simulate.slopes import LEVEL, flightpath
from s1card.simulate.targets import Targets, place_targets, with_peaks, write_targets
from s1card.simulate.terrain import Heights, Terrain, dem_grid, make_terrain, write_dem


@dataclass(frozen=True, eq=False)
class World:
    """The ground of a scene: terrain as sampled, fields and targets on it."""

    terrain: Terrain
    grid: MapGrid
    heights: Heights
    fields: FieldMap
    targets: Targets


@dataclass(frozen=True, eq=False)
class _Scene:
    """Everything that a scene is made from."""

    config: GrdConfig
    acquisition: Acquisition
    world: World
    product: Product


def simulate_grd(config: GrdConfig, out: Path) -> SimulatedScene:
    """Write a GRD scene with its precise orbit file, elevation model and truth into a folder.

    Raises:
        UsageError: The orbit cannot see the wanted place, or the product is there already.
    """
    out.mkdir(parents=True, exist_ok=True)
    acquisition = plan_acquisition(config)
    world = make_world(config, acquisition)
    numbers = number_orbit(config.platform, acquisition.orbit, acquisition.epoch, config.seed)
    flight = Flight(config.platform, acquisition.orbit, acquisition.epoch, numbers)
    product = grd_product(config, acquisition, flight)
    scene = _Scene(config, acquisition, world, product)
    safe, targets = _write_product(out, scene)
    truth = out / "truth"
    truth.mkdir(exist_ok=True)
    write_dem(out / "dem.tif", world.grid, world.heights)
    _write_truth(truth, scene, targets)
    orbit = write_orbit_file(out, flight, product.first_time)
    return SimulatedScene(safe, out / "dem.tif", orbit, truth, zip_product(safe) if config.zip else None)


def make_world(config: GrdConfig, acquisition: Acquisition) -> World:
    """Terrain, fields and targets of a scene."""
    frame = LocalFrame(config.longitude, config.latitude)
    terrain = make_terrain(config, frame)
    bounds = ground_bounds(acquisition, terrain.span)
    grid = dem_grid(bounds, config.dem_spacing)
    heights = terrain.sample(grid)
    fields = make_fields(config, frame, bounds)
    return World(terrain, grid, heights, fields, place_targets(config, acquisition, fields, heights))


def _write_product(out: Path, scene: _Scene) -> tuple[Path, Targets]:
    """Write the product folder; its path, and the targets with their peaks."""
    config, acquisition, product = scene.config, scene.acquisition, scene.product
    calibration = make_calibration(config, acquisition)
    noise = [make_noise(config, acquisition, polarization) for polarization in config.polarizations]
    model = _model(scene, calibration, noise)
    geometry = image_geometry(config, acquisition, scene.world.heights)
    with new_product(out, product) as (folder, finish):
        blocks = model.blocks(config.block_lines, config.threads)
        summaries = write_measurements(folder / "measurement", config, product, geometry.grid, blocks)
        for k, image in enumerate(product.images):
            facts = grd_facts(config, acquisition, geometry, product, image, summaries[k].statistics)
            write_image_documents(folder, ImageDocuments(facts, calibration, noise[k]))
        write_preview(folder / "preview", product, quicklook_colors([s.image for s in summaries]))
        return finish(), model.targets


def _model(scene: _Scene, calibration: Calibration, noise: list[Noise]) -> SceneModel:
    config, world = scene.config, scene.world
    radiometry = tuple(
        line_radiometry(
            config.lines,
            config.pixels,
            calibration,
            noise[k] if config.thermal_noise else None,
            world.fields.gamma0[k],
        )
        for k in range(len(noise))
    )
    return SceneModel(
        config.lines,
        config.pixels,
        world.heights,
        make_ties(scene.acquisition, world.terrain.span),
        world.fields.lattice,
        radiometry,
        with_peaks(world.targets, radiometry),
        make_speckle(config),
        Border(config.border, config.border // 2 if config.border_kind == "noise" else 0),
        flightpath(scene.acquisition) if config.slopes else LEVEL,
        config.beta_constant,
    )


def _write_truth(folder: Path, scene: _Scene, targets: Targets) -> None:
    config, acquisition, world = scene.config, scene.acquisition, scene.world
    write_targets(folder / "targets.csv", targets, acquisition, config)
    _, longitude, latitude = world.fields.square_centres()
    line, pixel = acquisition.image_position(geodetic_to_ecef(longitude, latitude, config.mean_height))
    reach = SQUARE / acquisition.spacing
    inside = (line > -reach) & (line < config.lines + reach)
    inside &= (pixel > -reach) & (pixel < config.pixels + reach)
    identifiers = exported_fields(world.fields, inside)
    columns = backscatter_columns(world.fields, config.polarizations, identifiers)
    write_fields(folder / "fields.gpkg", world.fields, identifiers, columns)
    edges = np.array([0.0, config.pixels - 1.0])
    facts = {
        "product": scene.product.stem,
        "footprint": scene.product.corners,
        "fields": int(identifiers.size),
        "targets": int(targets.line.size),
        "incidence_near_far": acquisition.incidence(np.zeros(2), edges).tolist(),
        "configuration": {k: v for k, v in asdict(config).items() if k not in ("threads", "block_lines")},
    }
    (folder / "scene.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
