"""What is remembered about one account's credentials, and what a new pair in the settings does to it."""

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
    """A note that a refresh token is being spent: since when, how long an answer may take (epoch seconds), by whom."""

    at: float
    until: float
    by: str


@dataclass(frozen=True)
class ConfiguredCredentials:
    """What the settings say about an account. Every field may be missing."""

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str | None:
        """Stands for the pair where the pair itself has no business; None without one."""
        return digest(self.access_token, self.refresh_token)


@dataclass(frozen=True)
class Record:
    """The credentials of one account. Times are epoch seconds; None means that nobody said.

    `sent` and `answer` are the trace of a refresh under way, `refused` is Oura's word that the grant is over. `seeds`
    are digests of the pairs from the settings that this record has outlived; `from_settings` tells that it began with
    one, so that it ends with the account's entry there.
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
        """Whether the access token can be expected to work for `margin` more seconds."""
        return bool(self.access_token) and (self.expires_at is None or self.expires_at - margin > now)

    def state(self, now: float) -> str:
        """Return what to say of the account, in a word or two; `lost` and `missing` need the wearer's consent."""
        if not self.has_tokens:
            return "missing"
        if self.answer is not None:
            return "answer to be read"
        if self.sent:
            return "refreshing" if now < self.sent.until else "lost"
        return "lost" if self.refused else "works" if self.usable(now) else "due"

    def to_json(self) -> dict[str, Any]:
        """Return the fields that say something. `pair` binds them to the tokens: who edits those begins anew."""
        said = {name: value for name, value in asdict(self).items() if value not in (None, (), False)}
        return {**said, "pair": digest(self.access_token, self.refresh_token)}


def digest(access_token: str | None, refresh_token: str | None) -> str | None:
    """Return a short digest of a pair: of the refresh token, or of the access token where that is all there is."""
    text = refresh_token or access_token
    return sha256(text.encode()).hexdigest()[:20] if text else None


def from_json(stored: Mapping[str, Any]) -> Record:
    """Return the record of a stored object, written by `to_json` or by hand, with names such as OURA_API_TOKEN or not.

    Raises ValueError where it is neither; the message holds no value.
    """
    said = {plain(name): value for name, value in stored.items()}
    for name in ("access_token", "refresh_token", "client_id", "client_secret"):
        if not isinstance(said.get(name), str | None):
            raise ValueError(f"{name} must be text")
    tokens = said.get("access_token") or None, said.get("refresh_token") or None
    if said.get("pair") != digest(*tokens):
        # Typed in by hand, over an older pair perhaps: nothing that was known of that one holds for this one.
        seeds = (*said.get("seeds", ()), *filter(None, [said.get("pair")]))
        return Record(*tokens, said.get("client_id"), said.get("client_secret"), seeds=seeds)
    known = {item.name: said[item.name] for item in fields(Record) if item.name in said}
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
    """Return the record to go by: the stored one, or a new one where the settings hold a pair never seen before.

    Every pair is seen once only. So a settings file that is older than the store, on a second machine or after a
    rollback, cannot bring a spent token back.
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
    """Return the record with a new pair, the trace of the refresh wiped away."""
    return replace(record, sent=None, answer=None, refused=None, **values)
