"""The command line."""

from __future__ import annotations

import errno
import importlib
import logging
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click

import s1card
from s1card.errors import DISK_FULL, S1CardError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
BUG, NO_RESOURCES, INTERRUPTED = 70, 5, 130

COMMANDS = {
    "bs": ("s1card.cli_card:bs", "Make a backscatter card (CARD-BS) of a GRD or SLC scene."),
    "coh6": ("s1card.cli_card:coh6", "Make a coherence card (CARD-COH6) of two SLC scenes."),
    "compare": ("s1card.cli_compare:compare", "Compare two outputs, or a graph on two engines."),
    "demo": ("s1card.cli_demo:demo", "Simulate a small scene, make its card, measure its accuracy."),
    "extract": ("s1card.cli_extract:extract", "Reduce cards to statistics of parcels in a store."),
    "graph": ("s1card.cli_graph:graph", "List, show, check and explain SNAP graphs."),
    "run": ("s1card.cli_run:run", "Run any SNAP graph."),
    "simulate": ("s1card.cli_simulate:simulate", "Make synthetic products with known truth."),
    "store": ("s1card.cli_store:store", "Make a store of statistics, ask it, draw, export."),
}
"""Where each command is, and its line in the help; a command is imported when it is called."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed, so that every command starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings=CONTEXT)
@click.version_option(s1card.__version__, prog_name="s1card")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-v", "--verbose", is_flag=True, help="Tell more about what happens.")
@click.pass_context
def main_group(ctx: click.Context, debug: bool, verbose: bool) -> None:
    """From the Sentinel-1 archive to analysis-ready cards.

    Exit codes: 0 done, 1 a tolerance of compare is not held, 2 wrong call, 3 bad input data, 4 network or service, 5 no
    memory or disk, 70 our bug.
    """
    ctx.obj = {"debug": debug}
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s: %(message)s",
        stream=sys.stderr,
    )


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """Treat a polite kill like Ctrl-C, so that nothing half-written stays."""
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Entry point: errors become one message and an exit code."""
    signal.signal(signal.SIGTERM, _stop)
    debug = "--debug" in sys.argv
    try:
        main_group(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing was left behind", err=True)
        sys.exit(INTERRUPTED)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if debug:
            traceback.print_exc()
        message, code = explain(error)
        click.echo(f"error: {message}", err=True)
        sys.exit(code)
    sys.exit(0)


def explain(error: BaseException) -> tuple[str, int]:
    """What to tell the user of an error, and the exit code."""
    if isinstance(error, S1CardError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError):
        return "not enough memory. Lower --memory or --threads, or use a bigger machine", NO_RESOURCES
    if isinstance(error, OSError) and error.errno in DISK_FULL | {errno.EFBIG}:
        return f"the disk is full: {error}. Free some space and start again", NO_RESOURCES
    kind = type(error).__name__
    return f"{kind}: {error}. This is a bug of s1card; 's1card --debug ...' shows where", BUG


if __name__ == "__main__":
    main()
