"""What stands in deploy/, as read by the code of those who will run it: see tests/parts/deployment.

Docker, Compose and Kubernetes themselves are not asked: none of them runs where these tests do.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from muniment.server.settings import Settings
from tests.parts.built import built

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
VARIABLES: Final = {f"MUNIMENT_{name.upper()}" for name in Settings.model_fields}


class Faults(AssertionError):
    """What the reader found."""


def read(*args: object, given: object = None) -> Any:
    """Return what is read; `given` is sent as JSON, which is YAML, too.

    Raises:
        Faults: says which, as the reader does.
    """
    try:
        program = built("deployment")
    except LookupError as error:
        pytest.skip(str(error))
    ran = subprocess.run(
        [program, *map(str, args)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise Faults(ran.stderr)
    return json.loads(ran.stdout)


def is_setting(variable: str) -> bool:
    """Say whether a variable is one of our settings, or names a file with one."""
    return variable in VARIABLES or variable.removesuffix("_FILE") in VARIABLES
