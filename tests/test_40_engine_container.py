"""The engine container: its command for each runtime, and runs with stand-ins for runtime and SNAP."""

# ruff: noqa: F811 - fixtures are arguments of their own name

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import standin_gpt
import standin_runtime
from engine_cases import Small, chain, small  # noqa: F401 - a fixture

from s1card.engine.native.context import Surroundings
from s1card.engine.native.engine import NativeEngine
from s1card.engine.snap import process
from s1card.engine.snap.container import Container, Runtime, find_runtime, mounts
from s1card.engine.snap.engine import SnapEngine, container_engine
from s1card.engine.snap.launcher import Job
from s1card.engine.snap.resources import Resources
from s1card.engine.snap.scratch import Scratch
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import EngineError, ResourceError, UsageError
from s1card.graph.model import Graph

GIB = 1 << 30
SCRATCH = Scratch(Path("/scratch/s1card-snap-0123"))
JOB = Job(SCRATCH, (Path("/data/a.SAFE"), Path("/data/b.zip")), Resources(4 * GIB, 3 * GIB, GIB, 2))
SHARED = [
    "--env",
    "HOME=/scratch/s1card-snap-0123/home",
    "--env",
    "TMPDIR=/scratch/s1card-snap-0123/tmp",
]


def container(kind: str, program: str, *options: str, user: int = 1000) -> Container:
    return Container(Runtime(kind, Path(program)), "snap:14", "gpt", options, user, 100)


class TestCommand:
    def test_of_docker(self) -> None:
        assert container("docker", "/usr/bin/docker").command(["graph.xml", "-e"], JOB) == [
            *("/usr/bin/docker", "run", "--rm", "--name", "s1card-snap-0123", "--pull", "never"),
            *("--network", "none", "--memory", f"{4 * GIB}b", "--cpus", "2", "--user", "1000:100"),
            *("--volume", "/data/a.SAFE:/data/a.SAFE:ro", "--volume", "/data/b.zip:/data/b.zip:ro"),
            *("--volume", "/scratch/s1card-snap-0123:/scratch/s1card-snap-0123:rw"),
            *SHARED,
            *("--workdir", "/scratch/s1card-snap-0123", "--entrypoint", "gpt", "snap:14", "graph.xml", "-e"),
        ]

    def test_of_podman_keeps_the_users_id(self) -> None:
        command = container("podman", "/usr/bin/podman").command(["x"], JOB)
        place = command.index("--user")
        assert command[place : place + 4] == ["--user", "1000:100", "--userns", "keep-id"]
        assert "--userns" not in container("podman", "podman", user=0).command(["x"], JOB)

    def test_of_apptainer(self) -> None:
        assert container("apptainer", "/usr/bin/apptainer", "--nv").command(["graph.xml"], JOB) == [
            *(
                "/usr/bin/apptainer",
                "exec",
                "--contain",
                "--cleanenv",
                "--no-home",
                "--net",
                "--network",
                "none",
            ),
            *("--bind", "/data/a.SAFE:/data/a.SAFE:ro", "--bind", "/data/b.zip:/data/b.zip:ro"),
            *("--bind", "/scratch/s1card-snap-0123:/scratch/s1card-snap-0123:rw"),
            *SHARED[2:],
            *("--pwd", "/scratch/s1card-snap-0123", "--nv", "snap:14", "gpt", "graph.xml"),
        ]

    def test_of_charliecloud(self) -> None:
        assert container("charliecloud", "/usr/bin/ch-run").command(["graph.xml"], JOB) == [
            *("/usr/bin/ch-run", "--private-tmp", "--unset-env=*"),
            "--set-env=PATH=/opt/snap/bin:/usr/local/snap/bin:/usr/local/bin:/usr/bin:/bin",
            *("--bind=/data/a.SAFE:/data/a.SAFE", "--bind=/data/b.zip:/data/b.zip"),
            "--bind=/scratch/s1card-snap-0123:/scratch/s1card-snap-0123",
            *(
                "--set-env=HOME=/scratch/s1card-snap-0123/home",
                "--set-env=TMPDIR=/scratch/s1card-snap-0123/tmp",
            ),
            *("--cd=/scratch/s1card-snap-0123", "snap:14", "--", "gpt", "graph.xml"),
        ]

    def test_inputs_are_mounted_once_and_with_what_their_links_lead_to(self, tmp_path: Path) -> None:
        real, links = tmp_path / "archive", tmp_path / "links"
        (real / "x.SAFE").mkdir(parents=True)
        links.mkdir()
        (links / "x.SAFE").symlink_to(real / "x.SAFE")
        inside = SCRATCH.path / "dem.tif"
        job = Job(
            SCRATCH,
            (links / "x.SAFE", real / "x.SAFE", real / "x.SAFE" / "measurement", inside),
            JOB.resources,
        )
        assert mounts(job) == (real / "x.SAFE", links / "x.SAFE")


