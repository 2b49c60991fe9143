"""Users, grants, tokens, sessions and failed sign-ins."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from muniment.domain.access import Grant, Narrowing, Role, Verb
from muniment.domain.accounts import HeldGrant, UserKind
from muniment.errors import AlreadyExists, PreconditionFailed
from muniment.storage.accounts import AccountStore
from muniment.storage.conformance.accounts.contract import (
    NAMES,
    AccountContract,
    session_of,
    token_of,
    user_of,
)
from muniment.storage.conformance.metadata.contract import NOON, digest, later
from muniment.storage.conformance.metadata.threads import THREADS, at_once, refusal

VIEWER = Grant.of_role(Role.VIEWER)
NARROW = Grant(
    frozenset({Verb.READ, Verb.MOVE_ALIAS}),
    Narrowing(models="fraud-*", alias="champion", stage="Prod?", tag="team=Ünï"),
)


def grant(
    accounts: AccountStore, subject: str, workspace: str = "w", terms: Grant = VIEWER
) -> HeldGrant:
    """Keep a grant."""
    return accounts.add_grant(workspace, subject, terms, NOON, "root")


class PeopleSuite(AccountContract):
    """Who somebody is, and what they may do."""

    # -- users -----------------------------------------------------------------------------------

    def test_a_user_is_read_back_as_it_was_added(self, accounts: AccountStore) -> None:
        full = user_of(
            "ada",
            kind=UserKind.SERVICE,
            display_name="Ada Lovelace 🦆",
            password="$argon2id$v=19$not-a-real-hash",  # noqa: S106
            must_change=True,
            subject="https://id.example|42",
            groups=("data-science", "模型"),
            active=False,
            revision=7,
        )
        added = accounts.add_user(full)
        assert added == replace(full, id=added.id)
        assert added.id > 0
        plain = accounts.add_user(user_of("bob"))
        assert accounts.user("ada") == accounts.user_by_subject("https://id.example|42") == added
        assert accounts.user("bob") == plain
        assert plain.id != added.id
        assert accounts.user("eve") is None
        assert accounts.user_by_subject("bob") is None

    def test_a_registry_has_sign_in_once_it_has_a_user(self, accounts: AccountStore) -> None:
        assert accounts.any_user() is False
        accounts.add_user(user_of("ada", active=False))
        assert accounts.any_user() is True

    def test_names_are_kept_as_they_are_given(self, accounts: AccountStore) -> None:
        added = [accounts.add_user(user_of(name)) for name in NAMES]
        assert [accounts.user(name) for name in NAMES] == added

    def test_users_are_listed_by_name_a_page_at_a_time(self, accounts: AccountStore) -> None:
        for name in NAMES:
            accounts.add_user(user_of(name))
        listed: list[str] = []
        while page := accounts.users(after=listed[-1] if listed else "", limit=3):
            assert len(page) <= 3
            listed += [user.name for user in page]
        assert listed == sorted(NAMES)

    def test_a_name_is_taken_once(self, accounts: AccountStore) -> None:
        accounts.add_user(user_of("ada", display_name="first"))
        with pytest.raises(AlreadyExists, match="'ada'"):
            accounts.add_user(user_of("ada", display_name="second"))
        user = accounts.user("ada")
        assert user is not None
        assert user.display_name == "first"

    def test_a_subject_is_taken_once(self, accounts: AccountStore) -> None:
        accounts.add_user(user_of("ada", subject="i|1"))
        bob = accounts.add_user(user_of("bob"))
        accounts.add_user(user_of("cy"))  # any number may have none
        with pytest.raises(AlreadyExists, match=r"'i\|1'"):
            accounts.add_user(user_of("dan", subject="i|1"))
        with pytest.raises(AlreadyExists, match=r"'i\|1'"):
            accounts.save_user(replace(bob, subject="i|1"), expect=1)
        assert accounts.user("dan") is None
        assert accounts.user("bob") == bob

    def test_saving_a_user_replaces_everything(self, accounts: AccountStore) -> None:
        added = accounts.add_user(user_of("ada", subject="i|1", groups=("a",)))
        other = accounts.add_user(user_of("bob"))
        changed = replace(
            added,
            display_name="Ada",
            password="hash",  # noqa: S106
            must_change=True,
            subject=None,
            groups=(),
            active=False,
        )
        saved = accounts.save_user(changed, expect=1)
        assert saved == replace(changed, revision=2)
        assert accounts.user("ada") == saved
        assert accounts.user_by_subject("i|1") is None
        assert accounts.user("bob") == other

    def test_a_user_who_was_changed_in_the_meantime_is_left_alone(
        self, accounts: AccountStore
    ) -> None:
        added = accounts.add_user(user_of("ada"))
        saved = accounts.save_user(replace(added, display_name="first"), expect=1)
        for expect in (0, 1, 3):
            with pytest.raises(PreconditionFailed, match="'ada'"):
                accounts.save_user(replace(saved, display_name="second"), expect=expect)
        assert accounts.user("ada") == saved

    def test_a_name_is_taken_by_one_of_many_threads(self, accounts: AccountStore) -> None:
        works = [partial(refusal, partial(accounts.add_user, user_of("ada")))] * THREADS
        errors = at_once(*works)
        assert errors.count(None) == 1
        assert {type(error) for error in errors if error} == {AlreadyExists}

    def test_a_user_is_changed_by_one_of_many_threads(self, accounts: AccountStore) -> None:
        added = accounts.add_user(user_of("ada"))
        works = [
            partial(
                refusal,
                partial(accounts.save_user, replace(added, display_name=str(n)), expect=1),
            )
            for n in range(THREADS)
        ]
        errors = at_once(*works)
        assert errors.count(None) == 1
        assert {type(error) for error in errors if error} == {PreconditionFailed}
        winner = str(errors.index(None))
        assert accounts.user("ada") == replace(added, display_name=winner, revision=2)

    # -- grants ----------------------------------------------------------------------------------

    def test_a_grant_is_read_back_as_it_was_given(self, accounts: AccountStore) -> None:
        for terms in (VIEWER, NARROW, Grant.of_role(Role.ADMIN, Narrowing(tag="a=b"))):
            held = grant(accounts, f"user:{terms}", terms=terms)
            assert accounts.grants_of([held.subject], "w") == [held]
            assert (held.grant, held.created_at, held.created_by) == (terms, NOON, "root")

    def test_somebody_holds_what_any_of_their_subjects_does_there_or_everywhere(
        self, accounts: AccountStore
    ) -> None:
        here = grant(accounts, "user:ada")
        everywhere = grant(accounts, "group:a", "*")
        again = grant(accounts, "user:ada", terms=NARROW)
        elsewhere = grant(accounts, "user:ada", "v")
        others = grant(accounts, "group:b")
        assert accounts.grants_of(["group:a", "user:ada"], "w") == [here, everywhere, again]
        assert accounts.grants_of(["user:ada", "user:ada"], "v") == [elsewhere]
        assert accounts.grants_of(["user:ada", "group:a", "group:b", "x", "y"], "u") == [everywhere]
        assert accounts.grants_of(["user:Ada", "ada", "user:", "%", "*"], "w") == []
        assert accounts.grants_of([], "w") == []
        assert accounts.grants() == [here, everywhere, again, elsewhere, others]
        assert accounts.grants("w") == [here, everywhere, again, others]
        assert accounts.grants("u") == [everywhere]
        assert accounts.grants(subject="user:ada") == [here, again, elsewhere]
        assert accounts.grants("w", subject="user:ada") == [here, again]
        assert accounts.grants("w", subject="group:a") == [everywhere]

    def test_grants_are_listed_a_piece_at_a_time(self, accounts: AccountStore) -> None:
        held = [grant(accounts, f"user:{name}") for name in ("ada", "bob", "ada", "ada")]
        assert accounts.grants("w", limit=2) == held[:2]
        assert accounts.grants("w", after=held[1].id, limit=2) == held[2:]
        assert accounts.grants(after=held[1].id) == held[2:]
        assert accounts.grants("w", subject="user:ada", after=held[0].id, limit=1) == [held[2]]
        assert accounts.grants("w", after=held[3].id, limit=1) == []

    def test_anybody_may_be_in_any_number_of_groups(self, accounts: AccountStore) -> None:
        groups = [f"group:{n}" for n in range(5_000)]
        held = [grant(accounts, groups[n]) for n in (4_999, 0, 2_500)]
        assert accounts.grants_of(groups + groups, "w") == held

    def test_a_dropped_grant_is_gone_and_its_id_too(self, accounts: AccountStore) -> None:
        kept, dropped = grant(accounts, "user:ada"), grant(accounts, "user:ada", terms=NARROW)
        assert accounts.drop_grant(dropped.id) == dropped
        assert accounts.drop_grant(dropped.id) is None
        assert accounts.grants_of(["user:ada"], "w") == accounts.grants() == [kept]
        assert grant(accounts, "user:ada").id not in (kept.id, dropped.id)

    # -- tokens ----------------------------------------------------------------------------------

    def test_a_token_is_read_back_as_it_was_added(self, accounts: AccountStore) -> None:
        plain = token_of("a")
        full = token_of(
            "b",
            expires_at=later(9),
            last_used_at=later(1),
            revoked_at=later(2),
            automation=True,
            scopes=(VIEWER, NARROW),
        )
        nothing = token_of("c", scopes=())
        for token in (plain, full, nothing):
            accounts.add_token(token)
            assert accounts.token(token.id) == token
        assert accounts.token("A") is None

    def test_a_token_id_is_taken_once(self, accounts: AccountStore) -> None:
        first = token_of("a")
        accounts.add_token(first)
        with pytest.raises(AlreadyExists, match="'a'") as error:
            accounts.add_token(token_of("a", "eve", secret=digest("stolen")))
        assert digest("stolen") not in str(error.value)
        assert accounts.token("a") == first

    def test_tokens_are_listed_newest_first(self, accounts: AccountStore) -> None:
        for n, (token_id, user) in enumerate([("c", "ada"), ("a", "bob"), ("b", "ada")]):
            accounts.add_token(token_of(token_id, user, created_at=later(n)))
        assert [token.id for token in accounts.tokens()] == ["b", "a", "c"]
        assert [token.id for token in accounts.tokens("ada")] == ["b", "c"]
        assert accounts.tokens("eve") == []

    def test_tokens_are_listed_a_piece_at_a_time(self, accounts: AccountStore) -> None:
        made = [("d", "ada", 1), ("a", "ada", 1), ("b", "bob", 1), ("c", "ada", 1), ("e", "ada", 2)]
        for token_id, user, at in made:
            accounts.add_token(token_of(token_id, user, created_at=later(at)))

        def ids(user: str | None, after: tuple[int, str] | None, limit: int | None) -> list[str]:
            behind = None if after is None else (later(after[0]), after[1])
            return [token.id for token in accounts.tokens(user, after=behind, limit=limit)]

        assert ids("ada", None, 2) == ["e", "a"]
        assert ids("ada", (1, "a"), 2) == ["c", "d"]
        assert ids("ada", (1, "d"), 2) == []
        assert ids(None, (2, "e"), 3) == ["a", "b", "c"]
        assert ids(None, (1, "b"), None) == ["c", "d"]

    def test_a_token_is_revoked_once(self, accounts: AccountStore) -> None:
        token, other = token_of("a"), token_of("b")
        accounts.add_token(token)
        accounts.add_token(other)
        assert accounts.revoke_token("a", later(1)) is True
        assert accounts.revoke_token("a", later(2)) is False
        assert accounts.revoke_token("none", later(2)) is False
        assert accounts.token("a") == replace(token, revoked_at=later(1))
        assert accounts.token("b") == other

    def test_the_last_use_of_a_token_is_noted(self, accounts: AccountStore) -> None:
        token = token_of("a")
        accounts.add_token(token)
        for seconds in (1, 5, 3):  # a slower process may come later
            accounts.use_token("a", later(seconds))
        accounts.use_token("none", later(1))
        assert accounts.token("a") == replace(token, last_used_at=later(5))

    # -- sessions --------------------------------------------------------------------------------

    def test_a_session_lasts_until_it_is_dropped(self, accounts: AccountStore) -> None:
        session, other = session_of("a"), session_of("b")
        accounts.add_session(session)
        accounts.add_session(other)
        assert accounts.session(session.secret) == session
        accounts.drop_session(session.secret)
        accounts.drop_session(session.secret)
        assert accounts.session(session.secret) is None
        assert accounts.session(other.secret) == other

    def test_all_sessions_of_a_user_end_together(self, accounts: AccountStore) -> None:
        sessions = [session_of("a"), session_of("b"), session_of("c", "bob")]
        for session in sessions:
            accounts.add_session(session)
        accounts.drop_sessions_of("ada")
        accounts.drop_sessions_of("eve")
        left = [accounts.session(session.secret) for session in sessions]
        assert left == [None, None, sessions[2]]

    def test_sessions_that_are_over_are_forgotten(self, accounts: AccountStore) -> None:
        sessions = [session_of(str(n), expires_at=later(n)) for n in range(3)]
        for session in sessions:
            accounts.add_session(session)
        assert accounts.drop_expired_sessions(later(1)) == 2
        assert accounts.drop_expired_sessions(later(1)) == 0
        left = [accounts.session(session.secret) for session in sessions]
        assert left == [None, None, sessions[2]]

    def test_a_secret_opens_one_session(self, accounts: AccountStore) -> None:
        session = session_of("a")
        accounts.add_session(session)
        with pytest.raises(AlreadyExists) as error:
            accounts.add_session(session_of("a", "eve"))
        assert session.secret not in str(error.value)
        assert accounts.session(session.secret) == session

    # -- throttling ------------------------------------------------------------------------------

    def test_failures_are_counted_by_key_and_time(self, accounts: AccountStore) -> None:
        for seconds in (0, 1, 1, 5):
            accounts.note_failure("name:ada", later(seconds))
        accounts.note_failure("name:Ada", later(1))
        counts = [accounts.failures("name:ada", later(seconds)) for seconds in (-1, 0, 1, 2, 6)]
        assert counts == [4, 4, 3, 1, 0]
        assert accounts.failures("name:eve", NOON) == 0

    def test_a_good_sign_in_forgives_its_key(self, accounts: AccountStore) -> None:
        accounts.note_failure("name:ada", NOON)
        accounts.note_failure("address:::1", NOON)
        accounts.forgive("name:ada")
        accounts.forgive("name:eve")
        assert accounts.failures("name:ada", NOON) == 0
        assert accounts.failures("address:::1", NOON) == 1

    def test_failures_of_the_last_day_are_kept(self, accounts: AccountStore) -> None:
        accounts.note_failure("k", NOON)
        accounts.note_failure("k", NOON + timedelta(hours=23))
        assert accounts.failures("k", NOON) == 2

    def test_no_failure_is_lost_among_threads(self, accounts: AccountStore) -> None:
        at_once(*[partial(accounts.note_failure, "k", NOON)] * THREADS)
        assert accounts.failures("k", NOON) == THREADS
