"""Where a call must not wait: in the store's own thread, for which others may be waiting.

Whoever waits for something that another thread holds says so by `may_wait`: a mistake is an error
then, and not a registry that stands still. What has changed nothing yet may raise `MustWait`
instead; then the call is made once more, where it may wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_thread = threading.local()


def unwaiting(call: Callable[[], T]) -> T:
    """Make a call that must wait for nothing but its store."""
    _thread.waits_not = True
    try:
        return call()
    finally:
        _thread.waits_not = False


class MustWait(Exception):  # not an error: to be tried again, elsewhere
    """A call has to wait before it changes anything."""


def must_not_wait() -> bool:
    """Say whether this is where waiting may last for ever."""
    return getattr(_thread, "waits_not", False)


def may_wait() -> None:
    """Raise RuntimeError where waiting may last for ever."""
    if must_not_wait():
        raise RuntimeError("This call waits for other threads; it must not run in the store's.")
