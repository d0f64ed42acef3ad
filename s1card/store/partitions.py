"""Months of the tables of rows: made when they are needed, by however many workers at once."""

from __future__ import annotations

from datetime import datetime

from psycopg import sql

from s1card.store.database import Connection

_LOCK = 0x51CA2D  # any number that other programs do not use


def partition_name(table: str, obstime: datetime) -> str:
    """Name of the partition of a moment."""
    return f"{table}_{obstime:%Y_%m}"


def ensure_partition(connection: Connection, table: str, obstime: datetime) -> None:
    """Make the partition of a moment if it is missing, in a short transaction of its own.

    The table is attached, not made as a partition: that would wait for everyone who reads.
    """
    name = partition_name(table, obstime)
    if is_attached(connection, name):
        return
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if is_attached(connection, name):
        return
    begin = datetime(obstime.year, obstime.month, 1)
    end = datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
    child, parent = sql.Identifier(name), sql.Identifier(table)
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)").format(child, parent)
    )
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            parent, child, sql.Literal(begin.isoformat()), sql.Literal(end.isoformat())
        )
    )


def is_attached(connection: Connection, name: str) -> bool:
    """Whether a partition is there, in the schema of the store."""
    query = """
        SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE c.relname = %s AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"""
    return connection.execute(query, (name,)).fetchone() is not None


def partitions(connection: Connection, table: str) -> list[str]:
    """Names of all partitions of a table, oldest first."""
    query = "SELECT relname FROM pg_partition_tree(%s) t JOIN pg_class c ON c.oid = t.relid WHERE isleaf ORDER BY 1"
    return [name for (name,) in connection.execute(query, (table,))]
