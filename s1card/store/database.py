"""Connections to a PostgreSQL server: where it is, who is connected, and what its errors mean."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from s1card.errors import NetworkError, ResourceError, S1CardError, UsageError

Connection = psycopg.Connection[tuple[Any, ...]]
Answer = TypeVar("Answer")

BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds to wait before a transaction is tried again whose connection was lost: a restart is survived."""

_CONNECT_TIMEOUT = 10
_LOST = frozenset({"57P01", "57P02", "57P03", "40001", "40P01"})
"""Server shuts down, crashed, starts up; the transaction lost against another one."""

_SETTINGS = {"idle": "30", "interval": "10", "count": "3"}
"""Keep-alive, s: what a client has locked whose machine died is free within a minute."""


@dataclass(frozen=True)
class Address:
    """Where a store is.

    Attributes:
        conninfo: What libpq needs to connect.
        schema: Schema of the tables.
        label: The place as it may be shown: without a password.
    """

    conninfo: str
    schema: str
    label: str


def parse_address(url: str) -> Address:
    """Take ``postgresql://user:password@host:port/database?schema=name&...`` apart; the rest is libpq's matter.

    Raises:
        UsageError: It is not an address of a PostgreSQL database.
    """
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True)
        others = urlencode([(name, value) for name, value in options if name != "schema"])
        settings = conninfo_to_dict(urlunsplit(parts._replace(query=others)))
    except (psycopg.Error, ValueError) as error:
        raise UsageError(
            f"not an address of a PostgreSQL database: {_first_line(error)}",
            advice="Write postgresql://user@host:port/database?schema=name",
        ) from error
    schema = dict(options).get("schema", "public")
    if not schema or "\0" in url:
        raise UsageError("the address names no schema", advice="Leave ?schema= away, or give it a name")
    settings = {"connect_timeout": _CONNECT_TIMEOUT, "application_name": "s1card", **settings}
    settings["client_encoding"] = "UTF8"
    host = settings.get("host") or settings.get("hostaddr") or "local socket"
    label = f"{settings.get('dbname') or settings.get('user') or 'default database'} on {host}"
    return Address(make_conninfo("", **settings), schema, f"{label}, schema {schema}")


class Database:
    """Transactions on a server; connections are kept and used again, and may be used from several threads.

    Connections last as long as the session settings that are made on them, so a pooler between must work by session.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: dict[int, list[Connection]] = {}
        self._was_connected = False
        weakref.finalize(self, _close, self._idle)

    def run(
        self,
        work: Callable[[Connection], Answer],
        *,
        on: str = "",
        back_off: Sequence[float] | None = None,
    ) -> Answer:
        """Do work in a transaction of its own; if the connection is lost it is done again, so it must bear that.

        Args:
            work: Gets a connection within a transaction.
            on: What the work is about, for messages.
            back_off: Seconds to wait before each further attempt; None for `BACK_OFF`.

        Raises:
            NetworkError: The server does not answer.
            ResourceError: Its disk or memory is full.
            UsageError: Rights, tables or the extension are missing, or a value does not fit.
        """
        with self.errors(on):
            for wait in BACK_OFF if back_off is None else back_off:
                try:
                    return self._once(work)
                except psycopg.Error as error:
                    if not (self._was_connected and _is_lost(error)):
                        raise
                    self.close()  # the others are lost with it
                    time.sleep(wait)
            return self._once(work)

    @contextmanager
    def errors(self, on: str = "") -> Iterator[None]:
        """Turn what the driver raises into the project's errors."""
        try:
            yield
        except psycopg.Error as error:
            raise translated(error, on or self.address.label) from error

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in autocommit mode; after an error it is thrown away."""
        idle = self._idle.setdefault(os.getpid(), [])  # what a fork inherits belongs to its parent
        connection = idle.pop() if idle else self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        idle.append(connection)

    def close(self) -> None:
        """End all connections; the next use makes new ones."""
        _close(self._idle)

    def _once(self, work: Callable[[Connection], Answer]) -> Answer:
        with self.connection() as connection, connection.transaction():
            return work(connection)

    def _connect(self) -> Connection:
        connection = psycopg.connect(self.address.conninfo, autocommit=True)
        try:
            connection.execute(_SESSION, _SETTINGS | {"schema": self.address.schema})
        except BaseException:
            connection.close()
            raise
        self._was_connected = True
        return connection


_SESSION = """
SELECT set_config('tcp_keepalives_idle', %(idle)s, false), set_config('tcp_keepalives_interval', %(interval)s, false),
    set_config('tcp_keepalives_count', %(count)s, false), set_config('client_min_messages', 'warning', false),
    set_config('search_path', concat_ws(', ', quote_ident(%(schema)s),
        (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE extname = 'postgis'), 'public'), false)
