"""Which blobs a caller may name: a digest alone is no ticket to the bytes.

Bytes are stored once for everybody, so whoever could register a version from a bare digest could
read what somebody else uploaded. A caller may name a blob

    - that they have uploaded themselves (a claim),
    - that a version holds which they may download, or
    - that a file outside of versions names, if they may read those.

To anybody else it is missing, whether it is here or not: they upload it, and nothing is stored
twice. In a registry without users everybody is its owner, and all this is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from muniment.domain.access import OWNER, Asked, Verb
from muniment.domain.caller import Caller
from muniment.services.base import Ports
from muniment.storage.metadata import ModelId


def claim(ports: Ports, caller: Caller, digest: str) -> None:
    """Note that the caller has these bytes."""
    if ports.accounts is not None and caller.principal is not OWNER:
        ports.accounts.claim_blob(digest, caller.workspace, caller.actor, ports.clock())


def nameable(ports: Ports, caller: Caller, digests: Iterable[str]) -> frozenset[str]:
    """Return those of the digests that the caller may name; the others look missing."""
    asked = frozenset(digests)
    if ports.accounts is None or caller.principal is OWNER:
        return asked
    claimed = ports.accounts.claimed_blobs(sorted(asked), caller.workspace, caller.actor)
    others = sorted(asked - claimed)
    if not others:
        return claimed
    held: set[str] = set()
    readable: dict[int, bool] = {}
    for digest, model_id in ports.accounts.models_with_blobs(others, caller.workspace):
        if model_id not in readable:
            readable[model_id] = _may_download(ports, caller, model_id)
        if readable[model_id]:
            held.add(digest)
    if caller.principal.may(Verb.READ_RUNS):
        held |= ports.metadata.blobs_of_files(caller.workspace, set(others) - held)
    return claimed | held


def _may_download(ports: Ports, caller: Caller, model_id: int) -> bool:
    model = ports.metadata.model(ModelId(caller.workspace, model_id))
    if model is None:
        return False
    asked = Asked.about(model)
    return all(caller.principal.may(verb, asked) for verb in (Verb.READ, Verb.DOWNLOAD))
