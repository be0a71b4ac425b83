"""Which accounts are ours, where several taps share the work."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_oura.accounts import Account


@dataclass(frozen=True)
class Shard:
    """Share `index`, from 0, of `count`. An account's own name decides, so that it stays where others come and go.

    As text it is the name that its state and its folder go by.
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"shard-{self.index}-of-{self.count}"

    @property
    def is_whole(self) -> bool:
        return self.count == 1

    def holds(self, account: Account) -> bool:
        """Whether we read the account. The one that has no name but Oura's id is in the first shard: nobody else
        need ask for it, and it does not move when the id is known."""
        return (position(account.user, self.count) if account.user and account.is_named else 0) == self.index


def of(config: Mapping[str, Any]) -> Shard:
    """Return the share that the settings tell."""
    return Shard(config.get("shard_index") or 0, config.get("shard_count") or 1)


def position(user: str, count: int) -> int:
    """Return the shard of a name: the same in every process, on every machine, in every release."""
    return int.from_bytes(blake2b(user.encode(), digest_size=8).digest()) % count
