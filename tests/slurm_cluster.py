"""A real Slurm of one node for tests: everything in a folder of its own, on ports of its own, gone afterwards.

The test module imports the fixture ``cluster``. Programs: munged (who is who), slurmctld (the queue), slurmd (the
node); without control groups and without accounting, so that any user can run it, root included.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS = 60.0
STOP_SECONDS = 10.0
CPUS, MEMORY = 4, 8192  # of the node, as Slurm shall believe; MiB
_FOLDERS = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/sbin"))  # users do not have them in their PATH
_SETTINGS = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller}
SlurmdPort={node}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=30
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory}
PartitionName=main Nodes=node Default=YES State=UP
"""


class CannotStartError(RuntimeError):
    """The cluster for the tests could not be started."""


@dataclass(frozen=True)
class SlurmCluster:
    """A running cluster.

    Attributes:
        folder: Where it lives: settings, key, state, logs.
        environment: That of its commands, and of those who submit jobs.
    """

    folder: Path
    environment: dict[str, str]

    def run(self, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm, with further variables; jobs write their logs into the cluster's folder."""
        return subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment | variables,
            timeout=120,
            check=False,
        )

    def submit(self, *arguments: object, **variables: str) -> str:
        """Submit a job and return its number at once."""
        done = self.run("sbatch", "--parsable", *arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def states(self, job: str) -> dict[str, str]:
        """State of every task of an array, by its number."""
        done = self.run("squeue", "--noheader", "--array", "--states=all", "--format=%K %T", "--jobs", job)
        assert done.returncode == 0, done.stderr
        return dict(line.split() for line in done.stdout.splitlines())

    def log(self, job: str) -> str:
        """What the tasks of an array have said."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob(f"s1card-{job}_*.log")))


@contextmanager
def running_slurm() -> Iterator[SlurmCluster]:
    """Run a cluster in a new folder.

    Raises:
        CannotStartError: Slurm is not installed, or does not start; with the ends of its logs.
    """
    folder = Path(tempfile.mkdtemp(prefix="s1card-slurm-"))  # pytest's own folders are too deep for a socket
    cluster = SlurmCluster(folder, _environment(folder))
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        _prepare(cluster)
        _start(cluster, daemons)
        yield cluster
    finally:
        _stop(cluster)
        for daemon in daemons:
            daemon.wait()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    """A cluster, for all tests of a module."""
    try:
        with running_slurm() as found:
            yield found
    except CannotStartError as error:
        pytest.fail(f"the tests need Slurm, which tools/setup installs: {error}")


def _environment(folder: Path) -> dict[str, str]:
    """This process's, without what another Slurm may have put into it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("SLURM", "SBATCH"))}
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{_FOLDERS}"
    return kept | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}


def _prepare(cluster: SlurmCluster) -> None:
    folder = cluster.folder
    folder.chmod(0o755)  # munged wants its socket to be in reach of all users
    for name in ("state", "spool"):
        (folder / name).mkdir(mode=0o755)
    controller, node = _free_ports()
    settings = _SETTINGS.format(
        folder=folder,
        user=pwd.getpwuid(os.geteuid()).pw_name,
        host=socket.gethostname().partition(".")[0],
        controller=controller,
        node=node,
        cpus=CPUS,
        memory=MEMORY,
    )
    (folder / "slurm.conf").write_text(settings)
    _require(cluster, "mungekey", "--create", f"--keyfile={folder}/munge.key")


def _start(cluster: SlurmCluster, daemons: list[subprocess.Popen[bytes]]) -> None:
    """Start the programs one by one; they are added to the list."""
    folder = cluster.folder
    files = {
        "key-file": "munge.key",
        "socket": "munge.socket",
        "pid-file": "munge.pid",
        "log-file": "munged.log",
        "seed-file": "munge.seed",
    }
    munged = ["munged", "--foreground", *(f"--{option}={folder / name}" for option, name in files.items())]
    daemons.append(_daemon(cluster, munged))
    _wait(cluster, daemons, ("munge", "--no-input", f"--socket={folder}/munge.socket"), "MUNGE")
    daemons.append(_daemon(cluster, ["slurmctld", "-D"]))
    daemons.append(_daemon(cluster, ["slurmd", "-D", "-N", "node"]))
    _wait(cluster, daemons, ("sinfo", "--noheader", "--format=%T"), "idle")


def _daemon(cluster: SlurmCluster, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """A program that ends with this process, whatever ends it."""
    tied = ["setpriv", "--pdeathsig", "KILL", *command]
    with (cluster.folder / f"{command[0]}.out").open("wb") as out:
        return subprocess.Popen(
            tied,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=cluster.folder,
            env=cluster.environment,
        )


def _wait(
    cluster: SlurmCluster, daemons: Sequence[subprocess.Popen[bytes]], command: Sequence[str], answer: str
) -> None:
    """Wait until a command gives an answer that holds a word."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        done = cluster.run(*command)
        if done.returncode == 0 and answer in done.stdout:
            return
        if time.monotonic() > deadline or any(daemon.poll() is not None for daemon in daemons):
            logs = "\n".join(
                f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(cluster.folder.glob("*.out"))
            )
            raise CannotStartError(f"{command[0]} says {done.stdout or done.stderr!r}\n{logs}")
        time.sleep(0.1)


def _require(cluster: SlurmCluster, *command: str) -> None:
    """Run a command that has to succeed."""
    try:
        done = cluster.run(*command)
    except FileNotFoundError as error:
        raise CannotStartError(f"there is no {command[0]}: tools/setup-slurm installs it") from error
    if done.returncode:
        raise CannotStartError(f"{command[0]} failed: {done.stderr}")


def _stop(cluster: SlurmCluster) -> None:
    """End all jobs and programs; asked politely, some stay."""
    deadline = time.monotonic() + STOP_SECONDS
    while found := _processes(cluster):
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of {cluster.folder} do not end: {found}")
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _processes(cluster: SlurmCluster) -> list[int]:
    """Everything that runs with the settings of the cluster, jobs included."""
    mark = f"SLURM_CONF={cluster.environment['SLURM_CONF']}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if mark in environment.read_bytes():
                found.append(int(environment.parent.name))
    return found


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
