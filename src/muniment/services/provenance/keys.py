"""The keys that a workspace trusts. Changing them is for who manages its stages and policies."""

from __future__ import annotations

from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.signatures import (
    KEYS_DOCUMENT,
    TrustedKey,
    added_to,
    check_key_name,
    keys_document,
    keys_of,
)
from muniment.domain.values import JsonObject
from muniment.errors import Conflict, NotFound
from muniment.services.access.audit import audited
from muniment.services.records import Records
from muniment.signing.keys import read_trusted
from muniment.storage.metadata import MetadataStore


def trusted_keys(store: MetadataStore, workspace: str) -> tuple[TrustedKey, ...]:
    """Return the keys that a workspace trusts, by their names."""
    document = store.document(workspace, KEYS_DOCUMENT)
    return () if document is None else keys_of(document.body)


class Keys(Records):
    """Whose signatures count in the caller's workspace."""

    def keys(self) -> tuple[TrustedKey, ...]:
        """Return the keys that are trusted, by their names."""
        self._require(Verb.READ)
        return trusted_keys(self._store, self._caller.workspace)

    def trust_key(self, name: str, pem: str) -> TrustedKey:
        """Trust a public key, or what a certificate vouches for; again is fine.

        Raises:
            InvalidInput: `pem` is neither.
            Conflict: another key has that name: who means to replace it drops it first.
        """
        self._require(Verb.STAGES)
        check_key_name(name)
        kind, key_id, normal = read_trusted(pem)
        keys, revision = self._present()
        present = next((key for key in keys if key.name == name), None)
        if present is not None:
            if (present.kind, present.id) == (kind, key_id):
                return present
            raise Conflict(
                f"The name {name!r} is another key's, which {present.added_by} added.",
                hint=f"`muniment keys drop {name}` first, if it is to be replaced.",
            )
        now = self._ports.clock()
        key = TrustedKey(name, kind, key_id, normal, now, self._caller.actor)
        self._save(added_to(keys, key), revision)
        self._audit(ActivityKind.KEY_TRUSTED, key)
        return key

    def drop_key(self, name: str) -> None:
        """Trust a key no more; what it alone has signed is not verified from now on."""
        self._require(Verb.STAGES)
        keys, revision = self._present()
        gone = next((key for key in keys if key.name == name), None)
        if gone is None:
            raise NotFound(
                f"No trusted key is called {name!r:.200}.", hint="`muniment keys` lists them."
            )
        self._save(tuple(key for key in keys if key is not gone), revision)
        self._audit(ActivityKind.KEY_DROPPED, gone)

    def _present(self) -> tuple[tuple[TrustedKey, ...], int]:
        document = self._store.document(self._caller.workspace, KEYS_DOCUMENT)
        return ((), 0) if document is None else (keys_of(document.body), document.revision)

    def _save(self, keys: tuple[TrustedKey, ...], revision: int) -> None:
        self._store.save_document(
            self._caller.workspace, KEYS_DOCUMENT, keys_document(keys), expect=revision
        )

    def _audit(self, kind: ActivityKind, key: TrustedKey) -> None:
        if self._ports.auditor is not None:
            details: JsonObject = {"key": key.name, "kind": key.kind.value, "id": key.id}
            now = self._ports.clock()
            self._ports.auditor.record(audited(kind, self._caller, now, details=details))
