"""What a password costs whoever guesses."""

from __future__ import annotations

import subprocess
import sys

from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

# In a process of its own: in this one passwords are cheap, see tests/parts/passwords.py.
HASH = """
from muniment.services.access.passwords import hash_password
print(hash_password("a few words in a row"))
"""


def test_passwords_are_as_dear_as_the_standard_for_argon2_recommends() -> None:
    made = subprocess.run([sys.executable, "-c", HASH], capture_output=True, text=True, check=True)
    assert extract_parameters(made.stdout.strip()) == RFC_9106_LOW_MEMORY
