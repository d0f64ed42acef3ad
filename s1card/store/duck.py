"""The folder as a DuckDB database in memory: views of what counts, for questions over the whole store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from s1card.errors import DataError, UsageError
from s1card.store.parquet import ROWS, VanishedError
from s1card.store.visible import Snapshot

MEMORY_LIMIT = "1GiB"

_HIDDEN = pa.schema([("file", pa.string()), ("obsid", pa.int64())])


@contextmanager
def database(snapshot: Snapshot, parcels: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the views ``sigs``, ``hists``, ``dias_catalogue`` and, where there are some, ``parcels``.

    Args:
        snapshot: The files to read; after a compaction has removed them a query fails.
        parcels: GeoParquet file.

    Raises:
        VanishedError: A file is gone.
        DataError: A file is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="s1card-duckdb-") as scratch, duckdb.connect() as connection:
        connection.execute("SET memory_limit = ?", [MEMORY_LIMIT])
        connection.execute("SET temp_directory = ?", [scratch])
        with _asking(snapshot):
            _make_views(connection, snapshot)
            if parcels is not None:
                connection.read_parquet(str(parcels)).create_view("stored_parcels")
                connection.execute(
                    "CREATE VIEW parcels AS SELECT * EXCLUDE (bbox, geometry) FROM stored_parcels"
                )
            yield connection


def answer(connection: duckdb.DuckDBPyConnection, question: str, parameters: Sequence[object]) -> pa.Table:
    """The answer to a question.

    Raises:
        UsageError: DuckDB does not understand it.
    """
    try:
        return connection.sql(question, params=list(parameters)).to_arrow_table()
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
        raise UsageError(
            f"DuckDB does not understand this question ({error})",
            subject=question,
            advice="Views are sigs, hists, dias_catalogue, parcels",
        ) from error


@contextmanager
def _asking(snapshot: Snapshot) -> Iterator[None]:
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
            advice="If a file is damaged, remove it and extract its cards again",
        ) from error


def _make_views(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    files = snapshot.with_rows
    if files:
        connection.read_parquet([str(file.path) for file in files], filename=True).create_view("stored_rows")
    else:
        connection.register("stored_rows", ROWS.append(pa.field("filename", pa.string())).empty_table())
    connection.register("dias_catalogue", snapshot.catalogue)
    hidden = [
        {"file": str(file.path), "obsid": entry.id}
        for file in files
        for entry in file.footer.entries
        if entry not in file.visible
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
