"""Vectors of floats that stay in the processor's registers, for the loops that a compiler does not find by itself.

numba knows numbers and arrays. What is here lets a kernel say "these 32 numbers at once": LLVM parts them among the
registers that a processor has, whatever their width. As with :mod:`.numba_shared`, numba does not notice when this file
changes; see there.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

_FLOAT = ir.FloatType()
_NUMBER = ir.IntType(32)
_BYTES = ir.IntType(8).as_pointer()


class Vector(types.Type):
    """Several float32."""

    def __init__(self, lanes: int) -> None:
        super().__init__(name=f"float32x{lanes}")
        self.lanes = lanes

    @property
    def llvm(self) -> Any:
        return ir.VectorType(_FLOAT, self.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.llvm)


def _address(context: Any, builder: Any, kind: Any, array: Any, i: Any, content: Any) -> Any:
    """Where element ``i`` lies, as the address of something else."""
    start = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(start, [i]), content.as_pointer())


def _stored(array: Any, lanes: int) -> Any:
    """How as many numbers lie in an array."""
    number = _FLOAT if array.dtype == types.float32 else ir.IntType(array.dtype.bitwidth)
    return ir.VectorType(number, lanes)


def _floats(builder: Any, numbers: Any) -> Any:
    if numbers.type.element == _FLOAT:
        return numbers
    wide = ir.VectorType(_NUMBER, numbers.type.count)
    return builder.sitofp(builder.zext(numbers, wide), ir.VectorType(_FLOAT, numbers.type.count))


def _shuffled(builder: Any, vector: Any, order: list[int], behind: Any = None) -> Any:
    """Some lanes of a vector, or of two laid side by side."""
    places = ir.Constant(ir.VectorType(_NUMBER, len(order)), order)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined) if behind is None else behind, places)


@intrinsic(prefer_literal=True)
def read(context: Any, array: Any = None, i: Any = None, lanes: Any = None) -> Any:  # numba gives the context
    """``lanes`` numbers of an array from element ``i`` on, of float32, uint16 or uint8."""
    vector = Vector(lanes.literal_value)
    stored = _stored(array, vector.lanes)

    def generate(context, builder, signature, arguments):
        place = _address(context, builder, array, arguments[0], arguments[1], stored)
        return _floats(builder, builder.load(place, align=array.dtype.bitwidth // 8))

    return vector(array, types.intp, lanes), generate


@intrinsic(prefer_literal=True)
def read_third(context: Any, array: Any = None, i: Any = None, first: Any = None) -> Any:
    """16 numbers, of 48 of a uint8 array from element ``i`` on every third one, starting at ``first``."""
    stored, order = _stored(array, 48), [first.literal_value + 3 * lane for lane in range(16)]

    def generate(context, builder, signature, arguments):
        place = _address(context, builder, array, arguments[0], arguments[1], stored)
        return _floats(builder, _shuffled(builder, builder.load(place, align=1), order))

    return Vector(16)(array, types.intp, first), generate


@intrinsic(prefer_literal=True)
def read_thrice(context: Any, array: Any = None, i: Any = None, lanes: Any = None) -> Any:
    """Three numbers again and again until there are ``lanes``; the fourth is read, too, and left out."""
    vector = Vector(lanes.literal_value)

    def generate(context, builder, signature, arguments):
        place = _address(context, builder, array, arguments[0], arguments[1], ir.VectorType(_FLOAT, 4))
        return _shuffled(builder, builder.load(place, align=4), [lane % 3 for lane in range(vector.lanes)])

    return vector(array, types.intp, lanes), generate


@intrinsic
def write(context: Any, array: Any = None, i: Any = None, vector: Any = None) -> Any:
    """Put a vector into an array from element ``i`` on, without what is behind the point if it is one of uint8."""
    stored = _stored(array, vector.lanes)

    def generate(context, builder, signature, arguments):
        place = _address(context, builder, array, arguments[0], arguments[1], stored)
        numbers = arguments[2]
        if stored.element != _FLOAT:
            numbers = builder.trunc(builder.fptosi(numbers, ir.VectorType(_NUMBER, vector.lanes)), stored)
        builder.store(numbers, place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic(prefer_literal=True)
def read_often(context: Any, array: Any = None, i: Any = None, lanes: Any = None) -> Any:
    """One number of an array, ``lanes`` times."""
    vector = Vector(lanes.literal_value)

    def generate(context, builder, signature, arguments):
        start = context.make_array(array)(context, builder, arguments[0]).data
        return _splat(builder, builder.load(builder.gep(start, [arguments[1]])), vector)

    return vector(array, types.intp, lanes), generate


@intrinsic(prefer_literal=True)
def splat(context: Any, number: Any = None, lanes: Any = None) -> Any:
    """One number, ``lanes`` times."""
    vector = Vector(lanes.literal_value)

    def generate(context, builder, signature, arguments):
        return _splat(builder, arguments[0], vector)

    return vector(types.float32, lanes), generate


def _splat(builder: Any, number: Any, vector: Vector) -> Any:
    empty = ir.Constant(vector.llvm, ir.Undefined)
    return _shuffled(builder, builder.insert_element(empty, number, ir.Constant(_NUMBER, 0)), [0] * vector.lanes)


@intrinsic
def fma(context: Any, a: Any = None, b: Any = None, c: Any = None) -> Any:
    """a * b + c, rounded once where the processor can."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(a.llvm, [a.llvm] * 3)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{a.lanes}f32")
        return builder.call(function, arguments)

    return a(a, a, a), generate


