"""SNAP in a container: Docker, Podman, Apptainer or Charliecloud.

Inputs are mounted at the paths they have outside, so that the graph is the same: read-only where the runtime can.
The scratch folder is the only place where the container may write.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from s1card.engine.snap.launcher import Job
from s1card.engine.snap.settings import SnapSettings
from s1card.errors import UsageError

PROGRAMS = {
    "docker": ("docker",),
    "podman": ("podman",),
    "apptainer": ("apptainer", "singularity"),
    "charliecloud": ("ch-run",),
}
"""Programs of each runtime."""

PREFERENCE = ("podman", "docker", "apptainer", "charliecloud")
IMAGE_PATH = "/opt/snap/bin:/usr/local/snap/bin:/usr/local/bin:/usr/bin:/bin"
"""Search path inside an image of Charliecloud, which tells nothing of the image's own."""

ANSWER_WITHIN = 20.0
"""Seconds a runtime has to say that it works, or to remove a container."""


@dataclass(frozen=True)
class Runtime:
    """A container runtime.

    Attributes:
        kind: ``docker``, ``podman``, ``apptainer`` or ``charliecloud``.
        program: Its command.
    """

    kind: str
    program: Path


@dataclass(frozen=True)
class Container:
    """Starts gpt in a container.

    Attributes:
        runtime: What runs it.
        image: Image, or for Apptainer and Charliecloud its file or folder.
        gpt: ``gpt`` inside the image.
        options: Further options of the runtime.
        user, group: Who the files of the scratch folder shall belong to.
    """

    runtime: Runtime
    image: str
    gpt: str = "gpt"
    options: tuple[str, ...] = ()
    user: int = -1
    group: int = -1

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return "container"

    @property
    def key(self) -> str:
        """Runtime and image."""
        return f"{self.runtime.program} {self.image} {self.gpt}"

    def command(self, arguments: Sequence[str], job: Job) -> list[str]:
        """The command that runs gpt in the image; see `s1card.engine.snap.launcher.Launcher`."""
        if self.runtime.kind == "apptainer":
            before = self._apptainer(job)
        elif self.runtime.kind == "charliecloud":
            before = self._charliecloud(job)
        else:
            return [*self._docker(job), *arguments]
        return [*before, self.gpt, *arguments]

    def environment(self, job: Job) -> dict[str, str]:
        """The runtime's own environment; that of gpt is stated in the command.

        Charliecloud wants to know the user's name, which batch systems do not always say.
        """
        return {"USER": str(self._user), **os.environ}

    def stop(self, job: Job) -> None:
        """Remove a container that outlives its client, as those of a Docker service do."""
        if self.runtime.kind in ("docker", "podman"):
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    [str(self.runtime.program), "rm", "--force", _name(job)],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=ANSWER_WITHIN,
                    check=False,
                )

    def _docker(self, job: Job) -> list[str]:
        """Docker and Podman share their command line; only user ids differ."""
        resources = job.resources
        command = [
            str(self.runtime.program),
            "run",
            "--rm",
            "--name",
            _name(job),
            "--pull",
            "never",
            "--network",
            "none",
            "--memory",
            f"{resources.memory}b",
            "--cpus",
            str(resources.threads),
            "--user",
            f"{self._user}:{self._group}",
        ]
        if self.runtime.kind == "podman" and self._user != 0:
            command += ["--userns", "keep-id"]
        for path in mounts(job):
            command += ["--volume", f"{path}:{path}:ro"]
        command += ["--volume", f"{job.scratch.path}:{job.scratch.path}:rw"]
        for name, value in _variables(job).items():
            command += ["--env", f"{name}={value}"]
        command += ["--workdir", str(job.scratch.path), "--entrypoint", self.gpt]
        return [*command, *self.options, self.image]

    def _apptainer(self, job: Job) -> list[str]:
        """Apptainer keeps the user's id; of home and environment it must be told to keep away.

        It limits neither memory nor cores without the help of systemd: heap and threads of Java hold those limits.
        """
        command = [
            str(self.runtime.program),
            "exec",
            "--contain",
            "--cleanenv",
            "--no-home",
            "--net",
            "--network",
            "none",
        ]
        for path in mounts(job):
            command += ["--bind", f"{path}:{path}:ro"]
        command += ["--bind", f"{job.scratch.path}:{job.scratch.path}:rw"]
        for name, value in _variables(job).items():
            if name != "HOME":  # Apptainer refuses it as a variable
                command += ["--env", f"{name}={value}"]
        command += ["--pwd", str(job.scratch.path)]
        return [*command, *self.options, self.image]

    def _charliecloud(self, job: Job) -> list[str]:
        """Charliecloud maps the user's id, and separates neither the network nor memory; its mounts are not read-only.

        The mount points must be there in the image, or be made over it by the option ``--write-fake`` of its newer
        versions.
        """
        command = [
            str(self.runtime.program),
            "--private-tmp",
            "--unset-env=*",
            f"--set-env=PATH={IMAGE_PATH}",
        ]
        for path in (*mounts(job), job.scratch.path):
            command.append(f"--bind={path}:{path}")
        for name, value in _variables(job).items():
            command.append(f"--set-env={name}={value}")
        command.append(f"--cd={job.scratch.path}")
        return [*command, *self.options, self.image, "--"]

    @property
    def _user(self) -> int:
        return self.user if self.user >= 0 else os.getuid()

    @property
    def _group(self) -> int:
        return self.group if self.group >= 0 else os.getgid()


