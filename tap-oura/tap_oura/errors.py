"""The errors of reading Oura. Messages name the cause and the remedy, never a token or a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_NAME = 64
"""Characters of a name of Oura's that a message repeats."""


def listing(names: Sequence[str], most: int) -> str:
    """Return names of Oura's for a message: at most so many, none long, and none with a control character."""
    named = ", ".join(ascii(name)[1:-1][:LONGEST_NAME] for name in names[:most])
    return f"{named} and {len(names) - most} more" if len(names) > most else named


class OuraError(Exception):
    """A window could not be read. `reason` is one word for metrics and tables, the message is for people."""

    reason = "error"


class SettingsError(OuraError):
    """The settings are invalid; raised before any request to Oura."""

    reason = "settings"


class AccountFailed(OuraError):
    """Nothing of the account can be read in this run, whatever the collection."""


class TokenRejected(AccountFailed):
    """401 for the token itself: the account needs new credentials."""

    reason = "token"


class ConsentLost(AccountFailed):
    """The refresh token is used or revoked, or its state is unknown: only the wearer's new consent helps."""

    reason = "consent"


class RefreshFailed(AccountFailed):
    """No new token this time, but nothing is lost: the next run tries again."""

    reason = "refresh"


class ScopeMissing(OuraError):
    """401 for one collection: the wearer did not grant its scope. A refresh would only use up a refresh token."""

    reason = "scope"


class Forbidden(OuraError):
    """403: the membership has lapsed, or the application may not read the collection."""

    reason = "membership"


class Refused(OuraError):
    """Another 4xx: the request itself is wrong, so repeating it cannot help."""

    reason = "refused"


class BrokenAnswer(OuraError):
    """The response was complete but invalid: a page token twice, a document without its key."""

    reason = "answer"


class Passing(OuraError):
    """A temporary failure, retried within limits. `wait` is the delay that Oura demands, in seconds."""

    reason = "server"

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimited(Passing):
    """429 of either tier."""

    reason = "rate_limit"


class Unreachable(Passing):
    """No complete response: a timeout, or a refused or broken connection."""

    reason = "unreachable"


class TooSlow(Unreachable):
    """Bytes arrived, but not all in time. It is not retried, because a retry would take as long."""