"""
"""In the search path the schema of the store comes first, then that of PostGIS wherever it was installed."""


def _close(idle: dict[int, list[Connection]]) -> None:
    connections = idle.get(os.getpid(), [])
    while connections:
        connections.pop().close()


def _is_lost(error: psycopg.Error) -> bool:
    """Whether the same transaction may succeed on a new connection."""
    state = error.sqlstate or ""
    if state:
        return state in _LOST or state.startswith("08")
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def translated(error: psycopg.Error, on: str) -> S1CardError:
    """One of the project's errors that says what the server meant and what to do."""
    text = _first_line(error)
    state = error.sqlstate or ""
    for codes, kind, message, advice in _MEANINGS:
        if any(state.startswith(code) for code in codes):
            return kind(f"{message}: {text}", subject=on, advice=advice)
    if not state:
        return _not_connected(text, on)
    if isinstance(error, psycopg.OperationalError):
        return NetworkError(f"the database gave up: {text}", subject=on, advice="Look into the server's log")
    return UsageError(
        f"the database refused: {text} (SQLSTATE {state})", subject=on, advice="Look into the server's log"
    )


def _not_connected(text: str, on: str) -> S1CardError:
    """Failures while connecting carry no code, only the words of the server or of libpq."""
    if "password" in text or "authentication failed" in text or "pg_hba" in text:
        advice = "Check user and password; a password is best kept in ~/.pgpass or PGPASSWORD"
        return UsageError(f"the database does not let us in: {text}", subject=on, advice=advice)
    if "database" in text and "does not exist" in text:
        advice = "Make it: createdb NAME"
        return UsageError(f"there is no such database: {text}", subject=on, advice=advice)
    if "role" in text and "does not exist" in text:
        advice = "Check the user in the address"
        return UsageError(f"there is no such user: {text}", subject=on, advice=advice)
    advice = "Check that the server runs and can be reached, and run again: what was stored is complete"
    return NetworkError(f"the database does not answer: {text}", subject=on, advice=advice)


_AGAIN = "Check that the server runs and can be reached, and run again: what was stored is complete"
_MEANINGS: tuple[tuple[tuple[str, ...], type[S1CardError], str, str], ...] = (
    (("53100",), ResourceError, "the server's disk is full", "Free space there, and run again"),
    (("53200", "53400"), ResourceError, "the server's memory does not do", "Check its settings"),
    (("53300",), NetworkError, "the server takes no more connections", "Raise max_connections"),
    (("57014",), NetworkError, "the server ended the query", "Check statement_timeout"),
    (("08", "57P", "40"), NetworkError, "the connection was lost", _AGAIN),
    (("42501",), UsageError, "rights are missing", "Ask the owner of the database to grant them"),
    (("28",), UsageError, "the database does not let us in", "Check user and password"),
    (("25006",), UsageError, "the database is read-only", "Use the primary server"),
    (
        ("42P01", "3F000"),
        UsageError,
        "a table is missing",
        "Check the address, or make a store: s1card store init",
    ),
    (
        ("22001",),
        UsageError,
        "a text is too long for its column",
        "See the table of columns in docs/store.md",
    ),
)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip().rstrip(".")
