"""The parts of the engine gpt, without SNAP: limits, places, words of SNAP's log, scratch folders, children, inputs."""

# ruff: noqa: F811 - fixtures are arguments of their own name

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import standin_gpt
from engine_cases import Small, chain, node, small  # noqa: F401 - a fixture

from s1card.engine.native.context import Surroundings
from s1card.engine.snap import process
from s1card.engine.snap.elevation import NO_HEIGHT, prepare_dem
from s1card.engine.snap.locate import find_gpt, parse_version
from s1card.engine.snap.log import ProgressReader, cause_of, explain_failure, explain_log, warnings_of
from s1card.engine.snap.orbits import choose, install_orbit
from s1card.engine.snap.plan import make_plan
from s1card.engine.snap.process import Child, StalledError, run_child
from s1card.engine.snap.resources import MEBIBYTE, Surface, plan_resources
from s1card.engine.snap.scratch import scratch_folder
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import (
    DataError,
    DemError,
    EngineError,
    GraphError,
    NetworkError,
    OrbitError,
    ResourceError,
    S1CardError,
    SceneError,
    UsageError,
)
from s1card.geometry.dem import Dem
from s1card.graph.model import Graph
from s1card.scene.reader import open_scene

GIB = 1 << 30
MEMINFO = "MemTotal:       65536000 kB\nMemAvailable:   16777216 kB\n"


def machine(root: Path, files: dict[str, str], **variables: str) -> Surface:
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Surface(root, variables)


class TestResources:
    def test_of_a_bare_machine(self, tmp_path: Path) -> None:
        resources = plan_resources(SnapSettings(), machine(tmp_path, {}))
        assert resources.memory == 12 * GIB
        assert resources.heap == pytest.approx(0.8 * 12 * GIB, abs=1)
        assert resources.cache == pytest.approx(0.45 * 0.8 * 12 * GIB, abs=2)
        assert resources.threads == len(os.sched_getaffinity(0))

    def test_of_a_control_group_within_a_smaller_one(self, tmp_path: Path) -> None:
        files = {
            "proc/self/cgroup": "0::/user/job\n",
            "sys/fs/cgroup/user/job/memory.max": "max\n",
            "sys/fs/cgroup/user/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/user/job/cpu.max": "100000 100000\n",
        }
        resources = plan_resources(SnapSettings(), machine(tmp_path, files))
        assert resources.memory == 3 * GIB
        assert resources.threads == 1

    def test_of_a_control_group_of_version_1(self, tmp_path: Path) -> None:
        files = {
            "proc/self/cgroup": "7:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{8 * GIB}\n",
            "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "150000\n",
            "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
        }
        resources = plan_resources(SnapSettings(), machine(tmp_path, files))
        assert (resources.memory, resources.threads) == (6 * GIB, 1)

    @pytest.mark.parametrize(
        "variables",
        [
            {"SLURM_MEM_PER_NODE": "8192"},
            {"SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_ON_NODE": "4"},
        ],
    )
    def test_of_a_slurm_job(self, tmp_path: Path, variables: dict[str, str]) -> None:
        surface = machine(tmp_path, {}, SLURM_CPUS_PER_TASK="1", **variables)
        resources = plan_resources(SnapSettings(), surface)
        assert (resources.memory, resources.threads) == (6 * GIB, 1)

    def test_as_ordered(self, tmp_path: Path) -> None:
        resources = plan_resources(SnapSettings(memory=5 * GIB, threads=1), machine(tmp_path, {}))
        assert (resources.memory, resources.threads) == (5 * GIB, 1)

    def test_too_little(self, tmp_path: Path) -> None:
        with pytest.raises(ResourceError, match="600 MiB of memory"):
            plan_resources(SnapSettings(memory=600 * MEBIBYTE), machine(tmp_path, {}))


