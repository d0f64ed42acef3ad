"""Building blocks of ESA's XML: elements from names and contents, numbers and times as ESA writes them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from lxml import etree
from numpy.typing import ArrayLike

Element = etree._Element
Content = str | int | float | bool | np.datetime64 | Element | list[Element]


def element(name: str, *contents: Content, **attributes: str) -> Element:
    """An element with text or children.

    Floats are written with 16 digits, times in UTC with microseconds, truths as ``true`` and ``false``.
    """
    made = etree.Element(name, attrib=attributes)
    for content in contents:
        if isinstance(content, list):
            made.extend(content)
        elif isinstance(content, etree._Element):
            made.append(content)
        else:
            made.text = _text(content)
    return made


def listing(name: str, children: Iterable[Element]) -> Element:
    """A list element that counts its children."""
    items = list(children)
    return element(name, items, count=str(len(items)))


def array(name: str, values: ArrayLike, form: str) -> Element:
    """Numbers in one text, counted; ``form`` is a format such as ``.15e`` or ``d``."""
    numbers = np.asarray(values).tolist()
    return element(name, " ".join(format(number, form) for number in numbers), count=str(len(numbers)))


def short(value: float) -> str:
    """A number with seven digits, as ESA writes single precision."""
    return f"{value:.6e}"


def fragment(text: str, **values: Content) -> Element:
    """An element from XML text with ``{placeholders}``."""
    return etree.fromstring(text.format(**{name: _text(value) for name, value in values.items()}), _PARSER)


def to_bytes(root: Element) -> bytes:
    """The document, indented."""
    etree.indent(root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


_PARSER = etree.XMLParser(remove_blank_text=True, resolve_entities=False)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | np.floating):
        return f"{value:.15e}"
    return str(value)
