"""Files of parameters (``-p``): Java properties, or XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from s1card.errors import UsageError
from s1card.graph.model import Parameter
from s1card.graph.xml import parse_parameters

_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
# A key ends at the first '=', ':' or blank that no backslash precedes.
_ENTRY = re.compile(r"(?P<key>(?:\\.|[^\\=:\s])*)\s*[=:]?\s*(?P<value>.*)", re.DOTALL)


def read_parameter_file(path: Path) -> tuple[Parameter, ...]:
    """The parameters of a file: XML if it begins with ``<``, else Java properties.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the parameter file cannot be read: {error.strerror}", subject=str(path)) from error
    if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return _of_xml(data, path)
    return tuple(Parameter(key, value) for key, value in _properties(_text(data)))


def _of_xml(data: bytes, path: Path) -> tuple[Parameter, ...]:
    try:
        return parse_parameters(data)
    except etree.XMLSyntaxError as error:
        raise UsageError(
            f"the parameter file is not well-formed XML: {error.msg}", subject=str(path)
        ) from error


def _text(data: bytes) -> str:
    """Text in UTF-8, as people write it, else in Latin-1, which Java prescribes."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _properties(text: str) -> Iterator[tuple[str, str]]:
    for line in _logical_lines(text):
        match = _ENTRY.fullmatch(line)
        assert match is not None  # everything is a key at least
        yield _unescaped(match["key"]), _unescaped(match["value"]).strip()


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments; a backslash at the end joins a line with the next one."""
    open_line = ""
    for raw in text.splitlines():
        line = raw.lstrip()
        if not open_line and (not line or line[0] in "#!"):
            continue
        open_line += line
        trailing = len(open_line) - len(open_line.rstrip("\\"))
        if trailing % 2:
            open_line = open_line[:-1]
        else:
            yield open_line
            open_line = ""
    if open_line:
        yield open_line


def _unescaped(text: str) -> str:
    def put(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _CONTROL.get(code, code)

    return _ESCAPE.sub(put, text)
