"""A simulated pair from its configuration: products, orbit files, elevation model and truth."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from s1card.scene.records import Calibration, Noise
from s1card.simulate.faults import SLC_FAULTS, break_product
from s1card.simulate.image_geometry import ImageGeometry
from s1card.simulate.measurement import quicklook_colors
from s1card.simulate.orbit_file import write_orbit_file
from s1card.simulate.preview import write_preview
from s1card.simulate.product import Product
from s1card.simulate.radiometry import line_radiometry
from s1card.simulate.safe_writer import ImageDocuments, new_product, write_image_documents, zip_product
from s1card.simulate.slc.config import SimulatedPair, SlcPairConfig
from s1card.simulate.slc.facts import image_geometry, slc_facts, slc_product
from s1card.simulate.slc.measurement import Measurement, create_measurement, side_by_side
from s1card.simulate.slc.passes import PairPlan, Pass, TopsImage, plan_pair
from s1card.simulate.slc.radiometry import make_calibration, make_noise
from s1card.simulate.slc.render import DateModel, PairModel, Tile
from s1card.simulate.slc.targets import sightings, with_amplitudes
from s1card.simulate.slc.tiles import TileFrame
from s1card.simulate.slc.truth import write_truth
from s1card.simulate.slc.world import PairWorld, make_pair_world
from s1card.simulate.terrain import write_dem


@dataclass(frozen=True, eq=False)
class _Annotated:
    """What the documents of one sub-swath say: geometry, calibration, noise per polarization."""

    geometry: ImageGeometry
    calibration: Calibration
    noise: dict[str, Noise]


@dataclass(frozen=True, eq=False)
class _Date:
    """One date: its pass and polarizations, what its documents say, what its samples are made from."""

    passed: Pass
    polarizations: tuple[str, ...]
    annotated: dict[TopsImage, _Annotated]
    model: DateModel


def simulate_slc_pair(config: SlcPairConfig, out: Path) -> SimulatedPair:
    """Write a pair of SLC scenes with precise orbit files, elevation model and truth into a folder.

    Raises:
        UsageError: The orbits cannot see the wanted place, or a product is there already.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = plan_pair(config)
    world = make_pair_world(plan)
    reference = _make_date(plan, world, plan.reference, config.polarizations)
    secondary = _make_date(plan, world, plan.secondary, config.secondary_polarizations)
    safes = _write_products(out, _models(plan, world, reference, secondary), (reference, secondary))
    if config.fault in SLC_FAULTS:
        safes = safes[0], (break_product(safes[1][0], config.fault), *safes[1][1:])
    write_dem(out / "dem.tif", world.grid, world.heights)
    write_truth(out / "truth", plan, world, (reference.model, secondary.model))
    orbits = [
        write_orbit_file(out, passed.flight, passed.flight.utc(passed.first_time))
        for passed in (plan.reference, plan.secondary)
    ]
    archives = tuple(zip_product(safe) for safe in (*safes[0], *safes[1])) if config.zip else ()
    return SimulatedPair(safes[0], safes[1], out / "dem.tif", (orbits[0], orbits[1]), out / "truth", archives)


def _make_date(plan: PairPlan, world: PairWorld, passed: Pass, polarizations: tuple[str, ...]) -> _Date:
    config = plan.config
    annotated, radiometry = {}, {}
    for images in passed.slices:
        start, stop = min(i.first_time for i in images), max(i.last_time for i in images)
        for image in images:
            calibration = make_calibration(passed.flight, image, start, stop)
            noise = {p: make_noise(passed.flight, image, p, config.ipf_version) for p in polarizations}
            annotated[image] = _Annotated(image_geometry(config, image, world.heights), calibration, noise)
            radiometry[image] = tuple(
                line_radiometry(
                    image.lines,
                    image.pixels,
                    calibration,
                    noise[p] if config.thermal_noise else None,
                    world.fields.gamma0[config.polarizations.index(p)],
                )
                for p in polarizations
            )
    seen = [
        with_amplitudes(sighting, stacked, radiometry[stacked.image])
        for sighting in sightings(passed, world.places)
        for stacked in [passed.burst(sighting.swath, sighting.burst)]
    ]
    return _Date(passed, polarizations, annotated, DateModel(radiometry, seen))


