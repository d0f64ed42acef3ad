"""SNAP's log turned into errors that say what happened, to what, and what to do."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

from s1card.engine.snap.process import killed_by
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
from s1card.graph.model import Graph

MORE_MEMORY = "Give SNAP more with --memory, fewer --threads, a smaller --aoi, or use --engine native"
_PERCENT = re.compile(r"(\d{1,3})%|(\.)|(done)")
_PROGRESS_LINE = re.compile(r"[.\d%]*( done\.?)?\s*")
_NODE = re.compile(r"\[NodeId: ([^\]]+)\]")
_CAUSE = re.compile(r"^\s*Caused by: (.*\S)", re.MULTILINE)
_ERROR = re.compile(r"^\s*(?:Error|SEVERE|Exception in thread \"[^\"]*\"):? (.*\S)", re.MULTILINE)
_EXCEPTION = re.compile(r"^(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error)\b(?:: .*)?$", re.MULTILINE)
_JAVA_NAME = re.compile(r"^(?:[a-z]\w*\.)+(?P<name>[A-Z]\w*(?:Exception|Error))(?:: )?")
_WARNING = re.compile(r"^\s*WARNING: (.*\S)", re.MULTILINE)
LONGEST = 300
"""Letters of a message of SNAP that an error repeats."""


class ProgressReader:
    """Reads how far gpt is from its line of dots: ``....10%....20%``, five steps for ten percent."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._line = ""
        self.percent = 0

    def feed(self, text: str) -> None:
        """Take the next piece of gpt's standard output."""
        for piece in re.split(r"(\n)", text):
            if piece == "\n":
                self._line = ""
                continue
            self._line += piece
            if piece and _PROGRESS_LINE.fullmatch(self._line):
                self._count()

    def _count(self) -> None:
        percent, dots = 0, 0
        for number, dot, done in _PERCENT.findall(self._line):
            if number:
                percent, dots = int(number), 0
            dots += bool(dot and not done)
            if done:
                percent, dots = 100, 0
        reached = min(100, percent + min(2 * dots, 9))
        if reached > self.percent:
            self.percent = reached
            self._report(reached)


@dataclass(frozen=True)
class Rule:
    """What a piece of SNAP's log means.

    Attributes:
        pattern: Regular expression, in any case.
        kind: Class of the error.
        message: What happened; "" for SNAP's own words.
        advice: What to do.
    """

    pattern: str
    kind: type[S1CardError]
    message: str
    advice: str


# The first rule that fits counts: what is cause comes before what is consequence.
RULES = (
    Rule(
        r"OutOfMemoryError|Java heap space|GC overhead limit exceeded|Cannot construct DataBuffer"
        r"|insufficient memory for the Java Runtime|Could not reserve enough space|Cannot allocate memory",
        ResourceError,
        "SNAP ran out of memory",
        MORE_MEMORY,
    ),
    Rule(
        r"No space left on device|Disk quota exceeded|not enough space on the disk|There is not enough space",
        ResourceError,
        "the disk is full",
        "Free some space, or name a scratch folder with more of it (S1CARD_SCRATCH)",
    ),
    Rule(
        r"Unable to find image|No such image|image not known|pull access denied|manifest unknown"
        r"|unable to open image|image .*does not exist|could not open image|can't find image|image not found",
        UsageError,
        "there is no such container image",
        "Build it from docker/Dockerfile.snap, or name another one with --container-image",
    ),
    Rule(
        r"Cannot connect to the Docker daemon|permission denied while trying to connect to the Docker",
        UsageError,
        "the container runtime does not answer",
        "Start its service, or choose another one with --container-runtime",
    ),
    Rule(
        r"SPI not found for operator|No operator .*found|Unknown operator",
        GraphError,
        "this SNAP lacks an operator",
        "Install the toolbox that has it (the Microwave Toolbox for radar), or a newer SNAP",
    ),
    Rule(
        r"No valid orbit file|Unable to find POD orbit file|orbit file (?:is )?not found|No orbit file",
        OrbitError,
        "SNAP found no orbit file",
        "Name one with --orbit, or take the annotated orbit (--orbit none)",
    ),
    Rule(
        r"outside of SRTM valid area|DEM .*(?:not found|could not be|cannot be)|No DEM|external DEM file"
        r"|Failed to (?:load|read|open) .*DEM|ElevationModel|DEM file .*exist",
        DemError,
        "SNAP cannot use the elevation model",
        "Name one on disk that covers the scene with --dem",
    ),
    Rule(
        r"UnknownHostException|ConnectException|NoRouteToHost|SocketTimeoutException|SSLHandshake"
        r"|Connection (?:refused|reset|timed out)|Network is unreachable|HTTP response code|connect timed out",
        NetworkError,
        "SNAP wanted something from the network and did not get it",
        "Give the elevation model with --dem and the orbit with --orbit, so that nothing is fetched",
    ),
    Rule(
        r"No (?:appropriate )?product reader found|No product reader|not a valid product|Not able to read"
        r"|File not found|FileNotFoundException|cannot be read as product|data format not supported",
        SceneError,
        "SNAP cannot read an input",
        "Look whether it is complete",
    ),
    Rule(
        r"Unknown element|Missing source|unknown parameter|Output format unknown|Graph\w*Exception: .*"
        r"(?:version|duplicate)|Cannot convert|is not in valueSet|Unknown option|is out of range|ValidationException"
        r"|ConversionException|BindingException",
        GraphError,
        "SNAP does not accept the graph",
        "Look at it with 's1card graph check'; parameters of SNAP 14 are unknown to older versions",
    ),
    Rule(
        r"Empty region|region.*empty|does not (?:intersect|overlap)|no intersection|outside the product",
        DataError,
        "the wanted area does not meet the scene",
        "Choose another --aoi",
    ),
)


