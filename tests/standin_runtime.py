"""A stand-in for Docker, Podman, Apptainer and Charliecloud: notes its command line, and runs the command on the host.

It holds what a container would hold against the caller: the program of the image must be named as in the image, only
what is mounted can be read, only what is mounted for writing can be written - by looking at the graph of the call -,
and the environment is what the command line says.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

IMAGE = "snap-in-a-box"
PROGRAM = "gpt-of-the-image"
FLAGS = {"--rm", "--contain", "--cleanenv", "--no-home", "--net", "--private-tmp"}
ABSENT = 125


def main() -> None:
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    with Path(os.environ["STANDIN_RUNTIME_NOTES"]).open("a") as stream:
        stream.write(json.dumps([name, *words]) + "\n")
    if words[0] in ("version", "rm"):
        print("24.0.7")
        sys.exit(0 if os.environ.get("STANDIN_RUNTIME") != "no service" else 1)
    if name == "ch-run":
        options, image, command = charliecloud(words)
    else:
        options, image, command = docker(words)
    if image != IMAGE:
        print(f"Error: {image}: image not known", file=sys.stderr)
        sys.exit(ABSENT)
    assert command[0] == PROGRAM, command
    mounts, environment, folder = taken(options)
    require_mounted(command[1:], mounts)
    kept = {key: value for key, value in os.environ.items() if key.startswith(("STANDIN_", "PATH"))}
    gpt = os.environ["STANDIN_RUNTIME_GPT"]
    os.chdir(folder)
    code = subprocess.run([gpt, *command[1:]], env=kept | environment, check=False).returncode
    sys.exit(code if code >= 0 else 128 - code)


def docker(words: list[str]) -> tuple[list[tuple[str, str]], str, list[str]]:
    """Docker, Podman and Apptainer: ``run|exec [options] IMAGE [command]``."""
    assert words[0] in ("run", "exec")
    rest, options = words[1:], []
    while rest[0].startswith("-"):
        option = rest.pop(0)
        options.append((option, "" if option in FLAGS else rest.pop(0)))
    image, command = rest[0], rest[1:]
    entry = dict(options).get("--entrypoint")
    return options, image, [entry, *command] if entry else command


def charliecloud(words: list[str]) -> tuple[list[tuple[str, str]], str, list[str]]:
    """``ch-run [options] IMAGE -- command``."""
    end = words.index("--")
    options = [tuple(word.partition("=")[::2]) for word in words[: end - 1]]
    return options, words[end - 1], words[end + 1 :]


def taken(options: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], dict[str, str], str]:
    """Mounts as (path, mode), environment and working folder."""
    mounts, environment, folder = [], {}, "/"
    for option, value in options:
        if option in ("--volume", "--bind"):
            source, target, mode = [*value.split(":"), "rw"][:3]
            assert source == target, value
            mounts.append((source, mode))
        elif option in ("--env", "--set-env"):
            key, _, text = value.partition("=")
            environment[key] = text
        elif option in ("--workdir", "--pwd", "--cd"):
            folder = value
    return mounts, {"HOME": folder, **environment}, folder


def require_mounted(arguments: list[str], mounts: list[tuple[str, str]]) -> None:
    """Every path in the arguments and in the graph must be mounted; those that are written to, for writing."""
    paths = [word for argument in arguments for word in re.findall(r"(?:^|=)(/[^=]+)$", argument)]
    graphs = [argument for argument in arguments if argument.endswith("graph.xml")]
    for graph in graphs:
        paths += re.findall(r">(/[^<]+)<", Path(graph).read_text())
    writable = [path for path, mode in mounts if mode == "rw"]
    for path in paths:
        assert any(path == root or path.startswith(f"{root}/") for root, _ in mounts), (
            f"{path} is not mounted"
        )
    for graph in graphs:
        for target in re.findall(r"<operator>Write<.*?<file>([^<]+)<", Path(graph).read_text(), re.DOTALL):
            assert any(target.startswith(f"{root}/") for root in writable), f"{target} cannot be written"


def install(folder: Path, *names: str) -> Path:
    """A folder with this program under the names of runtimes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        program = folder / name
        program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(Path(__file__).resolve().parent)!r})\n"
            "from standin_runtime import main\nmain()\n"
        )
        program.chmod(0o755)
    return folder


if __name__ == "__main__":
    main()
