"""Reading ESA's XML: safe parsing, and typed access that names file, element and line of what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from lxml import etree
from numpy.typing import DTypeLike, NDArray

from s1card.errors import SceneError
from s1card.scene.time import parse_time

T = TypeVar("T")

DAMAGED = "The product is damaged: download it again"


@dataclass(frozen=True, slots=True)
class Node:
    """An XML element of a product file.

    Attributes:
        element: The element.
        source: Scene and file it stands in, for messages.
    """

    element: etree._Element
    source: str

    def find(self, path: str) -> Node | None:
        """The first element at a path, or None."""
        found = self.element.find(path)
        return None if found is None else Node(found, self.source)

    def child(self, path: str) -> Node:
        """The first element at a path.

        Raises:
            SceneError: There is none.
        """
        found = self.find(path)
        if found is None:
            raise self.error(f"{_local(path)} is missing in <{_local(self.element.tag)}>")
        return found

    def children(self, path: str) -> list[Node]:
        """All elements at a path, in document order."""
        return [Node(element, self.source) for element in self.element.iterfind(path)]

    def attribute(self, name: str) -> str:
        """The value of an attribute.

        Raises:
            SceneError: The element lacks it.
        """
        value = self.element.get(name)
        if value is None:
            raise self.error(f"<{_local(self.element.tag)}> lacks the attribute {name}")
        return value

    def attribute_as(self, name: str, convert: Callable[[str], T]) -> T:
        """The value of an attribute, converted.

        Raises:
            SceneError: The element lacks it, or it cannot be converted.
        """
        value = self.attribute(name)
        try:
            return convert(value)
        except ValueError as error:
            raise self.error(f"the attribute {name} is {value!r}") from error

    def text(self, path: str) -> str:
        """The text at a path, without surrounding blanks."""
        return (self.child(path).element.text or "").strip()

    def number(self, path: str) -> float:
        """A finite number."""
        value = self._converted(path, float, "a number")
        if not np.isfinite(value):
            raise self.child(path).error(f"{_local(path)} is {value}")
        return value

    def integer(self, path: str) -> int:
        """A whole number."""
        return self._converted(path, int, "a whole number")

    def time(self, path: str) -> np.datetime64:
        """A UTC time."""
        return self._converted(path, parse_time, "a time")

    def flag(self, path: str) -> bool:
        """``true`` or ``false``."""
        return self._converted(path, _flag, "true or false")

    def optional_integer(self, path: str) -> int | None:
        """A whole number, None where the element is absent or empty."""
        return self.integer(path) if self._is_filled(path) else None

    def optional_time(self, path: str) -> np.datetime64 | None:
        """A UTC time, None where the element is absent or empty."""
        return self.time(path) if self._is_filled(path) else None

    def array(self, path: str, dtype: DTypeLike) -> NDArray[Any]:
        """A list of finite numbers separated by blanks.

        Raises:
            SceneError: It is missing, empty, not finite, or shorter than its ``count`` attribute says.
        """
        node = self.child(path)
        words = (node.element.text or "").split()
        try:
            values = np.array(words, dtype=dtype)
        except (ValueError, OverflowError) as error:
            raise node.error(f"{_local(path)} holds a value that is not a number") from error
        if not values.size:
            raise node.error(f"{_local(path)} is empty")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise node.error(f"{_local(path)} holds NaN or infinite values")
        count = node.element.get("count", str(values.size))
        if count != str(values.size):
            raise node.error(f"{_local(path)} announces {count} values and holds {values.size}")
        return values

    def error(self, message: str) -> SceneError:
        """A SceneError about this element, with its line in the file."""
        return SceneError(f"{message} (line {self.element.sourceline})", subject=self.source, advice=DAMAGED)

    def _is_filled(self, path: str) -> bool:
        node = self.find(path)
        return node is not None and bool((node.element.text or "").strip())

    def _converted(self, path: str, convert: Callable[[str], T], kind: str) -> T:
        text = self.text(path)
        try:
            return convert(text)
        except ValueError as error:
            raise self.child(path).error(f"{_local(path)} is {text!r}, which is not {kind}") from error


def parse_xml(content: bytes, source: str) -> Node:
    """The root of an XML document, without DTD, entities or network.

    Args:
        content: The document.
        source: Scene and file, for messages.

    Raises:
        SceneError: It is empty, not well formed, or has a document type (ESA's files never do).
    """
    if not content.strip():
        raise SceneError("the file is empty", subject=source, advice=DAMAGED)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise SceneError(f"the XML cannot be read: {error.msg}", subject=source, advice=DAMAGED) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise SceneError("the XML declares a document type", subject=source, advice="It is not ESA's file")
    return Node(root, source)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _local(path: object) -> str:
    """The last step of a path, without namespace and predicate."""
    return str(path).split("[")[0].rsplit("/", 1)[-1].rsplit("}", 1)[-1]