@pytest.fixture
def runtimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with all runtimes, which can be taken away."""
    folder = standin_runtime.install(tmp_path / "bin", "docker", "podman", "apptainer", "ch-run")
    monkeypatch.setenv("PATH", f"{folder}")
    monkeypatch.setenv("STANDIN_RUNTIME_NOTES", str(tmp_path / "runtime-notes"))
    monkeypatch.setenv("STANDIN_RUNTIME_GPT", str(standin_gpt.install(tmp_path / "snap")))
    return folder


class TestChoice:
    def test_the_first_that_is_there(self, runtimes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert find_runtime(SnapSettings()) == Runtime("podman", runtimes / "podman")
        (runtimes / "podman").unlink()
        assert find_runtime(SnapSettings()).kind == "docker"
        monkeypatch.setenv("STANDIN_RUNTIME", "no service")
        assert find_runtime(SnapSettings()).kind == "apptainer"
        (runtimes / "apptainer").unlink()
        assert find_runtime(SnapSettings()) == Runtime("charliecloud", runtimes / "ch-run")
        (runtimes / "ch-run").unlink()
        with pytest.raises(UsageError, match=r"no container runtime that works.*Install Docker, Podman"):
            find_runtime(SnapSettings())

    def test_the_one_that_is_named(self, runtimes: Path) -> None:
        assert find_runtime(SnapSettings(runtime="docker")).program == runtimes / "docker"
        path = runtimes / "ch-run"
        assert find_runtime(SnapSettings(runtime=str(path))) == Runtime("charliecloud", path)
        with pytest.raises(UsageError, match="no such container runtime"):
            find_runtime(SnapSettings(runtime="rkt"))
        (runtimes / "apptainer").unlink()
        with pytest.raises(UsageError, match="is not there"):
            find_runtime(SnapSettings(runtime="apptainer"))


def engine_of(tmp_path: Path, runtime: str, **settings: object) -> SnapEngine:
    usual = {"image": standin_runtime.IMAGE, "container_gpt": standin_runtime.PROGRAM, "memory": 2 * GIB}
    scratch = tmp_path / "scratch"
    chosen = SnapSettings(runtime=runtime, scratch=scratch, threads=1, **{**usual, **settings})  # type: ignore[arg-type]
    return container_engine(Surroundings(dem_datum="ellipsoid", threads=1), chosen)


def graph_of(small: Small, target: Path) -> Graph:
    return chain(
        small.read,
        ("Apply-Orbit-File", {}),
        ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False}),
        small.terrain_correction(pixelSpacingInMeter=40),
        ("Write", {"file": target, "formatName": "COG"}),
    )


@pytest.fixture(scope="module")
def expected(small: Small, tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Path]:
    """What the native engine makes of the graph, and what the stand-in for gpt wrote for it."""
    folder = tmp_path_factory.mktemp("expected")
    surroundings = Surroundings(dem_datum="ellipsoid", threads=1)
    (written,) = NativeEngine(surroundings).run(graph_of(small, folder / "card.tif"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STANDIN_GPT_KEEP", str(folder / "kept"))
        patch.setenv("STANDIN_RUNTIME_NOTES", str(folder / "notes"))
        patch.setenv("STANDIN_RUNTIME_GPT", str(standin_gpt.install(folder / "snap")))
        program = standin_runtime.install(folder / "bin", "podman") / "podman"
        engine_of(folder, str(program)).run(graph_of(small, folder / "other.tif"))
    with rasterio.open(written.paths[1]) as source:
        return source.read(1), folder / "kept"


@pytest.mark.parametrize("runtime", ["docker", "podman", "apptainer", "charliecloud"])
def test_the_raster_of_the_native_engine(
    runtime: str,
    small: Small,
    runtimes: Path,
    expected: tuple[np.ndarray, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(expected[1]))
    engine = engine_of(tmp_path, runtime)
    assert engine.name == "container"
    assert engine.software["snap"] == "14.0.0"
    (written,) = engine.run(graph_of(small, tmp_path / "card.tif"))
    with rasterio.open(written.paths[1]) as source:
        np.testing.assert_array_equal(source.read(1), expected[0])
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_scene_behind_a_link(
    small: Small,
    runtimes: Path,
    expected: tuple[np.ndarray, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_GPT_REPLAY", str(expected[1]))
    link = tmp_path / small.files.safe.name
    link.symlink_to(small.files.safe)
    graph = graph_of(small, tmp_path / "card.tif")
    nodes = chain(("Read", {"file": link})).nodes + graph.nodes[1:]
    engine_of(tmp_path, "podman").run(Graph(nodes))
    notes = (tmp_path / "runtime-notes").read_text()
    assert f"{link}:{link}:ro" in notes and f"{small.files.safe}:{small.files.safe}:ro" in notes


def test_an_image_that_is_not_there(small: Small, runtimes: Path, tmp_path: Path) -> None:
    engine = engine_of(tmp_path, "docker", image="missing")
    with pytest.raises(UsageError, match=r"no such container image .*missing.*--container-image"):
        engine.run(graph_of(small, tmp_path / "card.tif"))


def test_a_kill_inside(small: Small, runtimes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime ends with 137 when the kernel kills for want of memory; a shell in between does, too."""
    monkeypatch.setenv("STANDIN_GPT", "killed")
    with pytest.raises(ResourceError, match="signal 9"):
        engine_of(tmp_path, "docker").run(graph_of(small, tmp_path / "card.tif"))


