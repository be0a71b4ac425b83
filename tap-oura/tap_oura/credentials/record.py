"""The stored record of one account's credentials, and how a new token pair in the settings replaces it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN_SEEDS = 50
"""Digests of earlier pairs that are kept; who consents more often than that may see the oldest forgotten."""


@dataclass(frozen=True)
class Sent:
    """A note that a refresh token is in use: since when, until when to wait (epoch seconds), by whom."""

    at: float
    until: float
    by: str


@dataclass(frozen=True)
class ConfiguredCredentials:
    """An account's credentials in the settings. Every field may be missing."""

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str | None:
        """A digest that identifies the token pair without containing it; None without a pair."""
        return digest(self.access_token, self.refresh_token)


@dataclass(frozen=True)
class Record:
    """The credentials of one account. Times are epoch seconds; None means unknown.

    `sent` and `answer` (the body of the response) record a refresh in progress, `refused` that Oura ended the grant.
    `seeds` are digests of the settings' token pairs that this record has superseded. `from_settings` is true if it
    began with one, so that it ends when the account's entry there does.
    """

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    scopes: tuple[str, ...] | None = None
    endpoint: str | None = None
    user_id: str | None = None
    refreshed_at: float | None = None
    refused: str | None = None
    sent: Sent | None = None
    answer: str | None = field(default=None, repr=False)
    seeds: tuple[str, ...] = ()
    from_settings: bool = False

    @property
    def has_tokens(self) -> bool:
        return bool(self.access_token or self.refresh_token)

    def usable(self, now: float, margin: float = 0.0) -> bool:
        """Return whether the access token can be expected to work for `margin` more seconds."""
        return bool(self.access_token) and (self.expires_at is None or self.expires_at - margin > now)

    def state(self, now: float) -> str:
        """Return works, due, refreshing, answer to be read, lost or missing; the last two need the wearer's consent."""
        if not self.has_tokens:
            return "missing"
        if self.answer is not None:
            return "answer to be read"
        if self.sent:
            return "refreshing" if now < self.sent.until else "lost"
        return "lost" if self.refused else "works" if self.usable(now) else "due"

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set, and `pair`, the digest of the tokens: edited tokens start a new record."""
        values = {name: value for name, value in asdict(self).items() if value not in (None, (), False)}
        return {**values, "pair": digest(self.access_token, self.refresh_token)}


def digest(access_token: str | None, refresh_token: str | None) -> str | None:
    """Return a short digest of a token pair: of the refresh token, else of the access token; None without either."""
    text = refresh_token or access_token
    return sha256(text.encode()).hexdigest()[:20] if text else None


def from_json(stored: Mapping[str, Any]) -> Record:
    """Return the record of a stored object, written by `to_json` or by hand, with names such as OURA_API_TOKEN or not.

    Raises ValueError if it is neither; the message contains no value.
    """
    values = {plain(name): value for name, value in stored.items()}
    for name in ("access_token", "refresh_token", "client_id", "client_secret"):
        if not isinstance(values.get(name), str | None):
            raise ValueError(f"{name} must be text")
    tokens = values.get("access_token") or None, values.get("refresh_token") or None
    if values.get("pair") != digest(*tokens):
        # Edited by hand, perhaps over an older pair: what was known of that one does not apply to this one.
        seeds = (*values.get("seeds", ()), *filter(None, [values.get("pair")]))
        return Record(*tokens, values.get("client_id"), values.get("client_secret"), seeds=seeds)
    known = {item.name: values[item.name] for item in fields(Record) if item.name in values}
    try:
        for name in ("expires_at", "refreshed_at"):
            known[name] = None if known.get(name) is None else float(known[name])
        if known.get("sent"):
            known["sent"] = Sent(**known["sent"])
        for name in ("scopes", "seeds"):
            if known.get(name) is not None:
                known[name] = tuple(known[name])
        return Record(**known)
    except TypeError:
        raise ValueError("fields are missing or of the wrong type") from None


def plain(name: str) -> str:
    bare = name.removeprefix("OURA_").lower()
    return "access_token" if bare == "api_token" else bare


def adopt(record: Record | None, configured: ConfiguredCredentials) -> Record:
    """Return the record to use: the stored one, or a new one if the settings contain a pair never seen before.

    Each pair is adopted once. So a settings file that is older than the store, on a second machine or after a
    rollback, cannot restore a used token.
    """
    new = configured.digest
    if record is None:
        return Record(
            configured.access_token, configured.refresh_token, seeds=(new,) if new else (), from_settings=True
        )
    if new is None or new in record.seeds or new == digest(record.access_token, record.refresh_token):
        return record
    return Record(
        configured.access_token,
        configured.refresh_token,
        client_id=record.client_id,
        client_secret=record.client_secret,
        seeds=(*record.seeds, new)[-KNOWN_SEEDS:],
        from_settings=record.from_settings,
    )


def renewed(record: Record, **values: Any) -> Record:
    """Return the record with a new token pair and no refresh in progress."""
    return replace(record, sent=None, answer=None, refused=None, **values)
