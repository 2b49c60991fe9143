"""Files that are pickles: one, several after each other, or PyTorch's first format.

torch.save before 1.6:   magic ▸ version ▸ system ▸ the object ▸ keys of storages ▸ raw numbers
"""

from __future__ import annotations

from typing import BinaryIO, Final

from muniment.scanning.looking import Scan
from muniment.scanning.pickles.machine import Machine
from muniment.scanning.pickles.reading import Reader, Unreadable
from muniment.scanning.pickles.values import Global

_TORCH_MAGIC: Final = 0x1950A86A20F9469CFC6C
_MAX_PICKLES: Final = 1_000


def scan_pickle(file: BinaryIO, scan: Scan) -> str:
    """Scan a file that starts with a pickle to its end; return its format."""
    reader = Reader(file)
    first = _run(reader, scan)
    if first is _FAILED:
        return "pickle"
    if first == _TORCH_MAGIC:
        return _scan_torch(reader, scan)
    if not _at_end(file):
        scan.unknown("data after the pickle", "another reader may start there")
        _scan_more(file, scan)
    return "pickle"


def scan_torch_data(file: BinaryIO, scan: Scan) -> str:
    """Scan the `data.pkl` of a zip of PyTorch's, whose storages lie beside it."""
    if _run(Reader(file), scan, torch=True) is not _FAILED and not _at_end(file):
        scan.unknown("data after the pickle", "another reader may start there")
        _scan_more(file, scan)
    return "pickle"


def looks_like_pickle(file: BinaryIO, scan: Scan, *, text: bool) -> bool:
    """Say whether a file without the mark of newer protocols is a pickle, or acts like one.

    What it did up to where it stops making sense counts: a reader would have done it. Of text,
    which starts with a name now and then, a call must have come of it.
    """
    trial = Scan(scan.name, scan.budget, scan.look, depth=scan.depth)
    machine = Machine(Reader(file), trial, persistent=_stops)
    try:
        machine.run()
    except Unreadable:
        stopped = False
    else:
        stopped = _at_end(file)
    file.seek(0)
    if text:
        return machine.calls > 0 or (stopped and machine.names > 0)
    return machine.calls > 0 or machine.names > 0 or stopped


_FAILED: Final = object()


def _run(reader: Reader, scan: Scan, *, torch: bool = False) -> object:
    machine = Machine(reader, scan, persistent=_is_storage if torch else None)
    try:
        return machine.run()
    except Unreadable as e:
        scan.unknown("the pickle can't be followed to its end", str(e))
        return _FAILED


def _scan_torch(reader: Reader, scan: Scan) -> str:
    for _ in range(2):
        if _run(reader, scan) is _FAILED:
            return "torch (legacy)"
    for torch in (True, False):
        if _run(reader, scan, torch=torch) is _FAILED:
            return "torch (legacy)"
    return "torch (legacy)"  # the rest is read as numbers


def _scan_more(file: BinaryIO, scan: Scan) -> None:
    for _ in range(_MAX_PICKLES):
        if _at_end(file):
            return
        machine = Machine(Reader(file), scan)
        try:
            machine.run()
        except Unreadable:
            return
    scan.unknown("many pickles after each other", "not all were looked at")


def _stops(_pid: object) -> bool:
    raise Unreadable("a persistent id, which ordinary readers don't know")


def _at_end(file: BinaryIO) -> bool:
    at = file.tell()
    more = file.read(1)
    file.seek(at)
    return not more


def _is_storage(pid: object) -> bool:
    """Say whether a persistent id names a storage, or a class, as torch.save writes it."""
    if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module":
        return isinstance(pid[1], Global)
    return (
        isinstance(pid, tuple)
        and len(pid) in (5, 6)
        and pid[0] == "storage"
        and isinstance(pid[1], Global)
        and pid[1].module in ("torch", "torch.storage")
        and pid[1].name.endswith("Storage")
        and isinstance(pid[2], str)
        and isinstance(pid[3], str)
        and isinstance(pid[4], int)
    )