def test_a_container_that_hangs_is_removed(
    small: Small, runtimes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "TICK", 0.1)
    monkeypatch.setenv("STANDIN_GPT", "hang")
    with pytest.raises(EngineError, match="no sign of life"):
        engine_of(tmp_path, "docker", stalled_after=2.0).run(graph_of(small, tmp_path / "card.tif"))
    calls = [json.loads(line) for line in (tmp_path / "runtime-notes").read_text().splitlines()]
    started = [call for call in calls if "--name" in call][-1]  # the ones before asked for the version
    assert calls[-1] == ["docker", "rm", "--force", started[started.index("--name") + 1]]


MOUNT_POINTS = ("dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var")
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}


def host_folders() -> list[Path]:
    """Folders of this machine that a box needs to run Python and the stand-in for gpt, without those in another."""
    wanted = sorted(
        {Path("/usr"), Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[1]}
    )
    return [path for path in wanted if not any(other in path.parents for other in wanted)]


def box(folder: Path) -> Path:
    """The root of an image that holds nothing but gpt; the rest is mounted."""
    root = folder / "box"
    for name in MOUNT_POINTS:
        (root / name).mkdir(parents=True)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for path in host_folders():
        (root / path.relative_to("/")).mkdir(parents=True, exist_ok=True)
    for name in ("etc/passwd", "etc/group"):
        (root / name).touch()
    script = f'#!/bin/sh\nexec "{sys.executable}" "{Path(standin_gpt.__file__).resolve()}" "$@"\n'
    (root / "gpt").write_text(script)
    (root / "gpt").chmod(0o755)
    return root


def run_really(engine: SnapEngine, small: Small, tmp_path: Path, expected: np.ndarray) -> None:
    (written,) = engine.run(graph_of(small, tmp_path / "card.tif"))
    with rasterio.open(written.paths[1]) as source:
        np.testing.assert_array_equal(source.read(1), expected)
    assert engine.software["snap"] == "14.0.0"
    assert list((tmp_path / "scratch").iterdir()) == []


def test_charliecloud_really(
    small: Small, expected: tuple[np.ndarray, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("USER", raising=False)
    root = box(tmp_path)
    assert works("env", "USER=me", "ch-run", "--bind=/usr:/usr", str(root), "--", "/bin/true"), (
        "needs Charliecloud (tools/setup-containers) and user namespaces"
    )
    for path in (small.files.safe, tmp_path / "scratch", expected[1]):
        (root / path.relative_to("/")).mkdir(parents=True, exist_ok=True)
    binds = [f"--bind={path}:{path}" for path in (*host_folders(), expected[1])]
    engine = engine_of(
        tmp_path,
        "charliecloud",
        image=str(root),
        container_gpt="/gpt",
        container_options=(*binds, f"--set-env=STANDIN_GPT_REPLAY={expected[1]}"),
    )
    run_really(engine, small, tmp_path, expected[0])


def test_podman_really(
    small: Small,
    expected: tuple[np.ndarray, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    storage, conf = tmp_path / "storage.conf", tmp_path / "containers.conf"
    place = tempfile.mkdtemp(prefix="pod")  # Podman's sockets bear no long names
    request.addfinalizer(lambda: shutil.rmtree(place, ignore_errors=True))
    storage.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{place}/run"\ngraphroot = "{place}/storage"\n')
    conf.write_text('[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    monkeypatch.setenv("CONTAINERS_CONF", str(conf))
    archive = shutil.make_archive(str(tmp_path / "box"), "tar", box(tmp_path))
    limits = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
    assert works("podman", "import", archive, "snap-box:test"), "needs Podman (tools/setup-containers)"
    assert works(
        "podman", "run", "--rm", *limits, "--volume", "/usr:/usr:ro", "snap-box:test", "/bin/true"
    ), "Podman with runc cannot run a container here"
    shown = (*host_folders(), expected[1])
    mounted = [word for path in shown for word in ("--volume", f"{path}:{path}:ro")]
    mounted += ["--env", f"STANDIN_GPT_REPLAY={expected[1]}"]
    engine = engine_of(
        tmp_path,
        "podman",
        image="snap-box:test",
        container_gpt="/gpt",
        container_options=(*limits, *mounted),
    )
    run_really(engine, small, tmp_path, expected[0])


def works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=100, check=False).returncode == 0
