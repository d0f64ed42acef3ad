"""Expressions of bands: what they mean, and where they are wrong."""

from __future__ import annotations

import pytest

from s1card.errors import GraphError
from s1card.graph.check import check
from s1card.graph.expression import (
    DEEPEST,
    Binary,
    Call,
    Choice,
    Expression,
    Name,
    Number,
    Unary,
    names_of,
    parse,
)
from s1card.graph.model import Graph, Node, Parameter


def shown(expression: Expression) -> str:
    """A tree with all its brackets."""
    if isinstance(expression, Number):
        return f"{expression.value:g}"
    if isinstance(expression, Name):
        return f"{expression.source}.{expression.name}" if expression.source else expression.name
    if isinstance(expression, Unary):
        return f"({expression.sign}{shown(expression.operand)})"
    if isinstance(expression, Binary):
        return f"({shown(expression.left)} {expression.sign} {shown(expression.right)})"
    if isinstance(expression, Choice):
        return f"({shown(expression.condition)} ? {shown(expression.yes)} : {shown(expression.no)})"
    assert isinstance(expression, Call)
    return f"{expression.function}({', '.join(shown(a) for a in expression.arguments)})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b / c % d", "(((a / b) / c) % d)"),
        ("(a + b) * c", "((a + b) * c)"),
        ("-a * -b", "((-a) * (-b))"),
        ("- -a", "(-(-a))"),
        ("!a && b || c", "(((!a) && b) || c)"),
        ("a || b && c", "(a || (b && c))"),
        ("not a and b or c", "(((!a) && b) || c)"),
        ("a < 1 && b >= 2 || c != 3", "(((a < 1) && (b >= 2)) || (c != 3))"),
        ("flags & 4 == 4", "((flags & 4) == 4)"),
        ("a | b ^ c & d", "(a | (b ^ (c & d)))"),
        ("~a + 1", "((~a) + 1)"),
        ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
        ("a ? b ? 1 : 2 : 3", "(a ? (b ? 1 : 2) : 3)"),
        ("a > 0 ? 10*log10(a) : NaN", "((a > 0) ? (10 * log10(a)) : nan)"),
        ("max(a, min(b,c), 1)", "max(a, min(b, c), 1)"),
        ("1.5e-3 + .5 + 2. + 0x1F", "(((0.0015 + 0.5) + 2) + 31)"),
        ("PI", "3.14159"),
        ("$1.Sigma0_VV/$2.'Sigma0 VH'", "(1.Sigma0_VV / 2.Sigma0 VH)"),
        ("'Sigma0_VV' - 'a-b'", "(Sigma0_VV - a-b)"),
        ("$reference.coh - x.y", "(reference.coh - x.y)"),
        ("\n 20*log10(ampl(i_VV,\n q_VV)) ", "(20 * log10(ampl(i_VV, q_VV)))"),
    ],
)
def test_trees(text: str, tree: str) -> None:
    assert shown(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a + ", "nothing instead of a number, band or function at position 4"),
        ("", "nothing instead of a number, band or function at position 1"),
        ("a b", "'b' instead of an operator or the end at position 3"),
        ("a + * b", "'*' instead of a number, band or function at position 5"),
        ("(a + b", "nothing instead of ')' at position 7"),
        ("a ? b", "nothing instead of ':' at position 6"),
        ("a # b", "the character '#' means nothing at position 3"),
        ("'a", "the character ''' means nothing at position 1"),
        ("lg10(a)", "unknown function 'lg10' at position 1"),
        ("2 + pow(a)", "'pow' takes 2 arguments, not 1, at position 5"),
        ("sin()", "'sin' takes 1 argument, not 0, at position 1"),
        ("min(a,)", "')' instead of a number, band or function at position 7"),
        ("__import__('os')", "unknown function '__import__' at position 1"),
        ("a = 1", "the character '=' means nothing at position 3"),
        ("(" * (DEEPEST + 1), f"more than {DEEPEST} levels of nesting at position {DEEPEST + 1}"),
    ],
)
def test_errors_say_where(text: str, message: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse(text)
    assert message in caught.value.message
    assert f"expression '{text}'" in caught.value.message


def test_a_close_function_is_named() -> None:
    with pytest.raises(GraphError, match="Did you mean 'log10'"):
        parse("lg10(a)")


def test_long_sums_are_no_deep_ones() -> None:
    text = " + ".join(["a"] * 200)
    assert len(list(names_of(parse(text)))) == 200


def test_names_from_left_to_right() -> None:
    names = list(names_of(parse("max(b, -$2.c) > 0 ? 'd' : a")))
    assert [(n.source, n.name, n.at) for n in names] == [
        ("", "b", 4),
        ("2", "c", 8),
        ("", "d", 20),
        ("", "a", 26),
    ]


@pytest.mark.parametrize(
    ("expression", "valid", "found"),
    [
        ("Sigma0_VV +", "", ["nothing instead of a number, band or function at position 12"]),
        ("Sigma0_VV", "x >", ["nothing instead of a number, band or function at position 4"]),
        ("10*log10(Sigma0_${pol})", "", []),
        ("10*log10(Sigma0_VV)", "Sigma0_VV > 0", []),
    ],
)
def test_check_reads_expressions(expression: str, valid: str, found: list[str]) -> None:
    band = Parameter(
        "targetBand",
        children=(
            Parameter("name", "x"),
            Parameter("expression", expression),
            Parameter("validExpression", valid),
        ),
    )
    node = Node("BandMaths", "BandMaths", (), (Parameter("targetBands", children=(band,)),))
    errors = [f.message for f in check(Graph((node,))) if f.severity == "error" and "source" not in f.message]
    assert len(errors) == len(found)
    assert all(text in error for text, error in zip(found, errors, strict=True))
