"""Cards and parcels for the tests of the command ``extract``: small, but made as ours are."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import card_cases
import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from end_to_end import call_s1card
from shapely.geometry.base import BaseGeometry

from s1card.card import assemble_card
from s1card.store import Store, open_store
from s1card.store.base import EXTRACTED

LEFT, TOP = 300_000.0, 4_660_000.0
HOLE = np.s_[200:230, 100:130]
"""Rows and columns without data, in the middle of every card."""


def rectangle(row: float, col: float, rows: float, cols: float) -> BaseGeometry:
    """A rectangle of the map by rows and columns of the cards."""
    x, y = LEFT + 10.0 * col, TOP - 10.0 * row
    return shapely.box(x, y - 10.0 * rows, x + 10.0 * cols, y)


FIELDS: dict[str, BaseGeometry] = {
    "007": rectangle(40, 30, 20, 20),
    "7": shapely.MultiPolygon([rectangle(40, 60, 10, 10), rectangle(55, 60, 8, 12)]),
    "0042": rectangle(70, 30, 20, 20).difference(rectangle(75, 35, 5, 5)),
    "overlaps 007": rectangle(50, 40, 20, 20),
    "half pixel": rectangle(100.5, 50.5, 10, 10),
    "strip": rectangle(130, 40.55, 91, 0.4),  # between the centres of columns
    "cloud": rectangle(205, 105, 10, 10),  # in the hole
    "at the hole": rectangle(195, 95, 20, 20),
    "small": rectangle(60, 200, 4, 4),
    "elsewhere": rectangle(90_000, 30, 20, 20),
}
"""Parcels by what their owner calls them."""

SHOWN = 8
"""So many of them lie in the cards and are at least 3,000 m² large."""


def power(number: int, polarization: str) -> np.ndarray:
    """Pixels of card ``number``."""
    values = card_cases.power(0.1 if polarization == "VV" else 0.02, seed=10 * number + len(polarization))
    values = values * np.float32(1.0 if polarization == "VV" else 0.5 + number)
    values[HOLE] = np.nan
    return np.asarray(values, np.float32)


def make_card(folder: Path, number: int = 0, *, inc: bool = False) -> Path:
    """A backscatter card of day ``number``; its folder."""
    names = ("VV", "VH", "inc") if inc else ("VV", "VH")
    staging = folder / "tmp"
    staging.mkdir(parents=True, exist_ok=True)
    values = {name: angles() if name == "inc" else power(number, name) for name in names}
    bands = [card_cases.card_band(staging, name, pixels) for name, pixels in values.items()]
    scene = card_cases.scene()
    later = np.timedelta64(number, "D")
    manifest = replace(
        scene.manifest,
        start_time=scene.manifest.start_time + later,
        stop_time=scene.manifest.stop_time + later,
    )
    name = scene.name.replace("20210119", f"202101{19 + number}")
    card = assemble_card(
        bands, card_cases.context(scene=replace(scene, name=name, manifest=manifest)), folder
    )
    staging.rmdir()
    return card.folder


def angles() -> np.ndarray:
    """Incidence angles that grow from column to column."""
    return np.broadcast_to(np.linspace(30, 40, 400, dtype=np.float32), (300, 400)).copy()


def make_coherence_card(folder: Path) -> Path:
    """A coherence card; its folder."""
    staging = folder / "tmp"
    staging.mkdir(parents=True, exist_ok=True)
    bands = [card_cases.card_band(staging, name, card_cases.power(0.3)) for name in ("VV", "VH")]
    return assemble_card(bands, card_cases.pair_context(), folder).folder


def damage(card: Path) -> Path:
    """Overwrite the middle of a raster: its header is whole, its tiles are not."""
    path = card / f"{card.name}_VV.tif"
    content = bytearray(path.read_bytes())
    content[2000 : len(content) // 2] = b"\xaa" * (len(content) // 2 - 2000)
    path.write_bytes(content)
    return card


def write_parcels(
    path: Path,
    fields: Mapping[str, BaseGeometry] | None = None,
    *,
    crs: str | None = card_cases.GRID.crs,
    ids: Sequence[Any] | None = None,
) -> Path:
    """Parcels as a file with the columns id and crop."""
    fields = FIELDS if fields is None else fields
    names = list(fields) if ids is None else list(ids)
    geometries = np.array([shapely.to_wkb(geometry) for geometry in fields.values()], object)
    columns = [np.array(names, object), np.array(["wheat"] * len(names), object)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no CRS on purpose
        pyogrio.raw.write(
            path,
            geometry=geometries,
            field_data=columns,
            fields=["id", "crop"],
            crs=crs,
            geometry_type="Unknown",
        )
    return path


def extract(*arguments: object) -> dict[str, Any]:
    """Run the command, which has to succeed; its result."""
    done = call_s1card("extract", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def all_rows(store: Store | str | Path) -> list[dict[str, Any]]:
    """All rows of a store, in the order of observations, parcels and bands."""
    opened = open_store(str(store)) if isinstance(store, str | Path) else store
    rows = pa.Table.from_batches(list(opened.export_rows())).to_pylist() if has_rows(opened) else []
    return sorted(rows, key=lambda row: (row["reference"], row["pid"], row["band"]))


def has_rows(store: Store) -> bool:
    """Whether a store holds any row."""
    return store.info().rows > 0


def statuses(store: str | Path) -> dict[str, str]:
    """Status words by reference."""
    table = open_store(str(store)).observations()
    return dict(zip(table["reference"].to_pylist(), table["status"].to_pylist(), strict=True))


def assert_each_once(store: str, cards: Sequence[Path], rows_of_a_card: int) -> None:
    """Every card is extracted, has all its rows, none of them twice, and there is nothing else."""
    assert statuses(store) == {card.name: EXTRACTED for card in cards}
    rows = all_rows(store)
    keys = {(row["reference"], row["pid"], row["band"]) for row in rows}
    assert len(keys) == len(rows) == rows_of_a_card * len(cards)
    for card in cards:
        assert sum(row["reference"] == card.name for row in rows) == rows_of_a_card


def time_of(number: int) -> datetime:
    """When card ``number`` was acquired."""
    return datetime(2021, 1, 19 + number, 3, 16, 53, 123456)