def find_runtime(settings: SnapSettings, environment: Mapping[str, str] | None = None) -> Runtime:
    """The container runtime that the settings name, or the first that is there and works.

    Raises:
        UsageError: It is unknown or not there, or there is none.
    """
    path = (os.environ if environment is None else environment).get("PATH")
    if settings.runtime:
        return _named(settings.runtime, path)
    for kind in PREFERENCE:
        for program in PROGRAMS[kind]:
            found = shutil.which(program, path=path)
            if found and _works(kind, found):
                return Runtime(kind, Path(found))
    raise UsageError(
        "there is no container runtime that works",
        subject="engine container",
        advice="Install Docker, Podman, Apptainer or Charliecloud, or use --engine native",
    )


def find_container(settings: SnapSettings) -> Container:
    """The container of the settings.

    Raises:
        UsageError: There is no runtime.
    """
    return Container(
        find_runtime(settings), settings.image, settings.container_gpt, settings.container_options
    )


def mounts(job: Job) -> tuple[Path, ...]:
    """Inputs to be mounted, each once, without those that lie in another or in the scratch folder."""
    wanted = sorted({path.resolve() for path in job.inputs} | {path.absolute() for path in job.inputs})
    kept: list[Path] = []
    for path in wanted:
        inside = (*kept, job.scratch.path)
        if not any(path == other or other in path.parents for other in inside):
            kept.append(path)
    return tuple(kept)


def _named(name: str, path: str | None) -> Runtime:
    program = Path(name).name
    for kind, programs in PROGRAMS.items():
        if name == kind or program in programs:
            candidates = programs if name == kind else (name,)
            for candidate in candidates:
                found = shutil.which(candidate, path=path)
                if found:
                    return Runtime(kind, Path(found))
            raise UsageError(
                "this container runtime is not there",
                subject=name,
                advice="Install it, or name its program with --container-runtime",
            )
    raise UsageError(
        "no such container runtime", subject=name, advice=f"There are {', '.join(PROGRAMS)}, or a path of one"
    )


def _works(kind: str, program: str) -> bool:
    """Whether a runtime answers; Docker's command is often there without its service."""
    if kind != "docker":
        return True
    try:
        done = subprocess.run(
            [program, "version", "--format", "{{.Server.Version}}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_WITHIN,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _name(job: Job) -> str:
    """Name of the container: that of its scratch folder, which no other run has."""
    return job.scratch.path.name


def _variables(job: Job) -> dict[str, str]:
    """Environment of gpt in the container."""
    return {"HOME": str(job.scratch.home), "TMPDIR": str(job.scratch.temp)}
