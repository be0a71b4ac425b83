"""Whose data is read, and with which token."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Account:
    """One wearer. `user` is the name in every record and key; without one it is Oura's own id, asked for once."""

    user: str | None
    token: str = field(repr=False)

    @property
    def label(self) -> str:
        """A name for logs, never a secret."""
        return self.user or "the only account"


def configured(config: Mapping[str, Any]) -> list[Account]:
    """Return the accounts of the settings, in their order."""
    if config.get("accounts"):
        return [Account(entry.get("user"), entry.get("access_token") or "") for entry in config["accounts"]]
    if config.get("access_token"):
        return [Account(None, config["access_token"])]
    return []
