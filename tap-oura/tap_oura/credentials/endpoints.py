"""Oura's two token endpoints as one: which to try, in which order, and when to stop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_oura.credentials.oauth import Application, Endpoint, NotSent, Refused, TokenPair, Unavailable
from tap_oura.transport import without_userinfo

if TYPE_CHECKING:
    from collections.abc import Callable

OURA = "https://api.ouraring.com"
OURA_URLS = ("https://moi.ouraring.com/oauth/v2/ext/oauth-token", f"{OURA}/oauth/token")
"""The newer provider's and the documented one. Each refuses the other's clients without consuming the token."""
PATHS = ("/oauth/v2/ext/oauth-token", "/oauth/token")


@dataclass(frozen=True)
class Endpoints:
    """The endpoints to try, in order, with timeouts `connect` and `patience` and the wait before a retry, in seconds.

    An abandoned response would cost the consent, so `patience` is much longer than the timeout for data.
    """

    urls: tuple[str, ...]
    connect: float = 30
    patience: float = 120
    pause: float = 1
    user_agent: str = "tap-oura"

    def refresh(
        self,
        application: Application,
        refresh_token: str,
        known: str | None,
        received: Callable[[str, str], None],
        is_unspent: Callable[[], bool],
    ) -> tuple[str, TokenPair]:
        """Refresh at the endpoint that worked before (`known`), else at each in turn. Return endpoint and tokens.

        After 400 and 401 the next endpoint is tried, except for `invalid_grant`. One 5xx in all is retried if
        `is_unspent` still holds, at the other endpoint if none is known to be ours. Nothing follows a lost response.
        `received` gets the endpoint and the body of a success before it is parsed. Raises as `Endpoint.refresh` does.
        """
        urls = [known] if known in self.urls and known else list(self.urls)
        others = [url for url in self.urls if url not in urls]
        problem: NotSent | Refused | Unavailable = NotSent("there is none")
        may_repeat = True
        while urls:
            url = urls.pop(0)
            try:
                return url, self.at(url).refresh(application, refresh_token, lambda body, at=url: received(at, body))  # type: ignore[misc]
            except Refused as error:
                if not error.elsewhere:
                    raise
                # If the other endpoint is failing, a refusal means no more than that this is not ours.
                problem = problem if isinstance(problem, Unavailable) else error
                urls, others = [*urls, *others], []
            except NotSent as error:
                problem = problem if isinstance(problem, Refused | Unavailable) else error
            except Unavailable as error:
                problem = error
                if not may_repeat or not is_unspent():
                    break
                may_repeat, urls = False, urls or [url]
                time.sleep(self.pause)
        raise problem

    def exchange(self, application: Application, code: str, redirect_uri: str) -> tuple[str, TokenPair]:
        """Exchange a consent's code. Return the endpoint that accepted it and the tokens. Raises as `refresh` does."""
        problem: NotSent | Refused = NotSent("there is none")
        for url in self.urls:
            try:
                return url, self.at(url).exchange(application, code, redirect_uri)
            except Refused as error:
                if not error.elsewhere:
                    raise
                problem = error
            except NotSent as error:
                problem = problem if isinstance(problem, Refused) else error
        raise problem

    def at(self, url: str) -> Endpoint:
        return Endpoint(url, self.connect, self.patience, self.user_agent)


def token_urls(configured: str | None, api_url: str) -> tuple[str, ...]:
    """Return the endpoints to try, in order. Another host's credentials are never sent to Oura, nor the reverse."""
    if configured:
        return tuple(without_userinfo(url.strip()) for url in configured.split(",") if url.strip())
    host = without_userinfo(api_url).rstrip("/")
    return OURA_URLS if host == OURA else tuple(host + path for path in PATHS)
