"""NumPy's dtypes in pickles, and the arrays that joblib writes between opcodes.

A dtype that lies about holding objects would make NumPy take numbers for addresses; a size that
lies would make joblib and this scan go on reading at different places. Both are refused.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from muniment.scanning.looking import GaveUp, Scan
from muniment.scanning.pickles.arguments import code_of, size_of
from muniment.scanning.pickles.reading import Unreadable
from muniment.scanning.pickles.values import Global, Instance, Mapping

if TYPE_CHECKING:
    from muniment.scanning.pickles.machine import Machine

_DTYPE: Final = Global("numpy", "dtype")
_INLINE: Final = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
_HAS_OBJECTS: Final = 63  # the flags of NumPy's object dtype
_ALIGNMENT: Final = 16


def is_inline(value: Instance) -> bool:
    """Say whether joblib would read an array when it has set this one's state."""
    return value.of == _INLINE


def check_state(target: Instance, scan: Scan) -> None:
    """Note it if the state that was just set on a dtype is not one that NumPy writes."""
    if target.of != _DTYPE:
        return
    why = "numbers could be taken for addresses"
    if target.builds > 1:
        scan.fail("sets the state of a dtype again", why)
    state = target.state
    if not isinstance(state, tuple) or len(state) not in (8, 9) or not _consistent(target, state):
        scan.fail("sets a dtype's state as NumPy does not", why)


def _consistent(dtype: Instance, state: tuple[object, ...]) -> bool:
    code, (version, order, sub, names, fields, size, alignment, flags) = code_of(dtype), state[:8]
    if version not in (3, 4) or order not in ("<", ">", "|", "=") or sub is not None:
        return False
    if not all(isinstance(number, int) for number in (size, alignment, flags)):
        return False
    if code == "O":
        return flags == _HAS_OBJECTS and names is None and fields is None and size == -1
    if code in ("U", "S", "V"):
        if size != size_of(dtype):
            return False
    elif size != -1:
        return False
    if names is None and fields is None:
        return not (isinstance(flags, int) and flags & 1)
    return code == "V" and isinstance(fields, Mapping) and _plain_fields(dtype, fields)


def _plain_fields(dtype: Instance, fields: Mapping) -> bool:
    """Say whether all fields are plain numbers or text, and lie within."""
    for field in fields.entries.values():
        if not isinstance(field, tuple) or len(field) not in (2, 3):
            return False
        part, offset = field[:2]
        if code_of(part) in (None, "O", "V") or not isinstance(offset, int) or offset < 0:
            return False
        if offset + size_of(part) > size_of(dtype):
            return False
    return True


def read_inline(wrapper: Instance, machine: Machine) -> Instance:
    """Pass over the array that joblib reads here, and return a description of it.

    Objects follow as a pickle of their own; a reader that is not joblib's would take that for
    the next opcodes, so it is followed in both ways.
    """
    state = wrapper.state
    reader, scan = machine.reader, machine.scan
    if not isinstance(state, Mapping) or reader.in_frame():
        raise Unreadable("an array does not follow where joblib would read it")
    shape, dtype = state.entries.get("shape"), state.entries.get("dtype")
    if not isinstance(shape, tuple) or not isinstance(dtype, Instance) or code_of(dtype) is None:
        raise Unreadable("an array's shape or type is not literal")
    if code_of(dtype) == "O":
        if state.entries.get("allow_mmap") is not False:
            scan.fail("maps objects into memory", "numbers would be taken for addresses")
        _follow_nested(machine)
    else:
        if state.entries.get("numpy_array_alignment_bytes") != _ALIGNMENT:
            raise Unreadable("an array is not padded (joblib before 1.2 wrote it)")
        padding = reader.number(1)
        if not 1 <= padding <= _ALIGNMENT:  # as opcodes these mean nothing: no other reader goes on
            raise Unreadable("an array is not padded as joblib pads it")
        reader.skip(padding + _count(shape) * size_of(dtype))
    return Instance(Global("numpy", "ndarray"))


def _count(shape: tuple[object, ...]) -> int:
    count = 1
    for length in shape:
        if isinstance(length, Instance) and length.of.name == "scalar":
            raise Unreadable("an array's shape is not literal")
        if not isinstance(length, int) or length < 0:
            raise Unreadable("an array's shape is not made of lengths")
        count *= length
    return count


def _follow_nested(machine: Machine) -> None:
    from muniment.scanning.pickles.machine import Machine

    reader = machine.reader
    start = reader.tell()
    try:
        inner = machine.scan.inside(f"array at {start}")
    except GaveUp as e:
        raise Unreadable(str(e)) from e
    Machine(reader, inner, joblib=False).run()
    end = reader.tell()
    reader.file.seek(start)
    with suppress(Unreadable):  # another reader stops there, too; what it had done was noted
        machine.fork(inner).run()
    reader.file.seek(end)
