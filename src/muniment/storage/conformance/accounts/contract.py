"""What all parts of the suite stand on: open stores, and makers of accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from muniment.domain.accounts import BrowserSession, Token, User, UserKind
from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.metadata.contract import NOON, WORKSPACE, digest, later
from muniment.storage.metadata import MetadataStore

Stores: TypeAlias = tuple[MetadataStore, AccountStore]
NAMES = ["ada", "Ada", "Ünïcode 模型", "U\u0308", "\u00dc", "a b", "a\x00b", "'; --", "%_*", "🦆"]
"""Names that must not be taken for each other."""


class AccountContract:
    """The base of every part. An adapter's test class says what `open_stores` is."""

    @staticmethod
    def open_stores(path: Path) -> Stores:
        """Open both stores at `path`, which the adapter under test creates if need be."""
        raise NotImplementedError

    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[Stores]:
        """Yield stores with the default workspace and nothing else."""
        metadata, accounts = self.open_stores(tmp_path / "store")
        metadata.ensure_workspace(WORKSPACE, NOON)
        yield metadata, accounts
        metadata.close()

    @pytest.fixture
    def metadata(self, stores: Stores) -> MetadataStore:
        """Return the store of models."""
        return stores[0]

    @pytest.fixture
    def accounts(self, stores: Stores) -> AccountStore:
        """Return the store under test."""
        return stores[1]


def user_of(name: str, **fields: Any) -> User:
    """Return a user that is not stored yet."""
    return replace(User(id=0, name=name, kind=UserKind.PERSON, created_at=NOON), **fields)


def token_of(token_id: str, user: str = "ada", **fields: Any) -> Token:
    """Return a token that is not stored yet."""
    plain = Token(token_id, user, f"for {token_id}", digest(token_id), NOON)
    return replace(plain, **fields)


def session_of(content: str, user: str = "ada", **fields: Any) -> BrowserSession:
    """Return a session of an hour that is not stored yet."""
    return replace(BrowserSession(digest(content), user, NOON, later(3_600)), **fields)
