"""``examples/slurm/cards.sbatch`` on a real Slurm of one node: what is submitted again is completed, and only that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from end_to_end import BASE, digests, make_card
from slurm_cluster import SlurmCluster, cluster

from s1card.card import verify_card
from s1card.simulate import GrdConfig, SimulatedScene, SlcPairConfig, simulate_grd, simulate_slc_pair

__all__ = ["cluster"]  # fixture
pytestmark = pytest.mark.enable_socket  # the cluster's ports are chosen here

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "slurm" / "cards.sbatch"
DATES = ("2021-06-12", "2021-06-24", "2021-07-06", "2021-07-18")
Found = TypeVar("Found")
PATIENCE = 120.0  # seconds
WRONG_CALL = 2
ORDER = ("--cpus-per-task=1", "--mem=1G")
FAKE_APPTAINER = r"""#!/bin/bash
printf '%s\n' "$@"
"""


@dataclass(frozen=True)
class Work:
    """A list of scenes, the elevation model of all of them, and the cards that s1card makes of them by itself."""

    scenes: list[SimulatedScene]
    list: Path
    cards: dict[str, dict[str, str]]

    @property
    def variables(self) -> dict[str, str]:
        """What the script needs to find in its environment."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"S1CARD_DEM": str(self.scenes[0].dem), "PATH": path}

    def call(self, out: Path) -> tuple[object, ...]:
        return SCRIPT, self.list, out, *BASE


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("work")
    scenes = [
        simulate_grd(GrdConfig(lines=300, pixels=400, date=date, targets=0), folder / date) for date in DATES
    ]
    scenes_file = folder / "scenes.txt"
    scenes_file.write_text("".join(f"{scene.safe}\n" for scene in scenes))
    cards = [make_card(scene.safe, scenes[0].dem, folder / "cards") for scene in scenes]
    return Work(scenes, scenes_file, {card.name: digests(card) for card in cards})


def finished(out: Path) -> dict[str, dict[str, str]]:
    """Digests of all cards of a folder; there is nothing else in it, unfinished work included."""
    cards = [path for path in out.iterdir() if path.name != ".locks"]
    for card in cards:
        verify_card(card)
    return {card.name: digests(card) for card in cards}


def times(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for card in out.glob("S1*") for path in card.iterdir()}


def wait_for(what: Callable[[], Found | None], every: float = 0.2) -> Found:
    deadline = time.monotonic() + PATIENCE
    while (found := what()) is None:
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)
    return found


def ended(cluster: SlurmCluster, job: str) -> dict[str, str] | None:
    """States of a job's tasks, once none of them waits or runs."""
    states = cluster.states(job)
    under_way = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"} & set(states.values())
    return None if under_way else states


def stopped_at_work(out: Path, scene: str) -> Path | None:
    """The unfinished folder of a card that is being written, its process held where it is."""
    for path in out.glob(f".{scene}_CARD_BS.*.part"):
        if any(path.iterdir()):
            os.kill(int(path.name.split(".")[-3]), signal.SIGSTOP)
            return path
    return None


