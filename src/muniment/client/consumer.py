"""What this process calls itself towards registries: the job whose name is in MUNIMENT_CONSUMER."""

from __future__ import annotations

import os
from typing import Final

from muniment.domain.deployments import check_consumer

CONSUMER: Final = "MUNIMENT_CONSUMER"
HEADER: Final = "X-Muniment-Consumer"


def consumer_here() -> str | None:
    """Return the job's name, or None if the environment has none.

    Raises:
        InvalidInput: it is not one line of at most 200 characters.
    """
    name = os.environ.get(CONSUMER, "")
    return check_consumer(name) if name else None