class TestLocate:
    def test_each_way(self, tmp_path: Path) -> None:
        gpt = standin_gpt.install(tmp_path / "snap")
        home, empty = tmp_path / "snap", {"PATH": str(tmp_path)}
        for named in (gpt, gpt.parent, home):
            assert find_gpt(SnapSettings(gpt=named), empty) == gpt
        assert find_gpt(SnapSettings(), {"SNAP_HOME": str(home), "PATH": ""}) == gpt
        assert find_gpt(SnapSettings(), {"PATH": str(gpt.parent)}) == gpt

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"no SNAP on this machine.*SNAP_HOME.*--engine native"):
            find_gpt(SnapSettings(), {"PATH": str(tmp_path)})
        with pytest.raises(UsageError, match="no gpt that can be run"):
            find_gpt(SnapSettings(gpt=tmp_path / "elsewhere"), {})

    def test_versions(self) -> None:
        version = parse_version(standin_gpt.DIAG.format(version="13.0.4"))
        assert (version.snap, version.java, version.major) == ("13.0.4", "17.0.10", 13)
        assert not version.is_s1card

    def test_our_own_gpt_is_known_as_such(self) -> None:
        from s1card.gpt.usage import diagnosis

        assert parse_version(diagnosis(GIB)).is_s1card

    def test_another_program_called_gpt(self) -> None:
        with pytest.raises(UsageError, match=r"does not answer .* as SNAP does, but 'usage: gpt"):
            parse_version("usage: gpt [show] disk")

    def test_settings_of_the_environment(self) -> None:
        given = {"S1CARD_GPT": "/s/gpt", "S1CARD_SNAP_TIMEOUT": "60", "S1CARD_CONTAINER_OPTIONS": "--a 'b c'"}
        settings = SnapSettings.from_environment(given)
        assert settings.gpt == Path("/s/gpt")
        assert settings.stalled_after == 60.0
        assert settings.container_options == ("--a", "b c")
        with pytest.raises(UsageError, match="S1CARD_SNAP_TIMEOUT"):
            SnapSettings.from_environment({"S1CARD_SNAP_TIMEOUT": "soon"})


class TestProgress:
    def test_dots_in_any_pieces(self) -> None:
        text = "Executing processing graph\nINFO: 70% of the heap is free.\n....10%....20%....30%....100% done.\n"
        for size in (1, 3, 1000):
            seen: list[int] = []
            reader = ProgressReader(seen.append)
            for start in range(0, len(text), size):
                reader.feed(text[start : start + size])
            assert seen == sorted(set(seen))
            assert seen[-1] == 100
            if size == 1:
                assert seen[:6] == [2, 4, 6, 8, 10, 12]

    def test_other_lines_tell_nothing(self) -> None:
        reader = ProgressReader(lambda percent: pytest.fail("no progress"))
        reader.feed("INFO: 70% of ...\nversion 1.2.3\n")
        assert reader.percent == 0


LAST = "\nError: [NodeId: TC] {0}\n"