def explain_failure(code: int, log: str, graph: Graph, inputs: str) -> S1CardError:
    """The error for a run of gpt that ended with an exit code.

    Args:
        code: Exit code, negative for a signal.
        log: All that it said.
        graph: What it ran.
        inputs: Names of the scenes, for the message.
    """
    known = explain_log(log, graph, inputs)
    number = killed_by(code)
    if number == signal.SIGKILL and not isinstance(known, ResourceError):
        return ResourceError(
            "SNAP was killed (signal 9), as the system does when memory runs out",
            subject=_subject(log, graph, inputs),
            advice=MORE_MEMORY,
        )
    if known is not None:
        return known
    how = f"was ended by signal {number}" if number else f"failed with exit code {code}"
    cause = cause_of(log)
    return EngineError(
        f"SNAP {how}: {cause}" if cause else f"SNAP {how} and said nothing",
        subject=_subject(log, graph, inputs),
        advice="The graph may be run on --engine native instead",
    )


def explain_log(log: str, graph: Graph, inputs: str) -> S1CardError | None:
    """The error that a log speaks of by one of the rules, None without one."""
    for rule in RULES:
        match = re.search(rule.pattern, log, re.IGNORECASE)
        if match:
            said = cause_of(log, match.start())
            message = f"{rule.message} ({said})" if said else rule.message
            return rule.kind(message, subject=_subject(log, graph, inputs), advice=rule.advice)
    return None


def cause_of(log: str, place: int | None = None) -> str:
    """SNAP's own words for what happened: the line at a place of the log, else the innermost cause."""
    if place is not None:
        start = log.rfind("\n", 0, place) + 1
        return _plain(log[start : log.find("\n", place) if "\n" in log[place:] else len(log)])
    for pattern in (_CAUSE, _ERROR, _EXCEPTION):
        found = [match[match.re.groups] for match in pattern.finditer(log)]
        if found:
            return _plain(found[-1])
    return ""


def warnings_of(log: str) -> tuple[str, ...]:
    """What SNAP warned of, each once, in its order."""
    return tuple(dict.fromkeys(_plain(match[1]) for match in _WARNING.finditer(log)))


def _plain(line: str) -> str:
    """A line without the log's prefixes, the node and the package of a Java exception, at most `LONGEST` letters."""
    line = re.sub(
        r"^\s*(?:(?:Caused by|Error|SEVERE|WARNING|INFO|Exception in thread \"[^\"]*\"):? )+", "", line
    )
    line = _NODE.sub("", line).strip()
    line = _JAVA_NAME.sub(lambda match: f"{match['name']}: ", line).removesuffix(": ").strip()
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def _subject(log: str, graph: Graph, inputs: str) -> str:
    """The operator that the log names, and the scenes."""
    nodes = _NODE.findall(log)
    node = graph.find(nodes[-1]) if nodes else None
    operator = "" if node is None else node.operator
    if node is not None and node.id != node.operator:
        operator = f"{node.operator} (node {node.id})"
    return " of ".join(part for part in (operator, inputs) if part)
