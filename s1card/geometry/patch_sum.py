"""The weighted sum of a square patch of samples, the innermost step of interpolation at scattered places.

Each place has a patch and weights of its own, and a row of a patch is too short for a loop that a compiler would work
on eight samples at a time. So the sum is written in LLVM's own vectors here, a row of the patch in one or two of them:
thirty times as fast as loops. The order of the terms is fixed, and each is multiplied and added with one rounding: the
result is the same on all machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

Value = Any
"""A value of LLVM's intermediate representation."""

FLOAT, INDEX, LANE = ir.FloatType(), ir.IntType(64), ir.IntType(32)


@intrinsic(prefer_literal=True)
def _patch_sum(  # noqa: PLR0913, PLR0917 - the arguments of one machine operation, and the one that numba passes
    typing: Any,
    samples: Any,
    first: Any,
    distance: Any,
    weights: Any,
    row_step: Any,
    row_way: Any,
    col_step: Any,
    col_way: Any,
    taps: Any,
    stride: Any,
) -> Any:
    if not (isinstance(taps, types.IntegerLiteral) and isinstance(stride, types.IntegerLiteral)):
        return None
    size, apart = taps.literal_value, stride.literal_value
    arguments = (samples, first, distance, weights, row_step, row_way, col_step, col_way, taps, stride)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Value:
        patch, at, pitch, table, row_at, row_part, col_at, col_part, *_ = values
        code = _Code(builder)
        steps = context.make_array(weights)(context, builder, table).data
        by_row = code.weights(steps, row_at, row_part, size, apart)
        by_col = code.weights(steps, col_at, col_part, size, apart)
        rows = [builder.add(at, builder.mul(pitch, INDEX(row))) for row in range(size)]
        return code.sum(context.make_array(samples)(context, builder, patch).data, rows, by_row, by_col)

    return types.float32(*arguments), generate


patch_sum: Callable[..., Any] = _patch_sum
"""The sum of a patch of ``taps`` x ``taps`` samples, weighted by row and by column: a function for kernels.

It takes flat float32 samples, the index of the first one of the patch and the distance between its rows; flat float32
weights for equal steps of the fraction; for rows, then for columns, the index of the first weight of a step and how far
(0 .. 1, float32) the fraction lies on the way to the next; the number of taps, and the weights from one step to the
next, which must be constants. Indices are uint64, and nothing checks them. It returns a float32.
"""


def _lengths(taps: int) -> list[int]:
    """Lengths of the vectors that hold a row of the patch: powers of two, longest first."""
    return [1 << bit for bit in reversed(range(taps.bit_length())) if taps >> bit & 1]


@dataclass(frozen=True)
class _Code:
    """Writes the operations of the sum, on vectors of `_lengths`."""

    builder: Any

    def weights(self, steps: Value, at: Value, way: Value, taps: int, stride: int) -> list[Value]:
        """Weights of all taps, between those of a step and of the next one, which lies a stride farther on."""
        vectors, offset = [], 0
        for length in _lengths(taps):
            here = self.load(steps, at, offset, length)
            there = self.load(steps, at, offset + stride, length)
            vectors.append(self.fused(self.filled(way, length), self.builder.fsub(there, here), here))
            offset += length
        return vectors

    def sum(self, data: Value, rows: list[Value], by_row: list[Value], by_col: list[Value]) -> Value:
        """The sum over rows, then over the columns in each vector, then over the vectors of a row."""
        total, offset = None, 0
        for weights in by_col:
            length = weights.type.count
            sums: list[Value] = []  # of even and of odd rows: one need not wait for the other
            for tap, row in enumerate(rows):
                samples, weight = self.load(data, row, offset, length), self.spread(by_row, tap, length)
                if tap < 2:
                    sums.append(self.builder.fmul(weight, samples))
                else:
                    sums[tap % 2] = self.fused(weight, samples, sums[tap % 2])
            part = self.total(self.builder.fmul(self.builder.fadd(*sums), weights))
            total = part if total is None else self.builder.fadd(total, part)
            offset += length
        return total

    def load(self, data: Value, index: Value, offset: int, length: int) -> Value:
        """Samples of an array from an index and an offset on."""
        place = self.builder.gep(data, [self.builder.add(index, INDEX(offset))])
        vector = ir.VectorType(FLOAT, length).as_pointer()
        return self.builder.load(self.builder.bitcast(place, vector), align=4)

    def filled(self, value: Value, length: int) -> Value:
        """A vector of one value."""
        single = ir.VectorType(FLOAT, length)(ir.Undefined)
        single = self.builder.insert_element(single, value, LANE(0))
        return self.builder.shuffle_vector(single, single, _lanes([0] * length))

    def spread(self, vectors: list[Value], tap: int, length: int) -> Value:
        """A vector of the element ``tap`` of a row of vectors."""
        vector, *others = vectors
        if tap >= vector.type.count:
            return self.spread(others, tap - vector.type.count, length)
        return self.builder.shuffle_vector(vector, vector, _lanes([tap] * length))

    def fused(self, a: Value, b: Value, c: Value) -> Value:
        """Of a * b + c, rounded once."""
        name, module = f"llvm.fma.v{a.type.count}f32", self.builder.module
        function = module.globals.get(name) or ir.Function(
            module, ir.FunctionType(a.type, [a.type] * 3), name
        )
        return self.builder.call(function, [a, b, c])

    def total(self, vector: Value) -> Value:
        """The sum of the elements of a vector, halved again and again."""
        while (half := vector.type.count // 2) > 0:
            lower = self.builder.shuffle_vector(vector, vector, _lanes(range(half)))
            upper = self.builder.shuffle_vector(vector, vector, _lanes(range(half, 2 * half)))
            vector = self.builder.fadd(lower, upper)
        return self.builder.extract_element(vector, LANE(0))


def _lanes(indices: Iterable[int]) -> Value:
    chosen = list(indices)
    return ir.VectorType(LANE, len(chosen))(chosen)