class TestLog:
    graph = Graph((node("TC", "Terrain-Correction", ""),))

    @pytest.mark.parametrize(
        ("text", "kind", "fragment"),
        [
            (
                'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space',
                ResourceError,
                "memory",
            ),
            ("java.lang.RuntimeException: Cannot construct DataBuffer.", ResourceError, "memory"),
            (
                "OpenJDK: There is insufficient memory for the Java Runtime Environment",
                ResourceError,
                "memory",
            ),
            ("Caused by: java.io.IOException: No space left on device", ResourceError, "disk is full"),
            ("Caused by: java.io.IOException: Disk quota exceeded", ResourceError, "disk is full"),
            ("Error: SPI not found for operator 'Terrain-Korrektion'", GraphError, "Terrain-Korrektion"),
            ("java.io.IOException: No valid orbit file found for 12-JUN-2021", OrbitError, "--orbit"),
            ("OperatorException: Entire image is outside of SRTM valid area.", DemError, "--dem"),
            ("java.net.UnknownHostException: step.esa.int", NetworkError, "network"),
            ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", NetworkError, "network"),
            ("No product reader found for file /data/x.zip", SceneError, "complete"),
            ("Error: Output format unknown", GraphError, "graph check"),
            ("ConversionException: Unknown element 'clipNegativeValues'", GraphError, "clipNegativeValues"),
        ],
    )
    def test_what_it_speaks_of(self, text: str, kind: type[S1CardError], fragment: str) -> None:
        error = explain_failure(1, text + LAST.format("failed"), self.graph, "S1A_X")
        assert type(error) is kind
        assert fragment in str(error)
        assert str(error).startswith("Terrain-Correction (node TC) of S1A_X: ")

    def test_an_exception_that_no_rule_knows(self) -> None:
        log = standin_gpt.TRACE.format(
            node="TC", message="null", cause="java.lang.IllegalStateException: so what"
        )
        error = explain_failure(1, log, self.graph, "S1A_X")
        assert type(error) is EngineError
        assert "IllegalStateException: so what" in error.message
        assert "exit code 1" in error.message
        assert error.exit_code == 70

    def test_no_word_at_all(self) -> None:
        error = explain_failure(3, "", self.graph, "S1A_X")
        assert str(error).startswith("S1A_X: SNAP failed with exit code 3 and said nothing")

    @pytest.mark.parametrize("code", [-9, 137])
    def test_a_kill(self, code: int) -> None:
        error = explain_failure(code, "....10%", self.graph, "S1A_X")
        assert isinstance(error, ResourceError)
        assert "signal 9" in error.message and "--memory" in error.advice

    def test_a_crash(self) -> None:
        error = explain_failure(-signal.SIGSEGV, "# A fatal error has been detected", self.graph, "")
        assert "signal 11" in error.message

    def test_warnings_once_each(self) -> None:
        log = "WARNING: a.b: odd\nINFO: fine\nWARNING: a.b: odd\n   WARNING: other\n"
        assert warnings_of(log) == ("a.b: odd", "other")
        assert explain_log(log, self.graph, "") is None

    def test_long_words_are_cut(self) -> None:
        assert len(cause_of("Error: " + "x" * 5000)) < 400


