"""What the callables of the list may be called with, in a pickle.

Each rule gets the arguments as the symbolic machine knows them (see `values`), and says whether
they are what picklers write. A rule that is too strict costs a false alarm; one that is too lax
lets a name through to something that calls or imports it.
"""

from __future__ import annotations

import re
from typing import Final

from muniment.scanning.pickles.values import (
    Big,
    Global,
    Instance,
    Listing,
    Mapping,
    Persistent,
    callable_in,
)

_NUMPY_TYPE: Final = re.compile(r"[<>=|]?([?biufcmMSUVO])(\d{1,9})")
_ARRAYS: Final = frozenset(
    Global(module, name)
    for module, name in (
        ("numpy", "ndarray"),
        ("numpy", "memmap"),
        ("numpy", "matrix"),
        ("numpy.matrixlib.defmatrix", "matrix"),
        ("numpy.ma.core", "MaskedArray"),
        ("numpy.ma", "MaskedArray"),
    )
)
_BIT_GENERATORS: Final = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})
_FACTORIES: Final = frozenset(
    [Global("collections", "OrderedDict")]
    + [
        Global(module, name)
        for module in ("builtins", "__builtin__")
        for name in ("list", "dict", "set", "int", "float", "str")
    ]
)


def plain(args: tuple[object, ...]) -> bool:
    """Nothing that could be called."""
    return not any(_hides(arg) for arg in args)


def numbers(args: tuple[object, ...]) -> bool:
    """Numbers and None."""
    return all(arg is None or isinstance(arg, (int, float)) for arg in args)


def one_listing(args: tuple[object, ...]) -> bool:
    """A list or a tuple: not a `range` that would fill the memory."""
    return all(isinstance(arg, (Listing, tuple)) for arg in args) and len(args) <= 1


def listings(args: tuple[object, ...]) -> bool:
    """A list or a dict."""
    return all(isinstance(arg, (Listing, Mapping, tuple)) for arg in args) and len(args) <= 1


def deque(args: tuple[object, ...]) -> bool:
    """A list, and a maximal length."""
    return one_listing(args[:1]) and numbers(args[1:])


def default_factory(args: tuple[object, ...]) -> bool:
    """A factory of empty things."""
    return not args or (len(args) == 1 and (args[0] is None or args[0] in _FACTORIES))


def raw(args: tuple[object, ...]) -> bool:
    """Bytes, or text in Latin 1: not a number, which is a length."""
    match args:
        case () | (bytes() | Big(text=False),):
            return True
        case (str() | Big(text=True), "latin-1" | "latin1"):
            return True
        case (Instance(of=Global("_codecs", "encode")),):
            return True
    return False


def latin(args: tuple[object, ...]) -> bool:
    """Text in Latin 1: other codecs unpack, or run."""
    match args:
        case (str() | Big(text=True), "latin1" | "latin-1"):
            return True
    return False


def reconstructor(args: tuple[object, ...]) -> bool:
    """A class and its base: `object`, or `dict` with one. So the oldest protocols make instances.

    Whether instances may be made of the class is the machine's question.
    """
    match args:
        case (Global(), Global("builtins" | "__builtin__", "object"), None):
            return True
        case (Global(), Global("builtins" | "__builtin__", "dict"), Mapping()):
            return True
    return False


def bare_class(args: tuple[object, ...]) -> bool:
    """One class, of which the machine asks whether instances may be made."""
    return len(args) == 1 and isinstance(args[0], Global)


def unpickle_class(args: tuple[object, ...]) -> bool:
    """As Cython's classes write it: a class, a checksum, a state."""
    return (
        len(args) == 3
        and isinstance(args[0], Global)
        and isinstance(args[1], int)
        and plain(args[2:])
    )


def unpickle_fixed(args: tuple[object, ...]) -> bool:
    """As `unpickle_class`, of a class of NumPy."""
    return (
        len(args) == 3
        and args[0] in {Global("numpy.random.bit_generator", "SeedSequence")}
        and isinstance(args[1], int)
        and plain(args[2:])
    )


