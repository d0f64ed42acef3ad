"""Access to the files of a SAFE product, be it a folder or a zip."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from s1card.errors import SceneError

MANIFEST = "manifest.safe"

READ_ERRORS = (OSError, EOFError, RuntimeError, KeyError, zipfile.BadZipFile, zlib.error)
"""What reading a file of a folder or zip can raise: no rights, gone, encrypted, damaged."""


class Safe(Protocol):
    """A SAFE product; files are named relative to it, with forward slashes."""

    @property
    def name(self) -> str:
        """Product name without ``.SAFE`` or ``.zip``."""

    @property
    def sizes(self) -> dict[str, int]:
        """Every file with its size in bytes."""

    def open(self, name: str) -> IO[bytes]:
        """A file for reading."""

    def gdal_path(self, name: str) -> str:
        """A path to a file (that need not exist) for GDAL."""


@dataclass(frozen=True)
class SafeFolder:
    """A product that lies unpacked in a folder."""

    folder: Path
    sizes: dict[str, int] = field(repr=False)

    @property
    def name(self) -> str:
        """Product name."""
        return _product_name(self.folder.name)

    def open(self, name: str) -> IO[bytes]:
        """A file for reading."""
        return (self.folder / name).open("rb")

    def gdal_path(self, name: str) -> str:
        """The plain path."""
        return f"{self.folder}/{name}"


@dataclass(frozen=True)
class SafeZip:
    """A product inside a zip, read in place; ``root`` is its folder there, "" or with a slash at the end."""

    archive: Path
    root: str
    sizes: dict[str, int] = field(repr=False)

    @property
    def name(self) -> str:
        """Product name: that of the folder inside, else of the zip."""
        return _product_name(PurePosixPath(self.root).name if self.root else self.archive.name)

    def open(self, name: str) -> IO[bytes]:
        """A file for reading."""
        with zipfile.ZipFile(self.archive) as archive:
            return archive.open(self.root + name)

    def gdal_path(self, name: str) -> str:
        """The path through GDAL's ``/vsizip/``, in braces where the name of the zip is not plainly one."""
        plain = self.archive.suffix.lower() == ".zip" and ".zip/" not in str(self.archive).lower()
        archive = str(self.archive) if plain else f"{{{self.archive}}}"
        return f"/vsizip/{archive}/{self.root}{name}"


def split_zip_path(raster: str) -> tuple[str, str] | None:
    """Zip and name in it of a path that `SafeZip.gdal_path` made; None for any other path."""
    match = re.fullmatch(r"/vsizip/(?:\{(.+)\}|(.+?\.zip))/(.+)", raster, re.IGNORECASE | re.DOTALL)
    return None if match is None else (match[1] or match[2], match[3])


def open_safe(path: str | Path) -> Safe:
    """The product at a path.

    Args:
        path: The ``.SAFE`` folder, its ``manifest.safe``, or a zip that holds one product at any depth.

    Raises:
        SceneError: There is nothing, or it is not one SAFE product.
    """
    location = Path(path).absolute()
    if location.name.lower() == MANIFEST and location.is_file():
        location = location.parent
    if location.is_dir():
        return _open_folder(location.resolve() if not location.name else location)
    if not location.exists():
        raise SceneError("no such file or folder", subject=str(path), advice="Check the path")
    if zipfile.is_zipfile(location):
        return _open_zip(location)
    raise SceneError(
        "not a SAFE folder, manifest.safe or readable zip",
        subject=str(path),
        advice="If it should be a zip, it is truncated: download it again",
    )


def read_file(safe: Safe, name: str) -> bytes:
    """The content of a small file.

    Raises:
        SceneError: It cannot be read (a damaged or encrypted zip, a permission).
    """
    try:
        with safe.open(name) as stream:
            return stream.read()
    except READ_ERRORS as error:
        raise SceneError(
            f"cannot be read: {error}", subject=f"{safe.name}/{name}", advice="Download the product again"
        ) from error


def _open_folder(folder: Path) -> SafeFolder:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
        files = [entry for entry in folder.rglob("*") if entry.is_file()] if _has_manifest(names) else []
        sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
    except OSError as error:
        raise SceneError(
            f"cannot be read: {error}", subject=str(folder), advice="Check the rights"
        ) from error
    if not _has_manifest(names):
        inside = ", ".join(name for name in names if name.upper().endswith(".SAFE"))
        advice = f"Give one of the products in it: {inside}" if inside else "Give the .SAFE folder"
        raise SceneError("no manifest.safe in this folder", subject=str(folder), advice=advice)
    return SafeFolder(folder, sizes)


def _has_manifest(names: list[str]) -> bool:
    return any(name.lower() == MANIFEST for name in names)


def _open_zip(path: Path) -> SafeZip:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}
    except (OSError, zipfile.BadZipFile) as error:
        raise SceneError(f"unreadable zip: {error}", subject=str(path), advice="Download it again") from error
    roots = [name[: -len(MANIFEST)] for name in entries if PurePosixPath(name).name.lower() == MANIFEST]
    if len(roots) != 1:
        found = f"{len(roots)} products" if roots else "no manifest.safe"
        raise SceneError(
            f"the zip holds {found}", subject=str(path), advice="Give the zip of one SAFE product"
        )
    sizes = {name[len(roots[0]) :]: size for name, size in entries.items() if name.startswith(roots[0])}
    return SafeZip(path, roots[0], sizes)


def _product_name(name: str) -> str:
    for suffix in (".zip", ".SAFE"):
        if name.upper().endswith(suffix.upper()):
            name = name[: -len(suffix)]
    return name
