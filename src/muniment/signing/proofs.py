"""Proving an evidence pack: everything that it says, by what its history and its digests say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, TypeAlias, cast

from muniment.domain.activities import Activity, ActivityKind, verify_chain
from muniment.domain.entities import NO_STAGE, ModelVersion, RegisteredModel
from muniment.domain.manifest import Manifest
from muniment.domain.signatures import (
    Judgement,
    Signatures,
    SignatureState,
    TrustedKey,
    keys_of,
    together,
)
from muniment.domain.values import (
    Json,
    JsonObject,
    as_object,
    canonical_json,
    sha256_hex,
)
from muniment.errors import Corrupt, InvalidInput
from muniment.signing import packs
from muniment.signing.judging import judge
from muniment.signing.packs import Pack

_Fact: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PackReport:
    """What a pack proves, and what is wrong with it.

    `head` is the hash of the last of `activities` entries of the model's history: whoever knows it
    from the registry (or has noted it) knows that nothing was added, changed or cut off.
    """

    ref: str
    digest: str | None
    activities: int
    head: str
    signatures: SignatureState
    keys: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> JsonObject:
        """Return all of it, for programs."""
        return {
            "ref": self.ref,
            "ok": self.ok,
            "digest": self.digest,
            "activities": self.activities,
            "head": self.head,
            "signatures": self.signatures.value,
            "keys": list(self.keys),
            "problems": list(self.problems),
        }


@dataclass(slots=True)
class _Told:
    """What the history tells of one version."""

    digest: Json = None
    stage: str = NO_STAGE
    checks: list[_Fact] = field(default_factory=list)
    asked: list[_Fact] = field(default_factory=list)
    approved: list[_Fact] = field(default_factory=list)
    signatures: dict[str, _Fact] = field(default_factory=dict)
    edges: set[str] = field(default_factory=set)

    def read(self, entry: Activity) -> None:
        """Remember what an entry about the version says."""
        details, at = entry.details, str(entry.to_json()["at"])
        match entry.kind:
            case ActivityKind.VERSION_CREATED | ActivityKind.VERSION_SEALED:
                self.digest = details.get("digest", self.digest)
            case ActivityKind.STAGE_CHANGED:
                self.stage = str(details["to"])
            case ActivityKind.CHECK_REPORTED:
                self.checks.append(
                    (str(details["check"]), str(details["verdict"]), entry.actor, at)
                )
            case ActivityKind.REQUEST_CREATED:
                self.asked.append((str(details["to"]), entry.actor))
            case ActivityKind.REQUEST_APPROVED:
                self.approved.append((str(details["to"]), entry.actor))
            case ActivityKind.SIGNATURE_ADDED:
                self.signatures[str(details["sha256"])] = entry.actor, at
            case ActivityKind.SIGNATURE_REMOVED:
                self.signatures.pop(str(details["sha256"]), None)
            case ActivityKind.LINEAGE_ADDED:
                self.edges.add(_edge(details))
            case ActivityKind.LINEAGE_REMOVED:
                self.edges.discard(_edge(details))


def prove(file: IO[bytes], keys: Sequence[TrustedKey] = ()) -> PackReport:
    """Prove a pack.

    With `keys`, only what these have signed is verified; else the keys count that the workspace
    trusted when the pack was made, which is what the pack itself says.

    Raises:
        InvalidInput: the file is no evidence pack.
        ConfigurationError: what verifies signatures is not installed.
    """
    try:
        pack = Pack.open(file)
    except Corrupt as error:
        raise InvalidInput(f"It is no evidence pack: {error.message}.") from None
    problems = list(pack.damages())
    proof = _Proof(pack, keys)
    for part in (proof.subject, proof.history, proof.content, proof.signed, proof.filed):
        problems += _told(part)
    return replace(proof.report, problems=tuple(dict.fromkeys(problems)))


def _told(part: Callable[[], Iterator[str]]) -> list[str]:
    """Return the problems that a part of the proof finds, or that it is in no state to look."""
    found: list[str] = []
    try:
        found += part()
    except Corrupt as error:
        found.append(error.message)
    except InvalidInput as error:
        found.append(f"{part.__doc__}: {error.message}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found.append(f"{part.__doc__}: it can't be read ({type(error).__name__}: {error})")
    return found


class _Proof:
    """The parts of a proof, one after the other; the docstring of each names what it looks at."""

    def __init__(self, pack: Pack, keys: Sequence[TrustedKey]) -> None:
        self._pack = pack
        self._keys = keys
        self._told = _Told()
        self._version: ModelVersion | None = None
        self._manifest: Manifest | None = None
        self.report = PackReport("", None, 0, "", SignatureState.UNSIGNED, (), ())

    def subject(self) -> Iterator[str]:
        """model.json, version.json"""
        model = RegisteredModel.from_json(self._pack.json(packs.MODEL))
        version = ModelVersion.from_json(self._pack.json(packs.VERSION))
        self._version = version
        self.report = replace(self.report, ref=version.ref, digest=version.digest)
        about = as_object(self._pack.index["about"], "about in the index")
        expected: JsonObject = {
            "workspace": version.workspace,
            "model": version.model,
            "model_uuid": model.uuid,
            "version": version.version,
            "digest": version.digest,
        }
        if about != expected or model.name != version.model:
            yield f"{packs.INDEX}: it is about another version than {packs.VERSION}"

    def history(self) -> Iterator[str]:
        """activities.jsonl"""
        history = as_object(self._pack.index["history"], "history in the index")
        count, head = cast(int, history["count"]), cast(str, history["head"])
        model = as_object(self._pack.json(packs.MODEL), packs.MODEL)
        number = None if self._version is None else self._version.version
        seen = 0

        def entries() -> Iterator[Activity]:
            nonlocal seen
            for line in self._pack.lines(packs.ACTIVITIES):
                entry = Activity.from_json(line)
                if entry.model_uuid != model["uuid"]:
                    raise Corrupt(f"entry {entry.sequence} is about another model")
                if entry.version == number:
                    self._told.read(entry)
                seen += 1
                yield entry

        try:
            verify_chain(entries(), count=count, head=head)
        except Corrupt as error:
            yield f"{packs.ACTIVITIES}: {error.message}"
        self.report = replace(self.report, activities=seen, head=head)

    def content(self) -> Iterator[str]:
        """manifest.json"""
        if self._version is None:
            return
        digest = self._version.digest
        if self._told.digest != digest:
            yield (
                f"{packs.VERSION}: its digest is {digest or 'none'}, "
                f"the history says {self._told.digest or 'none'}"
            )
        if self._told.stage != self._version.stage:
            yield (
                f"{packs.VERSION}: its stage is {self._version.stage}, "
                f"the history says {self._told.stage}"
            )
        if digest is None:
            return
        content = self._pack.read(packs.MANIFEST)
        if sha256_hex(content) != digest:
            yield f"{packs.MANIFEST}: its digest is {sha256_hex(content)}, not the version's"
            return
        self._manifest = Manifest.parse(content, digest=digest)

    def signed(self) -> Iterator[str]:
        """signatures.json"""
        recorded = Signatures.from_json(self._pack.json(packs.SIGNATURES))
        trusted = keys_of(as_object(self._pack.json(packs.KEYS), packs.KEYS))
        found: list[Judgement] = []
        filed: list[_Fact] = []
        for number, one in enumerate(recorded.items, 1):
            path = packs.bundle_path(number)
            bundle = self._pack.read(path).decode()
            document = one.signature.to_json()
            sha256 = sha256_hex(bundle.encode())
            filed.append((sha256, one.signature.created_by, str(document["created_at"])))
            if self._manifest is None:
                continue
            at = one.signature.created_at
            then = judge(bundle, self._manifest, trusted, at=at)
            if then != one.judgement:
                yield f"{path}: it is {then.state}, {packs.SIGNATURES} says {one.judgement.state}"
            now = judge(bundle, self._manifest, self._keys, at=at) if self._keys else then
            if now.state is SignatureState.INVALID:
                yield f"{path}: it is invalid: {now.reasons[0]}"
            found.append(now)
        told = ((sha256, *who) for sha256, who in self._told.signatures.items())
        yield from _compared("signatures", filed, told)
        if recorded.state != together(one.state for one in recorded.items):
            yield f"{packs.SIGNATURES}: its state does not follow from its signatures"
        state = together(one.state for one in found)
        if self._keys and state is not SignatureState.VERIFIED:
            yield "none of the keys that were given has signed the version"
        by = tuple(dict.fromkeys(one.key for one in found if one.key))
        self.report = replace(self.report, signatures=state, keys=by)

    def filed(self) -> Iterator[str]:
        """checks.json, requests.json, lineage.json"""
        checks: list[_Fact] = []
        asked: list[_Fact] = []
        approved: list[_Fact] = []
        for check in self._documents(packs.CHECKS):
            who = str(check["created_by"]), str(check["created_at"])
            checks.append((str(check["name"]), str(check["verdict"]), *who))
        for request in self._documents(packs.REQUESTS):
            to = str(request["to_stage"])
            asked.append((to, str(request["requested_by"])))
            for item in cast("list[Json]", request["approvals"]):
                approval = as_object(item, "an approval")
                approved.append((to, str(approval["by"])))
        edges = {_edge(edge) for edge in self._documents(packs.LINEAGE)}
        yield from _compared("checks", checks, self._told.checks)
        yield from _compared("requests", asked, self._told.asked)
        yield from _compared("approvals", approved, self._told.approved)
        for edge in sorted(edges - self._told.edges):
            yield f"{packs.LINEAGE}: the history knows no such edge: {edge:.300}"

    def _documents(self, path: str) -> Iterator[JsonObject]:
        for item in cast("list[Json]", as_object(self._pack.json(path), path)["items"]):
            yield as_object(item, f"an entry of {path}")


def _compared(what: str, here: Iterable[_Fact], told: Iterable[_Fact]) -> Iterator[str]:
    """Yield what stands only in the pack, or only in the history."""
    filed, known = Counter(here), Counter(told)  # the same may have happened twice
    for fact in sorted(filed - known):
        yield f"{what}: the history knows nothing of {' '.join(fact):.300}"
    for fact in sorted(known - filed):
        yield f"{what}: the history has {' '.join(fact):.300}, which is missing"


def _edge(document: JsonObject) -> str:
    """Return an edge as text: how the version came from what."""
    node = as_object(document["node"], "a node")
    return canonical_json([document["relation"], node["kind"], node["id"]]).decode()