class TestScratch:
    def test_it_goes_after_success_and_interruption(self, tmp_path: Path) -> None:
        with scratch_folder(tmp_path) as scratch:
            (scratch.out / "big").write_text("x")
            assert scratch.size() >= 1
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(KeyboardInterrupt), scratch_folder(tmp_path) as scratch:
            scratch.log.write_text("half")
            raise KeyboardInterrupt
        assert list(tmp_path.iterdir()) == []

    def test_graph_and_log_remain_after_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError) as caught, scratch_folder(tmp_path) as scratch:
            scratch.graph.write_text("<graph/>")
            scratch.log.write_text("Error")
            (scratch.out / "big").write_text("x")
            raise EngineError("it failed", advice="Try again")
        (kept,) = tmp_path.iterdir()
        assert sorted(path.name for path in kept.iterdir()) == ["gpt.log", "graph.xml"]
        assert str(caught.value) == f"it failed. Try again. Graph and log are in {kept}"

    def test_nothing_remains_of_what_did_not_start(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"^bad$"), scratch_folder(tmp_path):
            raise DataError("bad")
        assert list(tmp_path.iterdir()) == []

    def test_all_of_it_on_request(self, tmp_path: Path) -> None:
        with scratch_folder(tmp_path, keep=True) as scratch:
            scratch.graph.write_text("<graph/>")
        with scratch_folder(tmp_path):
            pass
        assert scratch.graph.exists()

    def test_what_a_killed_process_left_is_removed_and_what_another_uses_is_not(self, tmp_path: Path) -> None:
        program = (
            "import sys, time\nfrom pathlib import Path\nfrom s1card.engine.snap.scratch import scratch_folder\n"
            "with scratch_folder(Path(sys.argv[1])) as s:\n    print(s.path, flush=True)\n    time.sleep(60)\n"
        )
        command = [sys.executable, "-c", program, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            theirs = Path(other.stdout.readline().strip())
            with scratch_folder(tmp_path):
                assert theirs.is_dir()
            other.kill()
            other.wait()
            assert theirs.is_dir()
        with scratch_folder(tmp_path):
            assert not theirs.exists()


def child(tmp_path: Path, program: str, **options: object) -> Child:
    environment = {"PATH": os.environ["PATH"]}
    command = (sys.executable, "-c", program)
    return Child(command, environment, tmp_path, tmp_path / "log", **options)  # type: ignore[arg-type]


SLEEPERS = """
import signal, subprocess, sys, time
{deaf}
sleeper = "import time\\n" + {deaf!r} + "\\ntime.sleep(600)"
other = subprocess.Popen([sys.executable, "-c", sleeper])
time.sleep(0.2)
print(other.pid, flush=True)
time.sleep(600)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(pid):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)


class TestChild:
    def test_both_outputs_go_to_the_log_and_one_to_the_listener(self, tmp_path: Path) -> None:
        heard: list[str] = []
        program = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
        assert run_child(child(tmp_path, program, on_output=heard.append)) == 7
        assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]
        assert "".join(heard) == "out\n"

    @pytest.mark.parametrize("deaf", ["", DEAF], ids=["polite", "deaf"])
    def test_a_child_that_hangs_ends_with_all_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: str
    ) -> None:
        monkeypatch.setattr(process, "GRACE", 0.5)
        monkeypatch.setattr(process, "TICK", 0.1)
        heard: list[str] = []
        stopped: list[bool] = []
        hanging = child(
            tmp_path,
            SLEEPERS.format(deaf=deaf),
            on_output=heard.append,
            stalled_after=1.0,
            on_stop=lambda: stopped.append(True),
        )
        with pytest.raises(StalledError):
            run_child(hanging)
        assert stopped == [True]
        wait_for_end(int("".join(heard)))

    def test_a_child_that_works_in_silence_is_left_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "TICK", 0.05)
        numbers = iter(range(1, 1000))
        busy = child(tmp_path, "import time; time.sleep(0.6)", stalled_after=0.1, alive=lambda: next(numbers))
        assert run_child(busy) == 0

    def test_what_a_child_leaves_running_is_ended(self, tmp_path: Path) -> None:
        heard: list[str] = []
        program = (
            "import subprocess, sys\n"
            "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
        )
        assert run_child(child(tmp_path, program, on_output=heard.append)) == 0
        wait_for_end(int("".join(heard)))

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="/nowhere/gpt: it cannot be started"):
            run_child(Child(("/nowhere/gpt",), {}, tmp_path, tmp_path / "log"))


class TestOrbits:
    def test_the_file_of_the_native_engine_in_the_folder_of_snap(self, small: Small, tmp_path: Path) -> None:
        scene = open_scene(small.files.safe)
        choice = choose(scene, "auto", ("POEORB", "RESORB"), go_on=False)
        assert choice.file == small.files.orbit
        assert choice.orbit_type == "Sentinel Precise (Auto Download)"
        install_orbit(choice, tmp_path)
        (found,) = tmp_path.rglob("*.zip")
        platform, day = scene.name[:3], scene.name[17:25]
        folder = tmp_path / "auxdata/Orbits/Sentinel-1/POEORB" / platform / day[:4] / day[4:6]
        assert found == folder / f"{small.files.orbit.stem}.EOF.zip"
        with zipfile.ZipFile(found) as archive:
            (name,) = archive.namelist()
            assert name == f"{small.files.orbit.stem}.EOF"
            assert archive.read(name) == small.files.orbit.read_bytes()

    def test_the_annotated_orbit(self, small: Small, tmp_path: Path) -> None:
        scene = open_scene(small.files.safe)
        assert choose(scene, "none", ("POEORB",), go_on=False).file is None
        assert choose(scene, str(tmp_path), ("POEORB",), go_on=True).file is None
        with pytest.raises(OrbitError):
            choose(scene, str(tmp_path), ("POEORB",), go_on=False)
        further = choose(scene, "auto", ("POEORB",), go_on=False, further=tmp_path)
        assert further.file == small.files.orbit


class TestElevation:
    def test_heights_stay_where_they_are(self, small: Small, tmp_path: Path) -> None:
        dem = Dem.open(small.files.dem, "ellipsoid", sea="nodata")
        west, south, east, north = dem.bounds
        area = west + 0.07, south + 0.07, east - 0.07, north - 0.07
        if area[0] >= area[2] or area[1] >= area[3]:
            area = (
                (west + east) / 2 - 0.001,
                (south + north) / 2 - 0.001,
                (west + east) / 2,
                (south + north) / 2,
            )
        path = prepare_dem(dem, area, tmp_path / "dem.tif", above_egm96=False, placed=False).path
        with rasterio.open(path) as made, rasterio.open(small.files.dem) as original:
            assert made.nodata == NO_HEIGHT
            row, col = original.index(*made.xy(0, 0))
            ours, theirs = made.read(1), original.read(1)
            rows = slice(max(0, row), min(theirs.shape[0], row + ours.shape[0]))
            cols = slice(max(0, col), min(theirs.shape[1], col + ours.shape[1]))
            cut = ours[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
            np.testing.assert_array_equal(cut, theirs[rows, cols])
            assert original.xy(rows.start, cols.start) == pytest.approx(
                made.xy(rows.start - row, cols.start - col), abs=1e-10
            )
            placed = prepare_dem(dem, area, tmp_path / "placed.tif", above_egm96=False).path
            with rasterio.open(placed) as moved:
                assert moved.transform.c == pytest.approx(made.transform.c + made.transform.a / 2, abs=1e-12)
                assert moved.transform.f == pytest.approx(made.transform.f + made.transform.e / 2, abs=1e-12)
                np.testing.assert_array_equal(moved.read(1), ours)

    def test_heights_above_egm96(self, small: Small, tmp_path: Path) -> None:
        """A geoid of 40 m everywhere: what SNAP adds again is taken away."""
        geoid = tmp_path / "us_nga_egm96_15.tif"
        profile = {"driver": "GTiff", "width": 1440, "height": 721, "count": 1, "dtype": "float32"}
        transform = rasterio.Affine(0.25, 0, -180.125, 0, -0.25, 90.125)
        with rasterio.open(geoid, "w", crs="EPSG:4326", transform=transform, **profile) as target:
            target.write(np.full((721, 1440), 40, np.float32), 1)
        dem = Dem.open(small.files.dem, "ellipsoid", sea="nodata")
        west, south, east, north = dem.bounds
        area = (west + east) / 2 - 0.001, (south + north) / 2 - 0.001, (west + east) / 2, (south + north) / 2
        plain = prepare_dem(dem, area, tmp_path / "a.tif", above_egm96=False).path
        lower = prepare_dem(dem, area, tmp_path / "b.tif", above_egm96=True, geoid=geoid).path
        with rasterio.open(plain) as first, rasterio.open(lower) as second:
            a, b = first.read(1), second.read(1)
        known = a != NO_HEIGHT
        np.testing.assert_array_equal(known, b != NO_HEIGHT)
        np.testing.assert_allclose((a - b)[known], 40.0, atol=1e-4)

    def test_a_model_in_utm_is_brought_to_longitude_and_latitude(self, tmp_path: Path) -> None:
        """A plane in UTM: every sample of the result is the plane at its own place."""
        x0, y0, step = 660_000.0, 5_020_000.0, 25.0
        col, row = np.meshgrid(np.arange(400), np.arange(400))
        plane = (100.0 + 0.5 * col + 0.25 * row).astype(np.float32)
        source = tmp_path / "utm.tif"
        profile = {"driver": "GTiff", "width": 400, "height": 400, "count": 1, "dtype": "float32"}
        transform = rasterio.Affine(step, 0, x0, 0, -step, y0)
        with rasterio.open(source, "w", crs="EPSG:32632", transform=transform, **profile) as target:
            target.write(plane, 1)
        dem = Dem.open(source, "ellipsoid", sea="nodata")
        from pyproj import Transformer

        to_lonlat = Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
        lon, lat = to_lonlat.transform(x0 + 5000, y0 - 5000)
        path = prepare_dem(
            dem, (lon, lat, lon + 0.001, lat + 0.001), tmp_path / "out.tif", above_egm96=False, placed=False
        ).path
        with rasterio.open(path) as made:
            height = made.read(1)
            rows, cols = np.nonzero(height != NO_HEIGHT)
            assert rows.size > 10_000
            xs, ys = rasterio.transform.xy(made.transform, rows, cols)
            x, y = to_lonlat.transform(np.array(xs), np.array(ys), direction="INVERSE")
        truth = 100.0 + 0.5 * ((x - x0) / step - 0.5) + 0.25 * ((y0 - y) / step - 0.5)
        np.testing.assert_allclose(height[rows, cols], truth, atol=0.01)


class TestPlan:
    def test_a_graph_that_native_has_in_full(self, small: Small) -> None:
        graph = chain(
            small.read,
            ("Calibration", {"outputGammaBand": True, "outputSigmaBand": False}),
            small.terrain_correction(),
            ("Write", {"file": "/x/card.tif", "formatName": "COG"}),
        )
        plan = make_plan(graph, Surroundings(orbit="none"))
        assert plan.is_exact
        (output,) = plan.outputs
        assert [band.name for band in output.bands] == ["Gamma0_VH", "Gamma0_VV"]
        assert output.grid is not None and output.grid.spacing_x == 10.0
        assert plan.inputs == (small.files.safe,)
        assert plan.names == small.files.safe.stem

    def test_a_graph_with_a_filter_that_only_snap_has(self, small: Small) -> None:
        graph = chain(
            small.read,
            ("Oil-Spill-Detection", {}),
            small.terrain_correction(),
            ("Write", {"file": "/x/card", "formatName": "HDF5"}),
        )
        plan = make_plan(graph, Surroundings(orbit="none"))
        assert not plan.is_exact
        assert plan.outputs[0].grid is not None
        assert plan.outputs[0].path == Path("/x/card")

    def test_what_is_no_scene_goes_to_snap_as_it_is(self, small: Small, tmp_path: Path) -> None:
        (tmp_path / "step1.dim").write_text("<Dimap_Document/>")
        projection = "PROJCS[" + "long / name" * 50
        graph = chain(
            ("Read", {"file": tmp_path / "step1.dim"}),
            small.terrain_correction(mapProjection=projection),
            ("Write", {"file": "x.dim"}),
        )
        plan = make_plan(graph, Surroundings())
        assert plan.dems == {} and plan.orbits == {}
        assert plan.outputs[0].scene is None and plan.outputs[0].grid is None
        assert plan.inputs == (tmp_path, small.files.dem)

    def test_what_cannot_be_run(self, small: Small, tmp_path: Path) -> None:
        with pytest.raises(GraphError, match="writes nothing"):
            make_plan(chain(small.read), Surroundings())
        with pytest.raises(GraphError, match="Write has no source"):
            make_plan(Graph((node("Write", "Write", "", file="x"),)), Surroundings())
        with pytest.raises(GraphError, match="'file' of a Read node is empty"):
            make_plan(chain(("Read", {}), ("Write", {"file": "x"})), Surroundings())
        with pytest.raises(DataError, match="local files only"):
            make_plan(
                chain(("Read", {"file": "s3://eodata/x.SAFE"}), ("Write", {"file": "x"})), Surroundings()
            )
        with pytest.raises(SceneError):
            make_plan(
                chain(("Read", {"file": tmp_path / "x.SAFE"}), ("Write", {"file": "x"})), Surroundings()
            )
