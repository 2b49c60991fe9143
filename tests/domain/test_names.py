"""What things may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain import names
from muniment.errors import InvalidInput, MunimentError


@given(st.text())
def test_every_name_has_a_slug_that_lower_case_protocols_accept(name: str) -> None:
    slug = names.slug_of(name)
    assert names.re.fullmatch(r"[a-z0-9][a-z0-9._-]*", slug)
    assert len(slug) <= names.MAX_SLUG_CHARS
    assert names.slug_of(slug) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Fraud Detector", "fraud-detector"),
        ("détecteur", "detecteur"),
        ("日本", "model"),
        ("--x__y--", "x_y"),
        ("a.b", "a.b"),
    ],
)
def test_slugs_are_readable(name: str, slug: str) -> None:
    assert names.slug_of(name) == slug


@given(st.text())
def test_a_name_is_accepted_or_refused_and_never_crashes(name: str) -> None:
    for check in (names.check_model_name, names.check_alias, names.check_label, names.check_path):
        try:
            assert check(name) == name
        except MunimentError as error:
            assert error.message


@pytest.mark.parametrize(
    "key", ["a", "a.b", "a b", "mlflow.prompt.is_prompt", "a/b", "x:y", "ключ"]
)
def test_keys_are_words_with_some_punctuation(key: str) -> None:
    assert names.check_key(key, "tag") == key


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "../a", "a/../b", "a//b", "a\n", "a=b", "a'b", "..", "."]
)
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        names.check_key(key, "tag")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "1", None])
def test_metrics_are_finite_numbers(value: object) -> None:
    with pytest.raises(InvalidInput, match="auc"):
        names.check_metrics({"auc": value})


def test_a_digest_may_say_what_it_is() -> None:
    assert names.check_digest("sha256:" + "a" * 64) == "a" * 64
