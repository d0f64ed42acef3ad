"""Where numba keeps compiled kernels when the usual places cannot be written to.

numba compiles a kernel at its first use and keeps it beside the package, or in the user's cache folder. In a read-only
image, or for a user without a home, there is neither, and numba gives up. Kernels then go to a folder among temporary
files that belongs to this user; kernels that were compiled beforehand (``S1CARD_KERNELS``, as images have them) are
copied into it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

__all__ = ["provide_kernel_cache"]

PACKAGE = Path(__file__).parent


def provide_kernel_cache(environment: MutableMapping[str, str] = os.environ) -> None:
    """See that numba finds a folder for compiled kernels; before numba is loaded.

    Nothing happens where the user says ``NUMBA_CACHE_DIR``, or where numba's own choice is good.

    Args:
        environment: Gets ``NUMBA_CACHE_DIR`` where that is needed.
    """
    if environment.get("NUMBA_CACHE_DIR"):
        return
    compiled = environment.get("S1CARD_KERNELS")
    if compiled is None and (_writable(PACKAGE / "__pycache__") or _writable(_user_cache(environment))):
        return
    brought = Path(compiled) if compiled else None
    folder = brought if brought and _writable(brought) else _private(brought)
    environment["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:  # which has read the environment already
        sys.modules["numba"].config.CACHE_DIR = str(folder)


def _user_cache(environment: MutableMapping[str, str]) -> Path:
    home = environment.get("HOME") or "~"
    return Path(environment.get("XDG_CACHE_HOME") or Path(home).expanduser() / ".cache")


def _writable(folder: Path) -> bool:
    """Whether files can be made there, or the folder itself."""
    while not folder.exists():
        if folder == folder.parent:
            return False
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _private(compiled: Path | None) -> Path:
    """This user's folder among temporary files, with the kernels compiled beforehand."""
    folder = Path(tempfile.gettempdir()) / f"s1card-kernels-{os.getuid()}"
    if _own(folder):
        return folder
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-"))
    if compiled:
        _copy(compiled, made)
    with suppress(OSError):  # another process was faster: both folders serve
        made.rename(folder)
        return folder
    return made


def _copy(kernels: Path, to: Path) -> None:
    """Copy kernels without the modes of files and folders, which may be read-only."""
    for path in kernels.rglob("*.nb?"):
        copy = to / path.relative_to(kernels)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)


def _own(folder: Path) -> bool:
    """Whether this is a folder that nobody else can have put kernels into."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & others
