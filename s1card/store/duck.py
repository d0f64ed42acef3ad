"""The folder as a DuckDB database in memory: views of what counts, for questions over the whole store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from s1card.errors import DataError
from s1card.store.parquet import ROWS, VanishedError
from s1card.store.visible import Snapshot

MEMORY_LIMIT = "1GiB"

_HIDDEN = pa.schema([("file", pa.string()), ("obsid", pa.int64())])


@contextmanager
def database(snapshot: Snapshot, catalogue: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views ``sigs``, ``hists`` and ``dias_catalogue``.

    The views read the files of the snapshot; after a compaction has removed them a query fails with VanishedError.

    Raises:
        VanishedError: A file is gone.
        DataError: A file is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="s1card-duckdb-") as scratch:
        connection = duckdb.connect()
        try:
            connection.execute("SET memory_limit = ?", [MEMORY_LIMIT])
            connection.execute("SET temp_directory = ?", [scratch])
            with asking(snapshot):
                _make_views(connection, snapshot, catalogue)
                yield connection
        finally:
            connection.close()


@contextmanager
def asking(snapshot: Snapshot) -> Iterator[None]:
    """Tell why DuckDB could not read: files that are gone, or files that are damaged."""
    try:
        yield
    except duckdb.Error as error:
        gone = [file.path for file in snapshot.files if not file.path.exists()]
        if gone:
            raise VanishedError(str(gone[0])) from error
        raise DataError(
            f"DuckDB could not read the store ({str(error).splitlines()[0]})",
            subject=str(snapshot.files[0].path.parent.parent) if snapshot.files else "",
            advice="If a file is damaged, remove it and extract its card again",
        ) from error


def _make_views(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, catalogue: pa.Table) -> None:
    files = snapshot.with_rows
    if files:
        rows = connection.read_parquet([str(file.path) for file in files], filename=True)
        rows.create_view("stored_rows")
    else:
        empty = ROWS.append(pa.field("filename", pa.string())).empty_table()
        connection.register("stored_rows", empty)
    connection.register("dias_catalogue", catalogue)
    hidden = [
        {"file": str(file.path), "obsid": entry.id}
        for file in files
        if not file.is_fully_visible
        for entry in set(file.footer.entries) - set(file.visible)
    ]
    connection.register("hidden_rows", pa.Table.from_pylist(hidden, schema=_HIDDEN))
    condition = "AND (filename, obsid) NOT IN (SELECT (file, obsid) FROM hidden_rows)" if hidden else ""
    columns = ", ".join(f'"{name}"' for name in ROWS.names if name != "hist")
    connection.execute(
        f"CREATE VIEW sigs AS SELECT {columns} FROM stored_rows WHERE hist IS NULL {condition}"
    )
    connection.execute(
        f"CREATE VIEW hists AS SELECT pid, obsid, obstime, hist FROM stored_rows WHERE hist IS NOT NULL {condition}"
    )