def reconstruct(args: tuple[object, ...]) -> bool:
    """An empty array, to be filled by its state."""
    return (
        len(args) == 3
        and args[0] in _ARRAYS
        and args[1] == (0,)
        and (args[2] in (b"b", "b") or _is_encoded(args[2]))
    )


def masked(args: tuple[object, ...]) -> bool:
    """Array classes, a shape and a type code."""
    return (
        len(args) == 4
        and all(arg in _ARRAYS for arg in args[:2])
        and args[2] == (0,)
        and (args[3] in (b"b", "b") or _is_encoded(args[3]))
    )


def dtype(args: tuple[object, ...]) -> bool:
    """A type code, and two switches."""
    return (
        len(args) == 3
        and isinstance(args[0], str)
        and _NUMPY_TYPE.fullmatch(args[0]) is not None
        and numbers(args[1:])
    )


def scalar(args: tuple[object, ...]) -> bool:
    """A number type and bytes: not an object, which would come back as it is."""
    return (
        len(args) == 2
        and code_of(args[0]) not in (None, "O")
        and (isinstance(args[1], (bytes, Big)) or _is_encoded(args[1]))
    )


def from_buffer(args: tuple[object, ...]) -> bool:
    """Bytes, a number type, a shape and an order."""
    return (
        len(args) in (3, 4)
        and (
            isinstance(args[0], (bytes, Big))
            or (isinstance(args[0], Instance) and args[0].of.name == "bytearray")
        )
        and code_of(args[1]) not in (None, "O")
        and plain(args[2:])
    )


def bit_generator(args: tuple[object, ...]) -> bool:
    """A generator of NumPy's, by name or class."""
    return all(
        (isinstance(arg, str) and arg in _BIT_GENERATORS)
        or (
            isinstance(arg, Global)
            and arg.module.startswith("numpy.random._")
            and arg.name in _BIT_GENERATORS
        )
        for arg in args
    )


def generator(args: tuple[object, ...]) -> bool:
    """A bit generator, and the one function that makes them."""
    maker = Global("numpy.random._pickle", "__bit_generator_ctor")
    made = [arg for arg in args[:1] if isinstance(arg, Instance) and arg.of == maker]
    return (bool(made) or bit_generator(args[:1])) and all(arg == maker for arg in args[1:])


def new_index(args: tuple[object, ...]) -> bool:
    """An index class of pandas, and its parts."""
    return (
        len(args) == 2
        and isinstance(args[0], Global)
        and args[0].module.startswith("pandas")
        and args[0].name.endswith("Index")
        and isinstance(args[1], Mapping)
        and not args[1].hides
    )


def tensor(args: tuple[object, ...]) -> bool:
    """A storage that the archive holds, and its geometry."""
    return (
        len(args) >= 4
        and isinstance(args[0], Persistent)
        and plain(args[1:])
        and all(isinstance(arg, (int, bool, tuple, Instance, Mapping)) for arg in args[1:])
    )


def code_of(value: object) -> str | None:
    """Return the letter of a NumPy dtype: `f`, `i`, …; None if it is no dtype."""
    if isinstance(value, Instance) and value.of == Global("numpy", "dtype"):
        match = _NUMPY_TYPE.fullmatch(str(value.args[0]))
        return match.group(1) if match else None
    return None


def size_of(value: Instance) -> int:
    """Return the bytes that one element of a dtype takes."""
    match = _NUMPY_TYPE.fullmatch(str(value.args[0]))
    if match is None:
        return 0
    return int(match.group(2)) * (4 if match.group(1) == "U" else 1)


def _is_encoded(value: object) -> bool:
    return isinstance(value, Instance) and value.of == Global("_codecs", "encode")


def _hides(value: object) -> bool:
    if isinstance(value, (Listing, Mapping)):
        return value.hides
    return callable_in(value)
