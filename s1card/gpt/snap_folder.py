"""A folder that programs take for an installation of SNAP, with this ``gpt`` in it.

pyroSAR looks for a program ``snap`` on PATH, a folder ``etc`` beside the one it lies in, ``gpt`` beside it, and asks
``snap`` for the versions of its modules. SNAP's files of properties are there without any setting.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import s1card
from s1card.errors import UsageError
from s1card.gpt.usage import SNAP_VERSION

MODULES = (
    "org.esa.snap.snap.core",
    "org.esa.snap.snap.engine.kit",
    "eu.esa.microwavetbx.microwavetbx.kit",
)

_ETC = {
    "snap.auxdata.properties": "# Where auxiliary data are; by default ~/.snap/auxdata.\n#AuxDataPath =\n",
    "snap.properties": "# No settings: the gpt of s1card takes its options from the command line.\n#snap.userdir =\n",
    "snap.conf": "# No settings: there is no Java machine.\n",
    "snap.clusters": "",
}


def module_version() -> str:
    """Version of the modules: that of the SNAP that is followed, then that of s1card.

    So nobody takes what was cached of a real SNAP for what this one says, or the other way round.
    """
    return f"{SNAP_VERSION}.{s1card.__version__}"


def module_table() -> str:
    """What ``snap --nogui --modules --list`` prints."""
    rule = "-" * 70
    rows = [f"{name:<45}{module_version():<20}Enabled" for name in MODULES]
    return "\n".join((rule, *rows, rule)) + "\n"


def make_snap_folder(folder: Path) -> tuple[Path, ...]:
    """Make the folder; files of an earlier call are replaced, others are left alone.

    Returns:
        The programs ``gpt`` and ``snap``.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        for name, text in _ETC.items():
            _write(folder / "etc" / name, text, 0o644)
        programs = {"gpt": "s1card.cli_gpt", "snap": "s1card.gpt.snap_program"}
        for name, module in programs.items():
            _write(folder / "bin" / name, _script(module), 0o755)
    except OSError as error:
        raise UsageError(f"the folder cannot be written: {error.strerror}", subject=str(folder)) from error
    return tuple(folder / "bin" / name for name in programs)


def _script(module: str) -> str:
    """A program that runs a module in the Python that s1card is installed in, with the settings of that Python alone.

    The caller may be another Python whose packages brought a PROJ of their own, and told it to all they start.
    """
    return (
        "#!/bin/sh\n"
        f"unset PYTHONHOME PYTHONPATH PROJ_DATA PROJ_LIB GDAL_DATA GDAL_DRIVER_PATH\n"
        f'exec {shlex.quote(sys.executable)} -m {module} "$@"\n'
    )


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8")
    part.chmod(mode)
    part.replace(path)
