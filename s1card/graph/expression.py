"""Expressions of bands in the language of SNAP's band arithmetic, as a tree.

Nothing here computes: the tree says what is meant, and where in the text. From the loosest to the tightest:
``a ? b : c``, ``||`` (``or``), ``&&`` (``and``), comparisons, ``|``, ``^``, ``&``, ``+ -``, ``* / %``, and the signs
``- + ! ~`` (``not``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from s1card.errors import GraphError
from s1card.graph.closest import suggestion

Kind = Literal["number", "name", "quoted", "sign", "end"]

DEEPEST = 100
"""Levels of nesting that an expression may have."""

FUNCTIONS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"), (1, 1)),
    **dict.fromkeys(("exp", "exp10", "log", "log10", "sqrt", "sqr", "abs", "sign"), (1, 1)),
    **dict.fromkeys(("floor", "ceil", "round", "rint", "rad", "deg"), (1, 1)),
    **dict.fromkeys(("nan", "isnan", "inf", "isinf"), (1, 1)),
    **dict.fromkeys(("pow", "atan2", "ampl", "phase"), (2, 2)),
    **dict.fromkeys(("feq", "fneq"), (2, 3)),
    **dict.fromkeys(("min", "max", "avg"), (1, 20)),
}
"""Functions, with the least and greatest number of their arguments."""

CONSTANTS = {"PI": math.pi, "E": math.e, "NaN": math.nan, "NAN": math.nan, "true": 1.0, "false": 0.0}

_SPELLED = {"or": "||", "and": "&&", "not": "!"}

_STRENGTH = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    "|": 4,
    "^": 5,
    "&": 6,
    **dict.fromkeys("+-", 7),
    **dict.fromkeys("*/%", 8),
}

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<quoted>(?:\$\w+\.)?'[^']*')
    | (?P<name>(?:\$[^\W]\w*\.)?[^\W\d][\w.]*)
    | (?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%<>!~|&^?:(),])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the text, or a constant."""

    value: float
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A band or variable.

    Attributes:
        name: Its name.
        source: Which source has it: ``1`` for the first one, or a name; empty for the first that has it.
        at: Place in the text, from 0.
    """

    name: str
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign before an operand: ``- + ! ~``."""

    sign: str
    operand: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """A sign between two operands."""

    sign: str
    left: Expression
    right: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `FUNCTIONS` and its arguments."""

    function: str
    arguments: tuple[Expression, ...]
    at: int


Expression: TypeAlias = Number | Name | Unary | Binary | Choice | Call


def parse(text: str) -> Expression:
    """The tree of an expression.

    Raises:
        GraphError: It is none; the message says where and why.
    """
    parser = _Parser(text)
    whole = parser.choice()
    parser.expect("")
    return whole


def names_of(expression: Expression) -> Iterator[Name]:
    """All bands and variables of an expression, from left to right."""
    if isinstance(expression, Name):
        yield expression
    for part in _parts(expression):
        yield from names_of(part)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, Unary):
        return (expression.operand,)
    if isinstance(expression, Binary):
        return expression.left, expression.right
    if isinstance(expression, Choice):
        return expression.condition, expression.yes, expression.no
    return expression.arguments if isinstance(expression, Call) else ()


def error_at(text: str, at: int, what: str, advice: str = "") -> GraphError:
    """An error at a place of an expression; places are counted from 1 in messages."""
    return GraphError(f"{what} at position {at + 1} of the expression '{text}'", advice=advice)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    place, end = 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            at = place + len(text[place:]) - len(text[place:].lstrip())
            raise error_at(text, at, f"the character '{text[at]}' means nothing")
        kind = match.lastgroup
        assert kind is not None
        word = match[kind]
        at, place = match.start(kind), match.end()
        yield _Token("sign", _SPELLED[word], at) if word in _SPELLED else _Token(cast("Kind", kind), word, at)
    yield _Token("end", "", end)


class _Parser:
    """Precedence climbing over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _is(self, sign: str) -> bool:
        return self._token.kind == "sign" and self._token.text == sign

    def expect(self, sign: str) -> None:
        """Take a sign, or "" for the end.

        Raises:
            GraphError: Something else comes.
        """
        token = self._take()
        if token.kind not in ("sign", "end") or token.text != sign:
            raise self._wrong(token, f"'{sign}'" if sign else "an operator or the end")

    def choice(self) -> Expression:
        """An expression of any strength."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise error_at(self._text, self._token.at, f"more than {DEEPEST} levels of nesting")
        condition = self._binary(1)
        if self._is("?"):
            at = self._take().at
            yes = self.choice()
            self.expect(":")
            condition = Choice(condition, yes, self.choice(), at)
        self._depth -= 1
        return condition

    def _binary(self, weakest: int) -> Expression:
        left = self._signed()
        while self._token.kind == "sign" and _STRENGTH.get(self._token.text, 0) >= weakest:
            token = self._take()
            right = self._binary(_STRENGTH[token.text] + 1)
            left = Binary(token.text, left, right, token.at)
        return left

    def _signed(self) -> Expression:
        signs = []
        while self._token.kind == "sign" and self._token.text in "-+!~":
            signs.append(self._take())
        operand = self._operand()
        for token in reversed(signs):
            operand = Unary(token.text, operand, token.at)
        return operand

    def _operand(self) -> Expression:
        token = self._take()
        if token.kind == "number":
            return Number(_number(token.text), token.at)
        if token.kind == "quoted":
            source, _, name = token.text.rpartition("'")[0].partition("'")
            return Name(name, source.strip("$."), token.at)
        if token.kind == "name":
            return self._call(token) if self._is("(") else _named(token)
        if token.text == "(":
            inner = self.choice()
            self.expect(")")
            return inner
        raise self._wrong(token, "a number, band or function")

    def _call(self, token: _Token) -> Expression:
        if token.text not in FUNCTIONS:
            hint = suggestion(token.text, FUNCTIONS)
            raise error_at(self._text, token.at, f"unknown function '{token.text}'", hint)
        self.expect("(")
        arguments: list[Expression] = []
        while not self._is(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.choice())
        self.expect(")")
        least, most = FUNCTIONS[token.text]
        if not least <= len(arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            what = f"'{token.text}' takes {wanted} argument{'s' * (most > 1)}, not {len(arguments)},"
            raise error_at(self._text, token.at, what)
        return Call(token.text, tuple(arguments), token.at)

    def _wrong(self, token: _Token, wanted: str) -> GraphError:
        found = f"'{token.text}'" if token.text else "nothing"
        return error_at(self._text, token.at, f"{found} instead of {wanted}")


def _number(text: str) -> float:
    return float(int(text, 16)) if text[:2].lower() == "0x" else float(text)


def _named(token: _Token) -> Expression:
    if token.text in CONSTANTS:
        return Number(CONSTANTS[token.text], token.at)
    if token.text.startswith("$"):
        source, _, name = token.text[1:].partition(".")
        return Name(name, source, token.at)
    return Name(token.text, "", token.at)
