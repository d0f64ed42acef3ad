"""A simulated GRD scene from its configuration: product, orbit file, elevation model and truth."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from s1card.geometry.map_grid import MapGrid
from s1card.simulate.acquisition import Acquisition, plan_acquisition
from s1card.simulate.config import GrdConfig, SimulatedScene
from s1card.simulate.ellipsoid import ecef_to_geodetic, geodetic_to_ecef
from s1card.simulate.fields import SQUARE, FieldMap, make_fields, write_fields
from s1card.simulate.frame import LocalFrame
from s1card.simulate.ground import make_ties
from s1card.simulate.image_geometry import image_geometry
from s1card.simulate.orbit_file import write_orbit_file
from s1card.simulate.pixels import Border, SceneModel, make_speckle
from s1card.simulate.product import Product, make_product
from s1card.simulate.radiometry import line_radiometry, make_calibration, make_noise
from s1card.simulate.safe_writer import Documents, write_safe, zip_product
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


def simulate_grd(config: GrdConfig, out: Path) -> SimulatedScene:
    """Write a GRD scene with its precise orbit file, elevation model and truth into a folder.

    Raises:
        UsageError: The orbit cannot see the wanted place, or the product is there already.
    """
    out.mkdir(parents=True, exist_ok=True)
    acquisition = plan_acquisition(config)
    world = make_world(config, acquisition)
    product = make_product(config, acquisition)
    documents, model = _documents_and_model(product, world)
    safe = write_safe(out, documents, model.blocks(config.block_lines, config.threads))
    truth = out / "truth"
    truth.mkdir(exist_ok=True)
    write_dem(out / "dem.tif", world.grid, world.heights)
    _write_truth(truth, product, world, model.targets)
    orbit = write_orbit_file(out, product)
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


def ground_bounds(acquisition: Acquisition, span: tuple[float, float]) -> tuple[float, float, float, float]:
    """West, south, east, north of all that the image can see between two heights, degrees.

    Longitudes go on beyond 180 where a scene lies across the antimeridian.
    """
    line, pixel = np.meshgrid(
        np.linspace(0.0, acquisition.lines - 1.0, 9), np.linspace(0.0, acquisition.pixels - 1.0, 9)
    )
    corners = [ecef_to_geodetic(acquisition.ground(line, pixel, height)) for height in span]
    longitude = np.stack([corner[0] for corner in corners])
    longitude = longitude[0, 0, 0] + (longitude - longitude[0, 0, 0] + 180.0) % 360.0 - 180.0
    latitude = np.stack([corner[1] for corner in corners])
    return float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())


def _documents_and_model(product: Product, world: World) -> tuple[Documents, SceneModel]:
    config, acquisition = product.config, product.acquisition
    calibration = make_calibration(acquisition)
    noise = tuple(make_noise(config, acquisition, polarization) for polarization in config.polarizations)
    radiometry = tuple(
        line_radiometry(config, calibration, noise[k], world.fields.gamma0[k]) for k in range(len(noise))
    )
    documents = Documents(product, image_geometry(config, acquisition, world.heights), calibration, noise)
    model = SceneModel(
        config.lines,
        config.pixels,
        world.heights,
        make_ties(acquisition, world.terrain.span),
        world.fields.lattice,
        radiometry,
        with_peaks(world.targets, radiometry),
        make_speckle(config),
        Border(config.border, config.border // 2 if config.border_kind == "noise" else 0),
    )
    return documents, model


def _write_truth(folder: Path, product: Product, world: World, targets: Targets) -> None:
    config, acquisition = product.config, product.acquisition
    write_targets(folder / "targets.csv", targets, acquisition, config.polarizations)
    _, longitude, latitude = world.fields.square_centres()
    line, pixel = acquisition.image_position(geodetic_to_ecef(longitude, latitude, config.mean_height))
    reach = SQUARE / acquisition.spacing
    inside = (line > -reach) & (line < config.lines + reach)
    inside &= (pixel > -reach) & (pixel < config.pixels + reach)
    count = write_fields(folder / "fields.gpkg", world.fields, config.polarizations, inside)
    edges = np.array([0.0, config.pixels - 1.0])
    facts = {
        "product": product.stem,
        "footprint": product.corners,
        "fields": count,
        "targets": int(targets.line.size),
        "incidence_near_far": acquisition.incidence(np.zeros(2), edges).tolist(),
        "configuration": {k: v for k, v in asdict(config).items() if k not in ("threads", "block_lines")},
    }
    (folder / "scene.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
