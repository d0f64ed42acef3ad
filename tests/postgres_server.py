"""A real PostgreSQL with PostGIS for tests: in a folder of its own, on a unix socket of its own, gone afterwards.

Test modules import the fixtures ``postgres`` (the server, one for all tests of a process) and ``database_url`` (a new
schema of its database).
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

PORT = 5432  # only a part of the socket's name
_SETTINGS = """
listen_addresses = ''
fsync = off
full_page_writes = off
autovacuum = off
shared_buffers = 64MB
max_connections = 40
logging_collector = off
"""
_schemas = itertools.count(1)


class CannotStartError(RuntimeError):
    """The server for the tests could not be started."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        folder: Where it lives; also the folder of its socket.
        bin: Where its programs are.
        user: Who it runs as, or None for this user: it refuses to run as root.
    """

    folder: Path
    bin: Path
    user: str | None

    @property
    def url(self) -> str:
        """Address of database ``test``."""
        return f"postgresql://test@/test?host={self.folder}&port={PORT}"

    def restart(self, mode: str = "immediate") -> None:
        """End the server, immediately as if it had crashed, and start it again."""
        self._control("restart", "-m", mode, "-w", "-l", str(self.folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        """End the server."""
        self._control("stop", "-m", mode, "-w")

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            CannotStartError: It does not start; with the end of its log.
        """
        self._control("start", "-w", "-l", str(self.folder / "log"))

    def prepare(self) -> None:
        """Make its files."""
        flags = ["-U", "test", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", str(self.folder / "data"), *flags)
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"{_SETTINGS}port = {PORT}\nunix_socket_directories = '{self.folder}'\n")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_as_user(self.user), str(self.bin / program), *arguments]
        # Its output goes to a file: a pipe would stay open as long as the server runs.
        with (self.folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(command, stdout=out, stderr=out, cwd=self.folder, check=False)
        if done.returncode:
            texts = [
                path.read_text()
                for path in (self.folder / f"{program}.out", self.folder / "log")
                if path.exists()
            ]
            raise CannotStartError(f"{program} failed:\n" + "\n".join(text[-2000:] for text in texts))


def start_server(settings: str = "", parent: Path | None = None) -> PostgresServer:
    """Make and start a server with a database ``test`` in a new folder.

    Raises:
        CannotStartError: PostgreSQL is not installed, or does not start.
    """
    # The name of a socket may have about 100 characters: pytest's own folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="s1card-pg-", dir=parent))
    try:
        user = "postgres" if os.geteuid() == 0 else None
        if user:
            account = _account(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        server = PostgresServer(folder, _programs(), user)
        server.prepare()
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(settings)
        server.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    with psycopg.connect(server.url.replace("/test?", "/postgres?"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE test")
    return server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server, for all tests of this process."""
    try:
        server = start_server()
    except CannotStartError as error:
        pytest.fail(f"the tests need PostgreSQL with PostGIS, which tools/setup installs: {error}")
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE EXTENSION postgis")
    yield server
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """The address of a store that does not exist yet."""
    return f"{postgres.url}&schema=store_{next(_schemas)}"


def _programs() -> Path:
    """The newest installed server; Debian keeps its programs out of the PATH."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    found = str(versions[-1]) if versions else shutil.which("initdb")
    if not found:
        raise CannotStartError("there is no initdb: tools/setup-postgis installs it")
    return Path(found).parent


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise CannotStartError(f"PostgreSQL does not run as root, and there is no user {user}") from None


def _as_user(user: str | None) -> Sequence[str]:
    return ["runuser", "-u", user, "--"] if user else []
