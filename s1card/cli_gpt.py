"""The command ``s1card-gpt``: SNAP's ``gpt`` on the native engine."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from s1card.gpt.arguments import Arguments, parse_arguments
from s1card.gpt.console import Dots, error_line

DONE, FAILED = 0, 1


def main() -> NoReturn:
    """Entry point."""
    signal.signal(signal.SIGTERM, _stop)
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s: %(name)s: %(message)s", stream=sys.stderr
    )
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Do what a call says.

    Args:
        words: The arguments of ``gpt``.

    Returns:
        The exit code: 0, or 1 for any error, as SNAP has it.
    """
    shows_errors = "-e" in words
    try:
        _do(parse_arguments(words))
    except KeyboardInterrupt:
        print("Error: interrupted; nothing was left behind", file=sys.stderr)
        return FAILED
    except Exception as error:
        print(f"\n{error_line(error)}", file=sys.stderr)
        if shows_errors:
            traceback.print_exc()
        return FAILED
    return DONE


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """Treat a polite kill like Ctrl-C, so that nothing half-written stays."""
    raise KeyboardInterrupt


def _do(arguments: Arguments) -> None:
    if arguments.wants_diagnosis:
        _diagnose(arguments)
    elif arguments.snap_folder:
        _install(Path(arguments.snap_folder))
    elif arguments.wants_help or not arguments.name:
        _help(arguments)
    else:
        _run(arguments)


def _diagnose(arguments: Arguments) -> None:
    from s1card.gpt.surroundings import memory_of  # noqa: PLC0415 - the engine takes a second to load
    from s1card.gpt.usage import diagnosis  # noqa: PLC0415

    sys.stdout.write(diagnosis(memory_of(arguments)))


def _install(folder: Path) -> None:
    from s1card.gpt.snap_folder import make_snap_folder  # noqa: PLC0415

    for program in make_snap_folder(folder):
        print(program)
    print(f"Put it before others on PATH: export PATH={folder.resolve() / 'bin'}{os.pathsep}$PATH")


def _help(arguments: Arguments) -> None:
    from s1card.gpt.usage import general_help, help_on  # noqa: PLC0415

    if arguments.name:
        sys.stdout.write(help_on(arguments.name))
        return
    from s1card.engine.native.operators import OPERATORS  # noqa: PLC0415

    sys.stdout.write(general_help((*OPERATORS, "Write")))


def _run(arguments: Arguments) -> None:
    from s1card.gpt.plan import names_external_dem, planned  # noqa: PLC0415

    graph = planned(arguments)
    from s1card.engine.native.engine import NativeEngine  # noqa: PLC0415
    from s1card.gpt.surroundings import Place, surroundings_of  # noqa: PLC0415

    surroundings = surroundings_of(arguments, Place.here(), own_dem=names_external_dem(graph))
    prepared = NativeEngine(surroundings).prepare(graph)
    print("Executing processing graph" if arguments.names_graph else "Executing operator...", flush=True)
    dots = Dots(sys.stdout)
    prepared.write(progress=dots.report)
    dots.finish()


if __name__ == "__main__":
    main()
