"""Which pair counts: the one in the store, or a newer one in the settings."""

from __future__ import annotations

from tap_oura.credentials.record import ConfiguredCredentials, Record, Sent, adopt, digest, from_json


def test_the_settings_pair_is_the_first() -> None:
    record = adopt(None, ConfiguredCredentials("access", "refresh"))

    assert (record.access_token, record.refresh_token) == ("access", "refresh")
    assert record.from_settings


def test_the_store_counts_while_the_settings_stay_the_same() -> None:
    first = adopt(None, ConfiguredCredentials(None, "first"))
    rotated = Record("new", "second", seeds=first.seeds)

    assert adopt(rotated, ConfiguredCredentials(None, "first")) == rotated


def test_a_new_pair_in_the_settings_wins_and_what_was_known_of_the_old_one_goes() -> None:
    old = Record("a", "second", seeds=("x",), expires_at=1.0, endpoint="e", user_id="u", refused="invalid_grant")

    new = adopt(old, ConfiguredCredentials(None, "consented again"))

    assert new.refresh_token == "consented again"
    assert (new.access_token, new.expires_at, new.user_id, new.refused, new.endpoint) == (None,) * 5


def test_an_older_settings_file_does_not_bring_a_spent_token_back() -> None:
    record = None
    for refresh_token in ("first", "second", "first"):
        record = adopt(record, ConfiguredCredentials(None, refresh_token))

    assert record is not None
    assert record.refresh_token == "second"


def test_what_is_written_is_read_back() -> None:
    record = Record(
        *("access", "refresh", "client", "secret", 5.0, ("daily",), "https://x", "id", 4.0, None),
        sent=Sent(1.0, 2.0, "me"),
        answer="{}",
        seeds=("a", "b"),
        from_settings=True,
    )

    assert from_json(record.to_json()) == record


def test_a_pair_typed_in_by_hand_begins_anew() -> None:
    stored = {**Record("access", "spent", seeds=("a",), refused="invalid_grant").to_json(), "refresh_token": "fresh"}

    record = from_json(stored)

    assert (record.refresh_token, record.refused) == ("fresh", None)
    assert record.seeds == ("a", digest(None, "spent"))


def test_the_products_own_secret_is_understood() -> None:
    assert from_json({"OURA_API_TOKEN": "token"}) == Record("token")


def test_states_in_a_word() -> None:
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


def test_no_token_is_in_a_records_representation() -> None:
    assert "token" not in repr(Record("token-a", "token-b", "id", "token-c", answer="token-d")).replace("_token", "")
