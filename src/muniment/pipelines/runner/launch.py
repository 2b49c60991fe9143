"""Run a command that sees a folder as /opt/ml: `python launch.py FOLDER COMMAND …`.

A user and a mount namespace of its own make that possible without privileges, where the system
allows it. Nothing of it can be seen from outside, and nothing is left of it. The user stays who it
is. Where /opt/ml does not exist, the namespace gets an /opt of its own that shows the real one:

    /opt (tmpfs)
    ├── ml          ── FOLDER
    └── all others  ── the real ones

Exit code 125 means that it was not possible, 127 that there is no such command.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

NOT_POSSIBLE = 125
NOT_FOUND = 127

_NEW_NAMESPACES = 0x10000000 | 0x00020000  # CLONE_NEWUSER, CLONE_NEWNS
_BIND, _ALL_BELOW, _PRIVATE = 4096, 16384, 1 << 18  # MS_BIND, MS_REC, MS_PRIVATE
_DETACH = 2  # MNT_DETACH
OPT = Path("/opt")


def see_as_opt_ml(folder: Path) -> None:
    """Let this process, and those that it starts, see a folder as /opt/ml. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()

    def check(result: int) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def mount(source: Path | str, target: Path, kind: bytes | None, flags: int) -> None:
        check(libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, None))

    check(libc.unshare(_NEW_NAMESPACES))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    mount("none", Path("/"), None, _ALL_BELOW | _PRIVATE)
    if not (OPT / "ml").is_dir():
        real = folder.parent / "real"
        real.mkdir(exist_ok=True)
        mount(OPT, real, None, _BIND | _ALL_BELOW)
        mount("none", OPT, b"tmpfs", 0)
        for entry in real.iterdir():
            shown = OPT / entry.name
            if entry.is_symlink():
                shown.symlink_to(entry.readlink())
                continue
            shown.mkdir() if entry.is_dir() else shown.touch()
            mount(entry, shown, None, _BIND | _ALL_BELOW)
        (OPT / "ml").mkdir()
        check(libc.umount2(os.fsencode(real), _DETACH))
    mount(folder, OPT / "ml", None, _BIND)


def main() -> None:
    """Run the command in place of this process."""
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    try:
        see_as_opt_ml(folder)
    except OSError as error:
        print(f"/opt/ml can't be mounted: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(NOT_POSSIBLE)
    try:
        os.execvp(command[0], command)  # noqa: S606 - that is what it is for
    except OSError as error:
        print(f"{command[0]} can't be run: {error.strerror}.", file=sys.stderr)  # noqa: T201
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main()
