"""The arguments of ``gpt`` as a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from s1card.errors import UsageError

DEFAULT_TARGET = "target.dim"

_SIZE = re.compile(r"(\d+(?:[.,]\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Arguments:
    """What a call of ``gpt`` says.

    Attributes:
        name: Operator or graph file, "" if none is given.
        files: Source products without a name, in order.
        parameters: Value by name, of ``-P``.
        sources: File by name of the source, of ``-S``.
        properties: Value by name, of ``-D`` and ``-J-D``.
        target: File to write, of ``-t``.
        format_name: Its format, of ``-f``, "" if it is left to the extension.
        parameter_file: File of parameters, of ``-p``, "" if none is given.
        threads: Greatest number of threads, of ``-q``; None if it is left to the machine.
        cache: Bytes of the tile cache, of ``-c``; None if it is not said.
        heap: Bytes of Java's heap, of ``-J-Xmx``; None if it is not said.
        wants_help: ``-h``.
        wants_diagnosis: ``--diag``.
        shows_errors: ``-e``: errors with all their details.
        snap_folder: Folder of ``--install-as-snap``, "" if it is not wanted.
    """

    name: str = ""
    files: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    target: str = DEFAULT_TARGET
    format_name: str = ""
    parameter_file: str = ""
    threads: int | None = None
    cache: int | None = None
    heap: int | None = None
    wants_help: bool = False
    wants_diagnosis: bool = False
    shows_errors: bool = False
    snap_folder: str = ""

    @property
    def names_graph(self) -> bool:
        """Whether the name is that of a graph file; SNAP goes by extension and slashes, too."""
        return self.name.endswith((".xml", ".XML")) or "/" in self.name or "\\" in self.name


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Read the words of a call; options and names may stand in any order.

    Raises:
        UsageError: An unknown option, or one without its value.
    """
    found = Arguments()
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and len(word) > 1:
            found = _with_option(found, word, rest)
        elif found.name:
            found = replace(found, files=(*found.files, word))
        else:
            found = replace(found, name=word)
    return found


_Keep: TypeAlias = Callable[[Arguments, str], Arguments]


def _with_option(found: Arguments, word: str, rest: Iterator[str]) -> Arguments:
    if word in _SWITCHES:
        return _SWITCHES[word](found)
    if word in _VALUED:
        value = next(rest, None)
        if value is None:
            raise UsageError(f"Option argument missing for option '{word}'")
        return _VALUED[word](found, value)
    if word.startswith("-J"):
        return _with_java_option(found, word)
    if word[:2] not in _NAMED:
        raise UsageError(f"Unknown option '{word}'", advice="'gpt -h' lists the options")
    return _NAMED[word[:2]](found, _pair(word))


def _pair(word: str) -> dict[str, str]:
    name, sign, value = word[2:].partition("=")
    if not (sign and name.strip()):
        raise UsageError(f"Missing '=' in '{word}'", advice=f"Write {word[:2]}<name>=<value> without a space")
    return {name.strip(): value}


def _with_java_option(found: Arguments, word: str) -> Arguments:
    """Options of the Java machine: properties and the size of the heap mean something here, others nothing."""
    if word.startswith("-J-D"):
        name, _, value = word[len("-J-D") :].partition("=")
        return replace(found, properties={**found.properties, name: value})
    if word.startswith("-J-Xmx"):
        return replace(found, heap=byte_size(word[len("-J-Xmx") :], word))
    return found


def byte_size(text: str, option: str) -> int:
    """Bytes of a size such as ``512M``.

    Raises:
        UsageError: It is none.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"Invalid size '{text}' of option '{option}'", advice="Write it like 512M or 2G")
    return int(float(match[1].replace(",", ".")) * _FACTORS[match[2].upper()])


def _with_cache(found: Arguments, text: str) -> Arguments:
    return replace(found, cache=byte_size(text, "-c"))


def _with_threads(found: Arguments, text: str) -> Arguments:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"Invalid number '{text}' of option '-q'", advice="At least one thread is needed")
    return replace(found, threads=int(text))


def _without_templates(found: Arguments, text: str) -> Arguments:
    raise UsageError(
        "Velocity templates (-v) are not rendered by s1card", advice="Leave -v out, or run SNAP's own gpt"
    )


_SWITCHES: dict[str, Callable[[Arguments], Arguments]] = {
    "-h": lambda found: replace(found, wants_help=True),
    "--help": lambda found: replace(found, wants_help=True),
    "--diag": lambda found: replace(found, wants_diagnosis=True),
    "-e": lambda found: replace(found, shows_errors=True),
    "-x": lambda found: found,  # blocks are never kept longer than they are needed
}

_VALUED: dict[str, _Keep] = {
    "-t": lambda found, text: replace(found, target=text),
    "-f": lambda found, text: replace(found, format_name=text),
    "-oformat": lambda found, text: replace(found, format_name=text),
    "-iformat": lambda found, text: found,  # formats of sources are found out
    "-p": lambda found, text: replace(found, parameter_file=text),
    "-c": _with_cache,
    "-q": _with_threads,
    "-m": lambda found, text: found,  # metadata for templates, which do not exist here
    "-v": _without_templates,
    "--install-as-snap": lambda found, text: replace(found, snap_folder=text),
}

_NAMED: dict[str, Callable[[Arguments, dict[str, str]], Arguments]] = {
    "-P": lambda found, pair: replace(found, parameters={**found.parameters, **pair}),
    "-S": lambda found, pair: replace(found, sources={**found.sources, **pair}),
    "-D": lambda found, pair: replace(found, properties={**found.properties, **pair}),
}
