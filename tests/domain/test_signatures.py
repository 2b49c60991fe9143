from __future__ import annotations

from datetime import UTC, datetime

import pytest

from muniment.domain.signatures import (
    JudgedSignature,
    Judgement,
    KeyKind,
    Signatures,
    SignatureState,
    TrustedKey,
    VersionSignature,
    added_to,
    check_key_name,
    keys_document,
    keys_of,
    together,
)
from muniment.errors import InvalidInput, LimitExceeded

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
VERIFIED, UNTRUSTED, INVALID, UNSIGNED = SignatureState


def key(name: str) -> TrustedKey:
    return TrustedKey(name, KeyKind.PUBLIC_KEY, "0" * 64, "pem", NOW, "ada")


def judged(state: SignatureState, by: str = "") -> JudgedSignature:
    signature = VersionSignature("fraud", 3, "a" * 64, "{}", NOW, "ada", id=7)
    return JudgedSignature(signature, Judgement(state, by))


@pytest.mark.parametrize(
    ("states", "worth"),
    [
        ([], UNSIGNED),
        ([UNTRUSTED], UNTRUSTED),
        ([UNTRUSTED, INVALID], INVALID),
        ([INVALID, UNTRUSTED, VERIFIED], VERIFIED),
    ],
)
def test_one_verified_signature_is_enough(
    states: list[SignatureState], worth: SignatureState
) -> None:
    assert together(states) is worth


def test_a_signature_is_read_back_from_its_record() -> None:
    signature = judged(VERIFIED).signature
    assert VersionSignature.from_record(signature.to_record(), "fraud") == signature


def test_signatures_are_read_back_without_their_bundles() -> None:
    found = Signatures.of([judged(VERIFIED, "release"), judged(UNTRUSTED)])
    again = Signatures.from_json(found.to_json())
    assert (again.state, again.keys) == (VERIFIED, ("release",))
    assert [one.judgement for one in again.items] == [one.judgement for one in found.items]
    assert {one.signature.bundle for one in again.items} == {""}


def test_keys_stand_by_their_names_and_each_name_once() -> None:
    keys = added_to([key("b"), key("a")], key("b"))
    assert [one.name for one in keys_of(keys_document(keys))] == ["a", "b"]
    with pytest.raises(LimitExceeded, match="at most 200 keys"):
        added_to([key(f"k{n}") for n in range(200)], key("one-more"))


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "-a", "x" * 129, "a\n"])
def test_names_of_keys_are_words(name: str) -> None:
    with pytest.raises(InvalidInput, match="name of a key"):
        check_key_name(name)
    assert check_key_name("ada@example.com") == "ada@example.com"
