"""Addresses without credentials."""

from __future__ import annotations

import pytest

from muniment.domain.repositories import address_of


@pytest.mark.parametrize(
    ("remote", "shown"),
    [
        ("https://ada:se@cret@example.com/x.git?token=1#y", "https://example.com/x.git"),
        ("ssh://git@example.com:2222/team/x", "ssh://example.com:2222/team/x"),
        ("git@example.com:team/x.git", "ssh://example.com/team/x.git"),
        ("example.com:/srv/x.git", "ssh://example.com/srv/x.git"),
        ("ada:secret@example.com:x", ""),
        ("/srv/git/x.git", ""),
        ("file:///srv/git/x.git", ""),
        (r"C:\git\x", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_remote_is_told_without_credentials(remote: str, shown: str) -> None:
    assert address_of(remote) == shown
