"""What each pickle opcode does to the symbolic machine."""

from __future__ import annotations

import ast
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from muniment.scanning.pickles.reading import Reader, Unreadable
from muniment.scanning.pickles.values import (
    HARMLESS,
    MAX_DEPTH,
    MAX_KEPT,
    OTHER,
    Big,
    Global,
    Instance,
    Listing,
    Mapping,
    callable_in,
)

if TYPE_CHECKING:
    from muniment.scanning.pickles.machine import Machine

_MAX_DIGITS: Final = 4_000


def _int_line(line: bytes) -> int:
    if len(line) > _MAX_DIGITS:
        raise Unreadable("a number has too many digits")
    try:
        return int(line)
    except ValueError as e:
        raise Unreadable("a number is none") from e


def _int(m: Machine) -> None:
    line = m.reader.line()
    m.push({b"00": False, b"01": True}[line] if line in (b"00", b"01") else _int_line(line))


def _long(m: Machine) -> None:
    m.push(_int_line(m.reader.line().removesuffix(b"L")))


def _float(m: Machine) -> None:
    try:
        m.push(float(m.reader.line()))
    except ValueError as e:
        raise Unreadable("a number is none") from e


def _long_of(m: Machine, size: int) -> None:
    data = m.reader.data(size)
    m.push(OTHER if isinstance(data, Big) else int.from_bytes(data, "little", signed=True))


def _string(m: Machine) -> None:
    try:
        value = ast.literal_eval("b" + m.reader.line().decode("ascii"))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as e:
        raise Unreadable("a string is not quoted as it should be") from e
    m.push(_latin(value))


def _latin(value: bytes | Big) -> str | Big:
    return Big(text=True, size=value.size) if isinstance(value, Big) else value.decode("latin-1")


def _unicode(m: Machine) -> None:
    try:
        text = m.reader.line().decode("raw-unicode-escape")
    except UnicodeDecodeError as e:
        raise Unreadable("a text has a bad escape") from e
    m.push(text if len(text) <= MAX_KEPT else Big(text=True, size=len(text)))


def _global(m: Machine) -> None:
    try:
        module, name = (m.reader.line().decode("utf-8") for _ in range(2))
    except UnicodeDecodeError as e:
        raise Unreadable("a name is not UTF-8") from e
    m.import_name(module, name, "GLOBAL")


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.import_name(module, name, "STACK_GLOBAL")


def _inst(m: Machine) -> None:
    _global(m)
    cls = m.pop()
    _old_instance(m, cls, m.pop_mark())


def _obj(m: Machine) -> None:
    items = m.pop_mark()
    if not items:
        raise Unreadable("a class is missing")
    _old_instance(m, items[0], items[1:])


def _old_instance(m: Machine, cls: object, args: list[object]) -> None:
    m.calls += 1
    m.scan.fail(f"calls {cls}", "with an opcode of Python 2, which calls what it names")
    m.push(Instance(cls, tuple(args)) if isinstance(cls, Global) else OTHER)


def _reduce(m: Machine) -> None:
    args, function = m.pop(), m.pop()
    m.call(function, args)


def _newobj(m: Machine) -> None:
    args, cls = m.pop(), m.pop()
    m.make(cls, args)


def _newobj_ex(m: Machine) -> None:
    keywords, args, cls = m.pop(), m.pop(), m.pop()
    m.make(cls, args)
    if not isinstance(keywords, Mapping) or keywords.hides:
        m.scan.fail("makes an instance with unusual arguments", HARMLESS)


def _tuple(m: Machine) -> None:
    m.push(tuple(m.pop_mark()))


def _tuple_of(size: int) -> Callable[[Machine], None]:
    def step(m: Machine) -> None:
        m.push(tuple(reversed([m.pop() for _ in range(size)])))

    return step


def _listing(m: Machine) -> None:
    items = m.pop_mark()
    m.push(Listing("list", any(callable_in(item) for item in items)))


def _dict(m: Machine) -> None:
    items = m.pop_mark()
    m.push(Mapping())
    m.put_items(items)


def _frozenset(m: Machine) -> None:
    items = m.pop_mark()
    m.push(Listing("frozenset", any(callable_in(item) for item in items)))


def _append(m: Machine) -> None:
    m.append([m.pop()])


def _extend(m: Machine) -> None:
    m.append(m.pop_mark())


