"""The environment of pyroSAR, apart from that of the tests: made once and kept in pytest's cache.

python pyrosar_environment.py FOLDER      make it where it is missing; tests/conftest.py begins so in the background
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("pyroSAR==0.39.1", "gdal-wheel", "pysqlite3-binary")
CACHE = "pyrosar"  # the folder of pytest's cache
HERE = Path(__file__).parent


class CannotBeMadeError(RuntimeError):
    """There is no fitting Python, or pyroSAR cannot be installed."""


def make_environment(cache: Path) -> Path:
    """Make the environment in a folder, unless it is there; whoever comes second waits for the first.

    Returns:
        Its interpreter.

    Raises:
        CannotBeMadeError: Not here.
    """
    folder = cache / "venv"
    ready = folder / "ready"
    with (cache / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (ready.is_file() and ready.read_text() == repr(PACKAGES)):
            _install(folder)
            ready.write_text(repr(PACKAGES))
        _add_helpers(folder)
    return folder / "bin/python"


def _install(folder: Path) -> None:
    base = _interpreter()
    if base is None:
        raise CannotBeMadeError("needs Python 3.12 or 3.13, for which GDAL's bindings come as a wheel")
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin/python", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-compile", *PACKAGES]  # compiled is what gets imported
    made = subprocess.run(install, capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(folder)
        raise CannotBeMadeError(f"pyroSAR cannot be installed here: {made.stderr[-300:]}")


def _add_helpers(folder: Path) -> None:
    """What pyroSAR needs beside its packages: another SQLite, and ENVI files read by GDAL."""
    (packages,) = folder.glob("lib/python3.*/site-packages")
    (packages / "pysqlite2.py").write_text("from pysqlite3 import dbapi2\n")
    shutil.copy(HERE / "pyrosar_envi.py", packages)
    (packages / "pyrosar_envi.pth").write_text("import pyrosar_envi\n")


def _interpreter() -> str | None:
    """A Python 3.12 or newer, for which there is a wheel of GDAL's bindings."""
    for version in ("3.12", "3.13"):
        for found in (f"python{version}", *_of_pyenv(version)):
            path = shutil.which(found)
            if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                return path
    return None


def _of_pyenv(version: str) -> list[str]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return sorted(str(path) for path in root.glob(f"versions/{version}.*/bin/python"))


if __name__ == "__main__":
    try:
        make_environment(Path(sys.argv[1]))
    except CannotBeMadeError as error:
        sys.exit(str(error))
