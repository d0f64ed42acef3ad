"""The images of docker/: built from their files, and run as users run them."""

# ruff: noqa: F811 - fixtures are arguments of their own name

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import standin_gpt
from end_to_end import run_s1card
from image_factory import LIMITS, PROJECT, Podman, native_image, podman  # noqa: F401 - fixtures

from s1card.simulate import GrdConfig, SimulatedScene, simulate_grd

MEGABYTE = 1_000_000
SNAP = "localhost/s1card-snap:test"
ANY_USER = "12345:12345"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedScene:
    config = GrdConfig(lines=200, pixels=300, terrain="hills", targets=0)
    folder = tmp_path_factory.mktemp("scene")
    folder.chmod(0o755)  # containers have users of their own
    return simulate_grd(config, folder)


class TestNative:
    def test_is_small(self, podman: Podman, native_image: str) -> None:
        size = int(podman.run("image", "inspect", "--format", "{{.Size}}", native_image).stdout)
        print(f"image of {size / MEGABYTE:.0f} MB")
        assert size < 700 * MEGABYTE

    def test_demo_of_any_user_without_network_in_3_gib(
        self, podman: Podman, native_image: str, tmp_path: Path
    ) -> None:
        out = tmp_path / "data"
        out.mkdir()
        out.chmod(0o777)
        begun = time.monotonic()
        done = podman.run(
            *("run", "--rm", *LIMITS, "--network", "none", "--memory", "3g", "--user", ANY_USER),
            *("--read-only", "--volume", f"{out}:/data", native_image, "demo"),
        )
        print(f"demo in {time.monotonic() - begun:.0f} s")
        assert "compil" not in done.stderr.lower()
        report = json.loads((out / "demo" / "accuracy.json").read_text())
        assert report
        (card,) = (out / "demo").glob("**/*_CARD_BS")
        assert {path.suffix for path in card.iterdir()} == {".tif", ".json", ".xml", ".png"}
        assert card.stat().st_uid == int(ANY_USER.split(":", maxsplit=1)[0])

    def test_runs_as_nobody_special(self, podman: Podman, native_image: str) -> None:
        (image,) = json.loads(podman.run("image", "inspect", native_image).stdout)
        assert image["User"] not in ("", "0", "root")
        health = image["Healthcheck"]["Test"][1:]
        podman.run("run", "--rm", *LIMITS, "--entrypoint", health[0], native_image, *health[1:])

    def test_kernels_are_in_the_image(self, podman: Podman, native_image: str, scene: SimulatedScene) -> None:
        """No kernel of the chain has to be compiled: the copy of the image's kernels holds as many files afterwards."""
        count = "find /opt/s1card/kernels -type f | wc -l; find /tmp/s1card-kernels-1000 -type f | wc -l"
        call = "s1card bs scene/*.SAFE --dem scene/dem.tif --dem-datum ellipsoid --out /tmp >&2"
        done = podman.run(
            *("run", "--rm", *LIMITS, "--volume", f"{scene.safe.parent}:/data/scene:ro"),
            *("--entrypoint", "sh", native_image, "-c", f"{call} && {count}"),
        )
        brought, copied = map(int, done.stdout.split())
        assert brought == copied > 100

    def test_a_card_is_that_of_this_machine(
        self, podman: Podman, native_image: str, scene: SimulatedScene, tmp_path: Path
    ) -> None:
        """To the rounding of other instructions: the image's kernels are compiled for a family of processors."""
        inside, here = tmp_path / "inside", tmp_path / "here"
        inside.mkdir(mode=0o777)
        options = ("--dem", scene.dem, "--dem-datum", "ellipsoid", "--out")
        root = scene.safe.parent
        podman.run(
            *("run", "--rm", *LIMITS, "--volume", f"{root}:{root}:ro", "--volume", f"{inside}:{inside}"),
            *("--user", "0", native_image, "bs", scene.safe, *options, inside),
        )
        run_s1card("bs", scene.safe, *options, here)
        (name,) = (path.name for path in here.iterdir())
        for path in sorted((here / name).glob("*.tif")):
            with rasterio.open(path) as one, rasterio.open(inside / name / path.name) as other:
                assert (one.transform, one.shape) == (other.transform, other.shape)
                np.testing.assert_allclose(other.read(1), one.read(1), rtol=2e-5)

    def test_errors_keep_their_exit_code(
        self, podman: Podman, native_image: str, scene: SimulatedScene
    ) -> None:
        call = "mkdir /tmp/no.SAFE; exec s1card bs /tmp/no.SAFE --dem scene/dem.tif --out /tmp/cards"
        done = podman.run(
            *("run", "--rm", *LIMITS, "--volume", f"{scene.safe.parent}:/data/scene:ro"),
            *("--entrypoint", "sh", native_image, "-c", call),
            check=False,
        )
        assert done.returncode == 3
        assert "no.SAFE" in done.stderr


INSTALLER = """#!/bin/sh
# In SNAP's installer's place: -q -dir FOLDER
set -eu
[ "$1" = -q ] && [ "$2" = -dir ]
mkdir -p "$3/bin"
cat > "$3/bin/standin_gpt.py" <<'END'
{gpt}
END
printf '#!/bin/sh\\nexec /opt/s1card/bin/python %s/bin/standin_gpt.py "$@"\\n' "$3" > "$3/bin/gpt"
chmod 755 "$3/bin/gpt"
"""


