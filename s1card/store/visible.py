"""Which rows of a folder count: of every observation those of the newest version, whatever files lie there.

Files come and go while others read: a load publishes a file and then removes the one that it replaces, a compaction
publishes a month and then removes what it holds. At any moment, after a kill too, every observation counts once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from s1card.errors import ResourceError
from s1card.raster.disk import disk_errors
from s1card.store.naming import FileName, parse_name
from s1card.store.parquet import Entry, Footer, VanishedError, read_footer
from s1card.store.schemas import CATALOGUE

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which a reader looks again and again, when each time another process has replaced a file meanwhile."""

LONGEST_PAUSE = 0.05
"""Seconds between two looks; by chance, so that processes do not stay in step."""


@dataclass(frozen=True, eq=False)
class RowFile:
    """A file of rows and what of it counts.

    Attributes:
        path: Where it lies.
        name: The parts of its name.
        footer: What it says of itself.
        visible: Observations of which it has the newest version.
    """

    path: Path
    name: FileName
    footer: Footer
    visible: tuple[Entry, ...]

    @property
    def is_fully_visible(self) -> bool:
        """Whether all its rows count."""
        return len(self.visible) == len(self.footer.entries)

    @cached_property
    def visible_ids(self) -> NDArray[np.int64]:
        """Numbers of the observations that count, ascending."""
        return np.sort(np.array([entry.id for entry in self.visible], np.int64))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All files of a store at a moment."""

    files: tuple[RowFile, ...]

    @cached_property
    def entries(self) -> list[Entry]:
        """The observations that count, in the order of time."""
        entries = (entry for file in self.files for entry in file.visible)
        return sorted(entries, key=lambda entry: (entry.observation.obstime, entry.observation.reference))

    @cached_property
    def catalogue(self) -> pa.Table:
        """What counts, a row per observation, in the order of time; columns of `s1card.store.schemas.CATALOGUE`."""
        cards = [entry.observation for entry in self.entries]
        columns: dict[str, Sequence[object]] = {
            "id": [entry.id for entry in self.entries],
            "status": [entry.status for entry in self.entries],
            "footprint": shapely.to_wkb(np.array([card.footprint for card in cards], object)).tolist(),
        }
        for name in CATALOGUE.names:
            if name not in columns:
                columns[name] = [getattr(card, name) for card in cards]
        return pa.table({name: columns[name] for name in CATALOGUE.names}, schema=CATALOGUE)

    @cached_property
    def with_rows(self) -> list[RowFile]:
        """Files with rows that count."""
        return [file for file in self.files if any(entry.rows or entry.histograms for entry in file.visible)]


class Files:
    """The files of a folder store; what their footers say is kept, for a name never stands for another content.

    Args:
        folder: The folder ``sigs``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._footers: dict[Path, Footer] = {}
        self._last: tuple[Mapping[Path, FileName], Snapshot] = {}, Snapshot(())
        self._lock = threading.Lock()

    def snapshot(self) -> Snapshot:
        """The files that are there now.

        Raises:
            DataError: A file is damaged.
        """
        return self.retried(lambda snapshot: snapshot)

    def retried(self, work: Callable[[Snapshot], T]) -> T:
        """Do something with the files that are there, again while files vanish in the midst of it.

        Raises:
            DataError: A file is damaged.
            ResourceError: Files vanished again and again.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return work(self._look())
            except VanishedError as error:
                if time.monotonic() > deadline:
                    raise ResourceError(
                        f"files vanished for {PATIENCE:.0f} s while they were read, the last one {error}",
                        subject=str(self.folder),
                        advice="Check that nothing but s1card removes files there, and try again",
                    ) from error
            time.sleep(random.uniform(0.0, LONGEST_PAUSE))

    def names(self) -> Mapping[Path, FileName]:
        """Paths and names of all files of rows, read until two readings agree.

        A reading of a folder is not a moment: a file that is removed before its place is reached and one that is
        added behind it are both missing. The second reading starts when the first one has ended, and sees the new one.
        """
        before = self._read_names()
        while (now := self._read_names()) != before:
            before = now
        return now

    def months(self) -> list[Path]:
        """Folders of months in order; none of an empty store whose empty folder was lost in a copy."""
        return sorted(path for path in self.folder.iterdir() if path.is_dir()) if self.folder.exists() else []

    def newest_version(self) -> str:
        """The newest version of anything that is there, or an empty text."""
        return max((name.version for name in self.names().values()), default="")

    def _look(self) -> Snapshot:
        names = self.names()
        last_names, last = self._last
        if names == last_names:
            return last
        footers = {path: self._footer(path) for path in names}
        with self._lock:
            self._footers = {path: footer for path, footer in self._footers.items() if path in footers}
        winners: dict[int, tuple[tuple[str, str], Path]] = {}
        for path, footer in footers.items():
            for entry in footer.entries:
                rank = (entry.version, path.name), path
                winners[entry.id] = max(winners.get(entry.id, rank), rank)
        files = (
            RowFile(path, name, footers[path], _visible(path, footers[path], winners))
            for path, name in sorted(names.items())
        )
        snapshot = Snapshot(tuple(files))
        self._last = names, snapshot
        return snapshot

    def _footer(self, path: Path) -> Footer:
        footer = self._footers.get(path)
        if footer is None:
            footer = read_footer(path)
            with self._lock:
                self._footers[path] = footer
        return footer

    def _read_names(self) -> dict[Path, FileName]:
        names: dict[Path, FileName] = {}
        with disk_errors(self.folder):
            for month in self.months():
                found = ((path, parse_name(path.name)) for path in month.iterdir())
                names |= {path: name for path, name in found if name is not None}
        return names


def _visible(
    path: Path, footer: Footer, winners: Mapping[int, tuple[tuple[str, str], Path]]
) -> tuple[Entry, ...]:
    return tuple(entry for entry in footer.entries if winners[entry.id] == ((entry.version, path.name), path))
