"""Passwords that cost next to nothing, as long as tests run.

What makes argon2 slow for whoever guesses was two thirds of what tests with users took. How dear a
password is stands in its hash: servers that a test starts check those that it made as cheaply. What
it costs for real is looked at by tests/services/test_passwords.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from muniment.services.access import passwords


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash with the least that argon2 allows."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", lambda: cheap)
        yield