def _comparison(sign: str) -> Any:
    @intrinsic
    def operation(context: Any, a: Any = None, b: Any = None) -> Any:
        def generate(context, builder, signature, arguments):
            return builder.select(builder.fcmp_ordered(sign, *arguments), *arguments)

        return a(a, a), generate

    return operation


larger, smaller = _comparison(">"), _comparison("<")
"""Of each two numbers the larger or smaller one, b's where one is not a number."""


def _arithmetic(name: str) -> Any:
    @intrinsic
    def operation(context: Any, a: Any = None, b: Any = None) -> Any:
        return a(a, a), lambda context, builder, signature, arguments: getattr(builder, name)(*arguments)

    return operation


plus, minus, times, over = (_arithmetic(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


@intrinsic(prefer_literal=True)
def slid(context: Any, a: Any = None, b: Any = None, count: Any = None) -> Any:
    """A vector that begins ``count`` numbers behind a's beginning and goes on with b's."""
    order = [count.literal_value + lane for lane in range(a.lanes)]

    def generate(context, builder, signature, arguments):
        return _shuffled(builder, arguments[0], order, arguments[1])

    return a(a, a, count), generate


@intrinsic(prefer_literal=True)
def thrice(context: Any, a: Any = None, part: Any = None) -> Any:
    """Every number three times: the first, second or third vector of that (``part`` 0 to 2)."""
    order = [(a.lanes * part.literal_value + lane) // 3 for lane in range(a.lanes)]

    def generate(context, builder, signature, arguments):
        return _shuffled(builder, arguments[0], order)

    return a(a, part), generate


@intrinsic
def four_sums(context: Any, a: Any = None, b: Any = None, c: Any = None, d: Any = None) -> Any:
    """What the numbers of each of four vectors of 32 sum up to, as a vector of four."""
    quarters = [range(4 * i, 4 * i + 4) for i in range(8)]

    def generate(context, builder, signature, arguments):
        def add(left, right, first, second):
            """Some quarters of two vectors laid side by side, and others added to them."""
            parts = [[lane for quarter in order for lane in quarters[quarter]] for order in (first, second)]
            return builder.fadd(*[_shuffled(builder, left, part, right) for part in parts])

        halved = [add(v, v, (0, 1, 2, 3), (4, 5, 6, 7)) for v in arguments]
        # of two vectors of 16 the second one's quarters are 4 to 7
        ab, cd = (add(left, right, (0, 4, 1, 5), (2, 6, 3, 7)) for left, right in (halved[:2], halved[2:]))
        four = add(ab, cd, (0, 1, 4, 5), (2, 3, 6, 7))
        four = builder.fadd(four, _shuffled(builder, four, [lane ^ 2 for lane in range(16)]))
        four = builder.fadd(four, _shuffled(builder, four, [lane ^ 1 for lane in range(16)]))
        return _shuffled(builder, four, [0, 4, 8, 12])

    return Vector(4)(a, a, a, a), generate


@intrinsic
def fetch(context: Any, array: Any = None, i: Any = None) -> Any:
    """Have the line of the cache that holds element ``i`` fetched from the memory, and do not wait for it."""

    def generate(context, builder, signature, arguments):
        start = context.make_array(array)(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(start, [arguments[1]]), _BYTES)
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _NUMBER, _NUMBER, _NUMBER])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, keep, data = 0, 3, 1
        builder.call(function, [place, *(ir.Constant(_NUMBER, n) for n in (read, keep, data))])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate
