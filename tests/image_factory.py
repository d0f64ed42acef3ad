"""Real images of s1card, by a real builder on a base made here, in a store of their own that is removed afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BASE = "docker.io/library/debian:bookworm-slim"
NATIVE = "localhost/s1card:test"
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
"""Podman asks for more than a root without all capabilities may give."""

_SLIM = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", "/usr/share/info/*")
"""What Debian's slim images leave out."""
_MERGED = ("--include=usr-is-merged", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
"""As in them, so that nothing has to be merged, for which Debian wants all of Perl."""


@dataclass(frozen=True)
class Podman:
    """Podman with a store of its own.

    Attributes:
        folder: Where the store and its settings are; short, since sockets bear no long names.
    """

    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What Podman, and who calls it, needs in the environment."""
        return {
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def run(
        self, *words: object, timeout: float = 600, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Call Podman; a failure says what it said."""
        done = subprocess.run(
            ["podman", *map(str, words)],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(
                f"podman {words[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            )
        return done

    def build(
        self, image: str, context: Path, file: Path, *options: object, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Build an image; nothing is pulled."""
        return self.run(
            *("build", "--isolation", "chroot", "--pull-never", "--layers", "--format", "docker", "--tag", image),
            *("--file", file, *trust(self.folder), *options, context),
            timeout=1200,
            check=check,
        )  # fmt: skip

    def remove(self) -> None:
        """Remove containers, images and the store."""
        self.run("rm", "--all", "--force", check=False)
        self.run("rmi", "--all", "--force", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def trust(folder: Path) -> list[str]:
    """Options with which pip inside a build trusts the certificates that this machine trusts, if it says which."""
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if not certificates:
        return []
    settings = folder / "pip.conf"
    settings.write_text("[global]\ncert = /host-certificates.pem\n")
    return [
        *("--volume", f"{Path(certificates).resolve()}:/host-certificates.pem:ro"),
        *("--volume", f"{settings}:/etc/pip.conf:ro"),
    ]


def make_base(podman: Podman) -> None:
    """Debian's slim image, from its packages: no registry of images is asked."""
    archive = podman.folder / "base.tar"
    excluded = [word for path in _SLIM for word in ("--dpkgopt", f"path-exclude={path}")]
    subprocess.run(
        ["mmdebstrap", "--variant=apt", *_MERGED, *excluded, "bookworm", str(archive)],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    podman.run("import", archive, BASE)
    archive.unlink()


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Podman with Debian's base in its store; kept between runs in the folder IMAGES, where that is set."""
    kept = os.environ.get("IMAGES")
    folder = Path(kept or tempfile.mkdtemp(prefix="pod"))
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/storage"\n'
    )
    (folder / "containers.conf").write_text(
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
    )
    made = Podman(folder)
    try:
        if made.run("image", "exists", BASE, check=False).returncode:
            make_base(made)
        yield made
    finally:
        if not kept:
            made.remove()


@pytest.fixture(scope="module")
def native_image(podman: Podman) -> str:
    """The image of docker/Dockerfile."""
    podman.build(NATIVE, PROJECT, PROJECT / "docker" / "Dockerfile")
    return NATIVE