def _setitem(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.put_items([key, value])


def _mark(m: Machine) -> None:
    if len(m.marks) >= MAX_DEPTH:
        raise Unreadable("it is nested too deep")
    m.marks.append(m.stack)
    m.stack = []


def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _protocol(m: Machine) -> None:
    version = m.reader.number(1)
    if version > 5:
        raise Unreadable(f"protocol {version} is not known")


def _readonly(m: Machine) -> None:
    m.top()


def _next_buffer(m: Machine) -> None:
    m.scan.unknown("takes a buffer from elsewhere", "what its loader gives it can't be told")
    m.push(OTHER)


def _big_float(m: Machine) -> None:
    m.push(struct.unpack(">d", m.reader.take(8))[0])


def _constant(value: object) -> Callable[[Machine], None]:
    return lambda m: m.push(value)


def _pushes(read: Callable[[Reader], object]) -> Callable[[Machine], None]:
    return lambda m: m.push(read(m.reader))


def _sized(size: int) -> Callable[[Machine], None]:
    return lambda m: _long_of(m, m.reader.number(size))


STEPS: Final[dict[int, Callable[[Machine], None]]] = {
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: m.pop_mark().clear(),
    ord("2"): lambda m: m.push(m.top()),
    ord("F"): _float,
    ord("I"): _int,
    ord("J"): _pushes(lambda r: r.number(4, signed=True)),
    ord("K"): _pushes(lambda r: r.number(1)),
    ord("L"): _long,
    ord("M"): _pushes(lambda r: r.number(2)),
    ord("N"): _constant(None),
    ord("P"): lambda m: m.persist(m.reader.line().decode("ascii", "replace")),
    ord("Q"): lambda m: m.persist(m.pop()),
    ord("R"): _reduce,
    ord("S"): _string,
    ord("T"): _pushes(lambda r: _latin(r.data(r.number(4)))),
    ord("U"): _pushes(lambda r: _latin(r.data(r.number(1)))),
    ord("V"): _unicode,
    ord("X"): _pushes(lambda r: r.text(r.number(4))),
    ord("a"): _append,
    ord("b"): lambda m: m.build(),
    ord("c"): _global,
    ord("d"): _dict,
    ord("}"): lambda m: m.push(Mapping()),
    ord("e"): _extend,
    ord("g"): lambda m: m.recall(_int_line(m.reader.line())),
    ord("h"): lambda m: m.recall(m.reader.number(1)),
    ord("i"): _inst,
    ord("j"): lambda m: m.recall(m.reader.number(4)),
    ord("l"): _listing,
    ord("]"): lambda m: m.push(Listing("list")),
    ord("o"): _obj,
    ord("p"): lambda m: m.remember(_int_line(m.reader.line())),
    ord("q"): lambda m: m.remember(m.reader.number(1)),
    ord("r"): lambda m: m.remember(m.reader.number(4)),
    ord("s"): _setitem,
    ord("t"): _tuple,
    ord(")"): _constant(()),
    ord("u"): lambda m: m.put_items(m.pop_mark()),
    ord("G"): _big_float,
    ord("B"): _pushes(lambda r: r.data(r.number(4))),
    ord("C"): _pushes(lambda r: r.data(r.number(1))),
    0x80: _protocol,
    0x81: _newobj,
    0x82: lambda m: m.extension(1),
    0x83: lambda m: m.extension(2),
    0x84: lambda m: m.extension(4),
    0x85: _tuple_of(1),
    0x86: _tuple_of(2),
    0x87: _tuple_of(3),
    0x88: _constant(True),
    0x89: _constant(False),
    0x8A: _sized(1),
    0x8B: _sized(4),
    0x8C: _pushes(lambda r: r.text(r.number(1))),
    0x8D: _pushes(lambda r: r.text(r.number(8))),
    0x8E: _pushes(lambda r: r.data(r.number(8))),
    0x8F: lambda m: m.push(Listing("set")),
    0x90: _extend,
    0x91: _frozenset,
    0x92: _newobj_ex,
    0x93: _stack_global,
    0x94: lambda m: m.remember(len(m.memo)),
    0x95: lambda m: m.reader.begin_frame(m.reader.number(8)),
    0x96: _pushes(lambda r: r.data(r.number(8))),
    0x97: _next_buffer,
    0x98: _readonly,
}
