"""Which token pair is used: the one in the store, or a newer one in the settings."""

from __future__ import annotations

from tap_oura.credentials.record import ConfiguredCredentials, Record, Sent, adopt, digest, from_json


def test_the_first_record_is_the_token_pair_of_the_settings() -> None:
    record = adopt(None, ConfiguredCredentials("access", "refresh"))

    assert (record.access_token, record.refresh_token) == ("access", "refresh")
    assert record.from_settings


def test_the_store_takes_precedence_while_the_settings_are_unchanged() -> None:
    first = adopt(None, ConfiguredCredentials(None, "first"))
    rotated = Record("new", "second", seeds=first.seeds)

    assert adopt(rotated, ConfiguredCredentials(None, "first")) == rotated


def test_a_new_token_pair_in_the_settings_replaces_the_stored_one() -> None:
    old = Record("a", "second", seeds=("x",), expires_at=1.0, endpoint="e", user_id="u", refused="invalid_grant")

    new = adopt(old, ConfiguredCredentials(None, "consented again"))

    assert new.refresh_token == "consented again"
    assert (new.access_token, new.expires_at, new.user_id, new.refused, new.endpoint) == (None,) * 5


def test_an_older_settings_file_does_not_restore_a_used_token() -> None:
    record = None
    for refresh_token in ("first", "second", "first"):
        record = adopt(record, ConfiguredCredentials(None, refresh_token))

    assert record is not None
    assert record.refresh_token == "second"


def test_a_record_survives_a_round_trip() -> None:
    record = Record(
        *("access", "refresh", "client", "secret", 5.0, ("daily",), "https://x", "id", 4.0, None),
        sent=Sent(1.0, 2.0, "me"),
        answer="{}",
        seeds=("a", "b"),
        from_settings=True,
    )

    assert from_json(record.to_json()) == record


def test_a_token_pair_edited_by_hand_starts_a_new_record() -> None:
    stored = {**Record("access", "spent", seeds=("a",), refused="invalid_grant").to_json(), "refresh_token": "fresh"}

    record = from_json(stored)

    assert (record.refresh_token, record.refused) == ("fresh", None)
    assert record.seeds == ("a", digest(None, "spent"))


def test_a_secret_in_the_settings_format_is_read() -> None:
    assert from_json({"OURA_API_TOKEN": "token"}) == Record("token")


def test_a_record_has_one_word_for_its_state() -> None:
    pair = Record("access", "refresh", expires_at=100.0)
    states = {
        "works": pair,
        "due": Record(None, "refresh"),
        "missing": Record(),
        "lost": Record("access", "refresh", sent=Sent(1, 2, "me")),
        "refreshing": Record("access", "refresh", sent=Sent(1, 20, "me")),
        "answer to be read": Record("access", "refresh", sent=Sent(1, 2, "me"), answer="{}"),
    }

    assert {state: record.state(10.0) for state, record in states.items()} == {state: state for state in states}


def test_no_token_appears_in_a_records_repr() -> None:
    assert "token" not in repr(Record("token-a", "token-b", "id", "token-c", answer="token-d")).replace("_token", "")