def _models(plan: PairPlan, world: PairWorld, reference: _Date, secondary: _Date) -> list[PairModel]:
    """One model for both dates, or one for each where they do not see the same ground."""
    ground = world.heights, world.terrain.span, world.fields.lattice
    seed = plan.config.seed
    if plan.config.is_coherent:
        return [PairModel(plan, seed, *ground, reference.model, secondary.model, world.slopes)]
    alone = [replace(plan, secondary=plan.reference), replace(plan, reference=plan.secondary)]
    return [
        PairModel(alone[0], seed, *ground, reference.model, None, world.slopes),
        PairModel(alone[1], seed + 1, *ground, secondary.model, None, world.slopes),
    ]


def _write_products(
    out: Path, models: list[PairModel], dates: tuple[_Date, _Date]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Write the products of both dates tile by tile; product folders by slice."""
    config = models[0].plan.config
    with ExitStack() as stack:
        writers = [
            [_SliceWriter(stack, out, config, date, k) for k in range(len(date.passed.slices))]
            for date in dates
        ]
        files = {
            image: found
            for date_writers in writers
            for writer in date_writers
            for image, found in writer.measurements.items()
        }
        for tile in _tiles(models, files, config.threads):
            for k, measurement in enumerate(files[tile.seen.image]):
                measurement.take(tile.seen.first_line, tile.columns, tile.samples[k], tile.moments[k])
        reference, secondary = (tuple(w.finish() for w in date_writers) for date_writers in writers)
    return reference, secondary


def _tiles(
    models: list[PairModel], files: dict[TopsImage, list[Measurement]], threads: int
) -> Iterator[Tile]:
    """All tiles in order, written to their files; made by threads, a few in advance."""

    def make(model: PairModel, swath: str, burst: int, frame: TileFrame) -> list[Tile]:
        made = model.tile(swath, burst, frame)
        for tile in made:
            for measurement, samples in zip(files[tile.seen.image], tile.samples, strict=True):
                measurement.tiff.write(tile.seen.first_line, tile.columns, samples)
        return made

    jobs = (
        (model, swath, burst, frame)
        for model in models
        for swath, burst in model.plan.reference.bursts
        for frame in model.frames(swath, burst)
    )
    with ThreadPoolExecutor(threads) as pool:
        queue: list[Future[list[Tile]]] = []
        for job in jobs:
            queue.append(pool.submit(make, *job))
            if len(queue) > threads:
                yield from queue.pop(0).result()
        for future in queue:
            yield from future.result()


class _SliceWriter:
    """One product that is being written."""

    def __init__(self, stack: ExitStack, out: Path, config: SlcPairConfig, date: _Date, number: int) -> None:
        self.date = date
        self.product: Product = slc_product(config, date.passed, number, date.polarizations)
        self.folder, self._finish = stack.enter_context(new_product(out, self.product))
        self.measurements: dict[TopsImage, list[Measurement]] = {}
        for image in date.passed.slices[number]:
            grid = date.annotated[image].geometry.grid
            named = {i.polarization: i for i in self.product.images if i.swath == image.swath}
            self.measurements[image] = [
                create_measurement(self.folder / "measurement", self.product, named[p], image, grid)
                for p in date.polarizations
            ]

    def finish(self) -> Path:
        """Write the documents and give the folder its name."""
        for image, measurements in self.measurements.items():
            said = self.date.annotated[image]
            for measurement in measurements:
                facts = slc_facts(
                    self.date.passed,
                    self.product,
                    (measurement.image, image),
                    said.geometry,
                    measurement.statistics,
                    measurement.tiff,
                )
                noise = said.noise[measurement.image.polarization]
                write_image_documents(self.folder, ImageDocuments(facts, said.calibration, noise))
        thinned = [
            side_by_side([measurements[k].thinned for measurements in self.measurements.values()])
            for k in range(len(self.date.polarizations))
        ]
        write_preview(self.folder / "preview", self.product, quicklook_colors(thinned))
        return self._finish()
