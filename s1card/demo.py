"""The whole road on a small scale: a scene of known truth, its card, and how near the card comes to the truth."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from s1card.accuracy import FieldError, TargetError, measure_fields, measure_targets, pooled
from s1card.card.backscatter import BackscatterOrder, make_backscatter_card
from s1card.card.product import Card
from s1card.engine.base import Engine, Progress
from s1card.errors import UsageError
from s1card.geometry.geoid import VerticalDatum
from s1card.memory import peak_memory
from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

SCENE = GrdConfig(lines=1000, pixels=1200, terrain="hills", targets=16, seed=7)
"""12 km x 10 km of fields and point targets on hills."""
REPORT = "accuracy.json"
FEWEST_SAMPLES = 1000
"""Of fewer samples, the mean of a class says more about speckle than about the card."""
_BACKGROUND = 0  # class of the dark ground around point targets, whose side lobes reach into it


@dataclass(frozen=True)
class DemoResult:
    """What the demo made and measured.

    Attributes:
        scene, card: What was made.
        targets: Errors of point targets, by polarization.
        fields: Errors of the classes of fields, by polarization.
        simulation_seconds, card_seconds: How long it took.
        peak_memory: Of the process, bytes.
    """

    scene: SimulatedScene
    card: Card
    targets: dict[str, list[TargetError]]
    fields: dict[str, list[FieldError]]
    simulation_seconds: float
    card_seconds: float
    peak_memory: int

    @property
    def quicklook(self) -> Path:
        """The picture of the card."""
        return self.card.folder / f"{self.card.id}.png"


def run_demo(
    out: Path, engine: Engine, *, config: GrdConfig = SCENE, progress: Progress | None = None
) -> DemoResult:
    """Simulate a scene, make its card and measure it.

    Args:
        out: Folder for scene, card and report; that of an earlier demo is replaced.
        engine: What makes the card.
        config: The scene.
        progress: Told how far the card is.

    Raises:
        UsageError: ``out`` holds something else than an earlier demo.
    """
    _clear(out)
    begun = time.monotonic()
    scene = simulate_grd(config, out / "scene")
    simulated = time.monotonic()
    order = BackscatterOrder(scene.safe, scene.dem, VerticalDatum.ELLIPSOID)
    card = make_backscatter_card(order, engine, out / "cards", progress=progress)
    finished = time.monotonic()
    result = DemoResult(
        scene,
        card,
        {band: measure_targets(path, scene.truth / "targets.csv") for band, path in card.bands.items()},
        {band: _classes(path, scene.truth / "fields.gpkg", band) for band, path in card.bands.items()},
        simulated - begun,
        finished - simulated,
        peak_memory(),
    )
    (out / REPORT).write_text(json.dumps(_report(result), indent=2) + "\n", encoding="utf-8")
    return result


def _clear(out: Path) -> None:
    """Remove an earlier demo, and nothing else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        out.mkdir(parents=True, exist_ok=True)
        return
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if not names or not names <= {"scene", "cards", REPORT}:
        raise UsageError(
            "it exists and is not the folder of a demo", subject=str(out), advice="Choose another --out"
        )
    for name in ("scene", "cards"):
        shutil.rmtree(out / name, ignore_errors=True)
    (out / REPORT).unlink(missing_ok=True)


def _classes(raster: Path, fields: Path, band: str) -> list[FieldError]:
    """Errors of the classes of fields that have enough samples."""
    classes = pooled(measure_fields(raster, fields, band))
    return [one for one in classes if one.field_class != _BACKGROUND and one.samples >= FEWEST_SAMPLES]


def _report(result: DemoResult) -> dict[str, object]:
    """The result as JSON holds it."""
    return {
        "card": result.card.id,
        "targets": {band: [asdict(one) for one in errors] for band, errors in result.targets.items()},
        "classes": {
            band: [asdict(one) | {"difference_db": one.difference_db} for one in errors]
            for band, errors in result.fields.items()
        },
        "simulation_seconds": round(result.simulation_seconds, 2),
        "card_seconds": round(result.card_seconds, 2),
        "peak_memory": result.peak_memory,
    }