@pytest.fixture(scope="module")
def snap_context(podman: Podman, native_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """docker/ with an installer of the stand-in for SNAP, and a base on which that can compute."""
    folder = tmp_path_factory.mktemp("docker")
    (folder / "Dockerfile.base").write_text(f"FROM {native_image}\nUSER root\nENTRYPOINT []\n")
    podman.build("localhost/snap-base:test", folder, folder / "Dockerfile.base")
    text = Path(standin_gpt.__file__).read_text()
    (folder / "installer.sh").write_text(INSTALLER.format(gpt=text))
    return folder


def build_snap(podman: Podman, context: Path, checksum: str, *, check: bool = True) -> str:
    done = podman.build(
        *(SNAP, context, PROJECT / "docker" / "Dockerfile.snap"),
        *("--build-arg", "BASE=localhost/snap-base:test", "--build-arg", "INSTALLER=installer.sh"),
        *("--build-arg", f"INSTALLER_SHA256={checksum}"),
        check=check,
    )
    return done.stdout + done.stderr


class TestSnap:
    @pytest.mark.parametrize(
        ("checksum", "said"), [("0" * 64, "FAILED"), ("", "state --build-arg INSTALLER_SHA256")]
    )
    def test_an_installer_that_nobody_vouches_for_is_not_run(
        self, podman: Podman, snap_context: Path, checksum: str, said: str
    ) -> None:
        output = build_snap(podman, snap_context, checksum, check=False)
        assert said in output
        assert podman.run("image", "exists", SNAP, check=False).returncode == 1

    def test_engine_container_makes_the_card_of_the_native_engine(
        self,
        podman: Podman,
        snap_context: Path,
        scene: SimulatedScene,
        tmp_path: Path,
    ) -> None:
        installer = (snap_context / "installer.sh").read_bytes()
        build_snap(podman, snap_context, hashlib.sha256(installer).hexdigest())
        order = ("bs", scene.safe, "--dem", scene.dem, "--dem-datum", "ellipsoid")
        environment = {
            **podman.environment,
            "S1CARD_CONTAINER_RUNTIME": "podman",
            "S1CARD_CONTAINER_IMAGE": SNAP,
            "S1CARD_CONTAINER_OPTIONS": " ".join(LIMITS),
            "S1CARD_SCRATCH": str(tmp_path / "scratch"),
        }
        by_snap = run_s1card(*order, "--engine", "container", "--out", tmp_path / "snap", **environment)
        assert by_snap.returncode == 0, by_snap.stderr
        native = run_s1card(*order, "--out", tmp_path / "native")
        assert native.returncode == 0, native.stderr
        (name,) = (path.name for path in (tmp_path / "native").iterdir())
        for path in sorted((tmp_path / "native" / name).glob("*.tif")):
            with rasterio.open(path) as one, rasterio.open(tmp_path / "snap" / name / path.name) as other:
                assert one.transform == other.transform
                np.testing.assert_allclose(other.read(1), one.read(1), rtol=1e-3)
        item = json.loads((tmp_path / "snap" / name / f"{name}.json").read_text())
        assert "14.0.0" in json.dumps(item["properties"]["processing:software"])
        assert list((tmp_path / "scratch").iterdir()) == []
        failed = run_s1card(
            *order, "--engine", "container", "--out", tmp_path / "failed",
            **environment | {"S1CARD_CONTAINER_OPTIONS": " ".join((*LIMITS, "--env", "STANDIN_GPT=memory"))},
        )  # fmt: skip
        assert failed.returncode == 5
        assert "memory" in failed.stderr
        assert not (tmp_path / "failed").exists() or list((tmp_path / "failed").iterdir()) == []


def test_charliecloud_runs_the_image_unpacked_and_read_only(
    podman: Podman, native_image: str, scene: SimulatedScene, tmp_path: Path
) -> None:
    """As a cluster does that has no root: a folder in which nothing can be written, by the user's own id."""
    container = podman.run("create", native_image).stdout.strip()
    archive = tmp_path / "image.tar"
    podman.run("export", "--output", archive, container)
    root = tmp_path / "image"
    root.mkdir()
    shutil.unpack_archive(archive, root, filter="tar")
    archive.unlink()
    (root / "scene").mkdir()
    (root / "cards").mkdir()
    out = tmp_path / "cards"
    out.mkdir()
    (image,) = json.loads(podman.run("image", "inspect", native_image).stdout)
    order = "s1card bs /scene/*.SAFE --dem /scene/dem.tif --dem-datum ellipsoid --out /cards"
    done = subprocess.run(
        [
            *("ch-run", "--private-tmp", "--unset-env=*"),
            *(f"--set-env={pair}" for pair in image["Config"]["Env"]),
            *(f"--bind={scene.safe.parent}:/scene", f"--bind={out}:/cards", str(root)),
            *("--", "sh", "-c", f"touch /opt/s1card/kernels/x; {order}"),
        ],
        env=os.environ | {"USER": "me"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Read-only file system" in done.stderr
    (card,) = out.iterdir()
    assert (card / f"{card.name}.json").exists()