def directly(work: Work, out: Path, *options: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script as Slurm would, without Slurm."""
    return subprocess.run(
        ["bash", *map(str, (*work.call(out), *options))],
        capture_output=True,
        text=True,
        env=os.environ | work.variables | variables,
        timeout=PATIENCE,
        check=False,
    )


def test_an_array_of_four_makes_four_cards(cluster: SlurmCluster, work: Work, tmp_path: Path) -> None:
    order = (*ORDER, "--array=1-4", *work.call(tmp_path))
    job = cluster.submit(*order, **work.variables)
    states = wait_for(lambda: ended(cluster, job))
    assert states == dict.fromkeys("1234", "COMPLETED"), cluster.log(job)
    assert finished(tmp_path) == work.cards
    before = times(tmp_path)
    again = cluster.run("sbatch", "--wait", *order, **work.variables)
    assert again.returncode == 0, again.stderr
    assert times(tmp_path) == before


def test_a_killed_task_is_completed_by_submitting_again(
    cluster: SlurmCluster, work: Work, tmp_path: Path
) -> None:
    order = (*ORDER, "--array=1-4", *work.call(tmp_path))
    job = cluster.submit(*order, **work.variables)
    scene = work.scenes[2].safe.stem
    unfinished = wait_for(lambda: stopped_at_work(tmp_path, scene), every=0.005)
    # As if it were at work on another node: whether its process still runs nobody could see from here.
    left = unfinished.rename(unfinished.with_name(unfinished.name.replace("_CARD_BS.", "_CARD_BS.far-")))
    assert cluster.run("scancel", "--full", "--signal=KILL", f"{job}_3").returncode == 0
    states = wait_for(lambda: ended(cluster, job))
    assert {task for task, state in states.items() if state == "COMPLETED"} == {"1", "2", "4"}
    assert left.is_dir()
    before = times(tmp_path)
    assert {name.partition("_CARD")[0] for name in before} == {
        other.safe.stem for other in work.scenes if other.safe.stem != scene
    }

    again = cluster.submit(*order, **work.variables)
    states = wait_for(lambda: ended(cluster, again))
    assert states == dict.fromkeys("1234", "COMPLETED"), cluster.log(again)
    assert finished(tmp_path) == work.cards
    assert {name: time for name, time in times(tmp_path).items() if name in before} == before
    assert cluster.log(again).count("the card is there") == 3


def test_a_cancelled_task_tidies_up(cluster: SlurmCluster, work: Work, tmp_path: Path) -> None:
    job = cluster.submit(*ORDER, "--array=1", *work.call(tmp_path), **work.variables)
    wait_for(lambda: stopped_at_work(tmp_path, work.scenes[0].safe.stem), every=0.005)
    assert cluster.run("scancel", job).returncode == 0  # Slurm lets it go on before it ends it
    assert wait_for(lambda: ended(cluster, job)) == {"1": "CANCELLED"}
    assert "nothing was left behind" in cluster.log(job)
    assert finished(tmp_path) == {}


def test_one_scene_submitted_twice_is_done_once(cluster: SlurmCluster, work: Work, tmp_path: Path) -> None:
    order = (*ORDER, "--array=1", *work.call(tmp_path))
    jobs = [cluster.submit(*order, **work.variables) for _ in range(2)]
    for job in jobs:
        assert wait_for(lambda job=job: ended(cluster, job)) == {"1": "COMPLETED"}, cluster.log(job)
    assert sum("the card is there" in cluster.log(job) for job in jobs) == 1
    (card,) = finished(tmp_path).items()
    assert card in work.cards.items()


def test_what_was_ordered_is_passed_on(work: Work, tmp_path: Path) -> None:
    (tmp_path / "s1card").write_text('#!/bin/bash\necho "$@"; echo "$TMPDIR $S1CARD_SCRATCH"\n')
    (tmp_path / "s1card").chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": "2",
        "SLURM_CPUS_PER_TASK": "7",
        "SLURM_MEM_PER_CPU": "1000",
        "SLURM_TMPDIR": "/local",
    }
    out = tmp_path / "out"
    done = directly(work, out, "--layers", "inc, lia", **variables)
    expected = (
        f"bs {work.scenes[1].safe} --out {out} --threads 7 --memory 5600M {' '.join(BASE)} --layers inc, lia"
    )
    assert done.stdout.splitlines() == [expected, "/local /local"]
    done = directly(work, out, **{**variables, "SLURM_MEM_PER_NODE": "4000"})
    assert "--memory 3200M" in done.stdout


def test_a_line_with_two_scenes_is_a_pair(work: Work, tmp_path: Path) -> None:
    """The card is made, left when it is there, and the order of the scenes does not matter."""
    pair = simulate_slc_pair(
        SlcPairConfig(bursts=2, swaths=("IW2",), samples=400, targets=0), tmp_path / "in"
    )
    first, second = pair.secondary[0], pair.reference[0]
    out, runs = tmp_path / "out", []
    for line in (f"{first}\t{second}", f"{second}\t{first}"):
        pairs = tmp_path / "pairs.txt"
        pairs.write_text(f"{line}\n")
        variables = {"S1CARD_DEM": str(pair.dem), "SLURM_ARRAY_TASK_ID": "1", "SLURM_TMPDIR": str(tmp_path)}
        runs.append(directly(Work(work.scenes, pairs, {}), out, "--pol", "VV", **variables))
        assert runs[-1].returncode == 0, runs[-1].stderr
    assert runs[0].stdout == runs[1].stdout
    assert "there already" not in runs[0].stderr and "there already" in runs[1].stderr
    (card,) = finished(out)
    assert card.startswith("S1_IW_CARD_COH6_")
    assert len(list((out / ".locks").iterdir())) == 1


def test_an_image_gets_all_folders(work: Work, tmp_path: Path) -> None:
    runtime, out = tmp_path / "apptainer", tmp_path / "out"
    runtime.write_text(FAKE_APPTAINER)
    runtime.chmod(0o755)
    scene = work.scenes[0]
    variables = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": "1",
        "S1CARD_IMAGE": "image.sif",
        "S1CARD_ORBIT": str(scene.orbit),
        "SLURM_TMPDIR": "/local",
        "S1CARD_SCRATCH": "/scratch",
    }
    words = directly(work, out, **variables).stdout.splitlines()
    assert words[:2] == ["run", "--bind"]
    assert set(words[2].split(",")) == {
        *map(str, (scene.safe.parent, scene.dem, scene.orbit, out)),
        "/local",
        "/scratch",
    }
    assert words[3:6] == ["image.sif", "bs", str(scene.safe)]


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"SLURM_ARRAY_TASK_ID": "5"}, "scenes.txt has no line 5"),
        ({}, "submit it as an array"),
        ({"SLURM_ARRAY_TASK_ID": "1", "S1CARD_DEM": ""}, "S1CARD_DEM"),
    ],
    ids=["line", "array", "elevation model"],
)
def test_wrong_calls(variables: dict[str, str], text: str, work: Work, tmp_path: Path) -> None:
    done = directly(work, tmp_path, **variables)
    assert done.returncode == WRONG_CALL
    assert text in done.stderr


def test_a_scene_that_is_not_there(work: Work, tmp_path: Path) -> None:
    missing = tmp_path / "scenes.txt"
    missing.write_text(f"{tmp_path}/nowhere.SAFE\n")
    elsewhere = Work(work.scenes, missing, {})
    done = directly(elsewhere, tmp_path / "out", SLURM_ARRAY_TASK_ID="1")
    assert done.returncode == WRONG_CALL
    assert f"there is no scene {tmp_path}/nowhere.SAFE" in done.stderr
