"""A symbolic pickle machine: it does what the real one does, to descriptions of values.

    opcodes ──> stack and memo of descriptions (values.py)
                 ├─ a name is imported ─────> on the list?                       (names.py)
                 ├─ something is called ────> a listed name, with such arguments? (arguments.py)
                 ├─ a state is set ─────────> on an instance, with no magic names?
                 └─ STOP

Nothing is imported, called or made. What the machine can't follow, it does not let pass: the
operands of an import must be literal strings on its stack, and only what it knows to be an
instance, a list or a dict can be written to. So neither the memo, nor a name with dots, nor
attributes set on a function hide anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from muniment.scanning.looking import Scan, shown
from muniment.scanning.pickles import arrays
from muniment.scanning.pickles.names import use_of
from muniment.scanning.pickles.opcodes import STEPS
from muniment.scanning.pickles.reading import Reader, Unreadable
from muniment.scanning.pickles.values import (
    HARMLESS,
    MAX_DEPTH,
    OTHER,
    Global,
    Instance,
    Listing,
    Mapping,
    Persistent,
    callable_in,
)

_IDENTIFIER: Final = re.compile(r"[^\W\d][\w.]*")


class Machine:
    """One run over one pickle, from its first opcode to its STOP.

    `persistent` says which persistent ids its loader knows. `names` and `calls` count what the
    pickle made happen so far: data that merely looks like a pickle gets nowhere.
    """

    reader: Reader
    stack: list[object]
    marks: list[list[object]]
    memo: dict[int, object]

    def __init__(
        self,
        reader: Reader,
        scan: Scan,
        *,
        persistent: Callable[[object], bool] | None = None,
        joblib: bool = True,
    ) -> None:
        self.reader = reader
        self.scan = scan
        self.persistent = persistent
        self.joblib = joblib
        self.stack = []
        self.marks = []
        self.memo = {}
        self.names = 0
        self.calls = 0

    def run(self) -> object:
        """Follow the pickle to its STOP, and return a description of what it makes.

        Raises:
            Unreadable: it is no pickle, or one that its readers would stop at, too.
        """
        budget, limit = self.scan.budget, self.scan.budget.limits.operations
        reader = self.reader
        while True:
            opcode = reader.opcode()
            budget.operations += 1
            if budget.operations > limit:
                raise Unreadable(f"it has more than {limit:,} opcodes")
            if opcode == 0x2E:  # STOP
                if reader.in_frame():
                    raise Unreadable("it stops before the end of a frame")
                return self.pop()
            step = STEPS.get(opcode)
            if step is None:
                raise Unreadable(f"0x{opcode:02x} is no pickle opcode")
            step(self)

    def fork(self, scan: Scan) -> Machine:
        """Return a machine that goes on from here on its own, as a reader that is not joblib's."""
        reader = Reader(self.reader.file)
        other = Machine(reader, scan, persistent=self.persistent, joblib=False)
        other.stack = list(self.stack)
        other.marks = [list(items) for items in self.marks]
        other.memo = dict(self.memo)
        return other

    # --- the stack

    def push(self, value: object) -> None:
        """Put a value on the stack."""
        if len(self.stack) >= MAX_DEPTH:
            raise Unreadable(f"more than {MAX_DEPTH:,} values wait on its stack")
        self.stack.append(value)

    def pop(self) -> object:
        """Take the topmost value."""
        if not self.stack:
            raise Unreadable("its stack is empty when a value is needed")
        return self.stack.pop()

    def top(self) -> object:
        """Look at the topmost value."""
        if not self.stack:
            raise Unreadable("its stack is empty when a value is needed")
        return self.stack[-1]

    def pop_mark(self) -> list[object]:
        """Take all values down to the last mark."""
        if not self.marks:
            raise Unreadable("a mark is missing")
        items = self.stack
        self.stack = self.marks.pop()
        return items

    # --- imports

    def import_name(self, module: object, name: object, how: str) -> None:
        """Import `module.name`, whose parts must be literal."""
        if not isinstance(module, str) or not isinstance(name, str):
            if not any(isinstance(part, Persistent) or part is OTHER for part in (module, name)):
                raise Unreadable(f"{how} of a name that is no text")  # nothing listed returns text
            self.names += 1
            self.scan.fail(f"{how} of a name that is computed", "what it imports can't be told")
            self.push(Global("?", "?"))
            return
        self.names += bool(_IDENTIFIER.fullmatch(module) and _IDENTIFIER.fullmatch(name))
        found = Global(module, name)
        if use_of(found) is None:
            self.scan.fail(f"imports {shown(str(found))}", HARMLESS)
        self.push(found)

    def extension(self, size: int) -> None:
        """Import by a number of the extension registry."""
        self.names += 1
        self.reader.take(size)
        self.scan.fail("imports by an extension code", "what it imports can't be told")
        self.push(Global("?", "?"))

    # --- calls

    def call(self, function: object, args: object) -> None:
        """Call a function."""
        self.calls += 1
        if not isinstance(function, Global):
            self.scan.fail("calls something computed", "what it calls can't be told")
            self.push(OTHER)
            return
        use = use_of(function)
        if not isinstance(args, tuple):
            self.scan.fail(f"calls {function} with computed arguments", HARMLESS)
            args = ()
        elif use is not None:  # else the import was noted
            if use.call is None or not use.call(args):
                self.scan.fail(f"calls {function}", "not as the picklers of ordinary models do")
            self._check_class_in(function, args)
        self.push(Instance(function, args))

    def _check_class_in(self, function: Global, args: tuple[object, ...]) -> None:
        """Check the class that a function makes an instance of."""
        if function.name in ("_reconstructor", "newObj") or function.name.startswith("__pyx_unpi"):
            for arg in args[:1]:
                if isinstance(arg, Global):
                    use = use_of(arg)
                    fixed = arg.module.startswith(("pandas._libs", "numpy.random"))
                    if use is not None and not use.make and not fixed:
                        self.scan.fail(f"makes an instance of {arg}", HARMLESS)

    def make(self, cls: object, args: object) -> None:
        """Make an instance without initialising it."""
        self.calls += 1
        if not isinstance(cls, Global):
            self.scan.fail("makes an instance of something computed", "what it is can't be told")
            self.push(OTHER)
            return
        use = use_of(cls)
        if use is not None and not use.make:
            self.scan.fail(f"makes an instance of {cls}", HARMLESS)
        if not isinstance(args, tuple) or any(callable_in(arg) for arg in args):
            self.scan.fail(f"makes an instance of {cls} with unusual arguments", HARMLESS)
            args = ()
        self.push(Instance(cls, args))

    def build(self) -> None:
        """Set the state of an instance."""
        self.calls += 1
        state = self.pop()
        target = self.top()
        if not isinstance(target, Instance):
            self.scan.fail("sets attributes on what is no instance", "it changes what is there")
            return
        use = use_of(target.of)
        attributes = state if isinstance(state, Mapping) else None
        if isinstance(state, tuple) and len(state) == 2 and not _own_pair(target.of):
            self.scan.fail(
                f"sets attributes of {target.of} by name", "properties and classes can be replaced"
            )
            attributes = state[0] if isinstance(state[0], Mapping) else None
        if attributes is not None and attributes.magic:
            self.scan.fail(
                f"sets {shown(attributes.magic)} on an instance of {target.of}",
                "it changes what the instance does",
            )
        if isinstance(target.state, Mapping) and attributes is not None:
            attributes.entries = {**target.state.entries, **attributes.entries}
        target.state = attributes if attributes is not None else state
        target.builds += 1
        arrays.check_state(target, self.scan)
        if use is not None and arrays.is_inline(target) and self.joblib:
            self.stack[-1] = arrays.read_inline(target, self)

    # --- containers

    def put_items(self, pairs: list[object]) -> None:
        """Put keys and values into the topmost value."""
        target = self.top()
        if len(pairs) % 2:
            raise Unreadable("a key has no value")
        self._check_items(target, "sets items of")
        if isinstance(target, Mapping):
            for key, value in zip(pairs[::2], pairs[1::2], strict=True):
                target.put(key, value)

    def append(self, values: list[object]) -> None:
        """Append values to the topmost value."""
        target = self.top()
        self._check_items(target, "appends to")
        if isinstance(target, Listing) and not target.hides:
            target.hides = any(callable_in(value) for value in values)

    def _check_items(self, target: object, what: str) -> None:
        if isinstance(target, (Listing, Mapping)):
            return
        if isinstance(target, Instance):
            use = use_of(target.of)
            if use is None or use.items:
                return
        self.scan.fail(f"{what} what is no list or dict", "it may call what it finds there")

    def persist(self, pid: object) -> None:
        """Ask the loader for what it keeps under a persistent id."""
        if self.persistent is None or not self.persistent(pid):
            self.scan.unknown("has a persistent id", "what its loader makes of it can't be told")
        elif isinstance(pid, tuple) and pid[0] == "module":
            self.push(pid[1])  # PyTorch's loader gives back the class, checked when it was imported
            return
        self.push(Persistent(pid))

    # --- the memo

    def remember(self, index: int) -> None:
        """Keep the topmost value under a number."""
        if index > 2 * len(self.memo) + 100_000:
            raise Unreadable(f"it asks for a memo of {index:,} places")
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        """Push what was kept under a number."""
        if index not in self.memo:
            raise Unreadable(f"nothing was kept under {index}")
        self.push(self.memo[index])


def _own_pair(cls: Global) -> bool:
    """Say whether a class has a pair as its state, of which it makes what it likes."""
    return cls.module.startswith(
        ("numpy.random", "pandas._libs", "collections", "datetime", "pandas.core.arrays")
    )
