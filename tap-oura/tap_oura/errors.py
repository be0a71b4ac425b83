"""What can go wrong between us and Oura. Messages name the cause and the remedy, never a token or a value."""

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
    """The settings cannot work; raised before anything is asked of Oura."""

    reason = "settings"


class AccountFailed(OuraError):
    """Nothing of the account can be read in this run, whatever the collection."""


class TokenRejected(AccountFailed):
    """401 for the token itself: the account needs new credentials."""

    reason = "token"


class ConsentLost(AccountFailed):
    """The refresh token is spent or revoked, or nobody knows: only the wearer's new consent helps."""

    reason = "consent"


class RefreshFailed(AccountFailed):
    """No new token this time, but nothing is lost: the next run tries again."""

    reason = "refresh"


class ScopeMissing(OuraError):
    """401 for one collection: the wearer did not grant its scope. Refreshing would only burn a refresh token."""

    reason = "scope"


class Forbidden(OuraError):
    """403: the membership has lapsed, or the application may not read the collection."""

    reason = "membership"


class Refused(OuraError):
    """Another 4xx: the request itself is wrong, so repeating it cannot help."""

    reason = "refused"


class BrokenAnswer(OuraError):
    """The answer was complete but makes no sense: a page token twice, a document without its key."""

    reason = "answer"


class Passing(OuraError):
    """A fault that may be over in a moment: repeated up to the cap. `wait` is Oura's own demand, in seconds."""

    reason = "server"

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class RateLimited(Passing):
    """429 of either tier."""

    reason = "rate_limit"


class Unreachable(Passing):
    """No complete answer came back: a time-out, a refused or a broken connection."""

    reason = "unreachable"


class TooSlow(Unreachable):
    """Bytes came, but not all of them in time. Who asks again waits as long again, so nobody does."""
