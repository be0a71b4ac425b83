"""What the streams of one run share: its accounts, the way to Oura, and the report."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tap_oura import accounts, settings, shards
from tap_oura.api.ahead import ReadAhead
from tap_oura.api.client import PERSONAL_INFO, Client
from tap_oura.batches import Batches
from tap_oura.catalog.collections import EVERY_COLLECTION, Query
from tap_oura.credentials.vault import StoreFailed
from tap_oura.errors import BrokenAnswer, OuraError, SettingsError
from tap_oura.report import RunReport
from tap_oura.windows import EVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_oura.accounts import Account
    from tap_oura.api.ahead import Job

logger = logging.getLogger(__name__)


class Run:
    """One run of the tap. `clock` returns seconds since 1970; `plan` yields the windows that will be asked for.

    `state_at_start` has the bookmarks by stream as the run found them: what is read does not depend on what was read
    before. Nothing is asked of Oura before an attribute needs it.
    """

    def __init__(
        self, config: Mapping[str, Any], *, clock: Callable[[], float], plan: Callable[[], Iterator[Job]]
    ) -> None:
        self.config = config
        self.report = RunReport(config.get("report_path"))
        self.state_at_start: dict[str, dict[str, Any]] = {}
        self._clock, self._plan = clock, plan

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    @cached_property
    def client(self) -> Client:
        root = "/v2/sandbox/usercollection" if self.config["sandbox"] else "/v2/usercollection"
        return Client(
            self.config["api_url"].rstrip("/") + root,
            timeout=self.config["timeout_seconds"],
            retries=self.config["max_retries"],
            user_agent=self.config["user_agent"],
            connections=self.config["concurrency"],
        )

    @cached_property
    def reader(self) -> ReadAhead:
        return ReadAhead(self._plan(), self._read, self.config["concurrency"])

    @cached_property
    def batches(self) -> Batches | None:
        return Batches.from_settings(self.config)

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The accounts of our shard, by name. Asks Oura for that of a single account that the settings do not name."""
        named: dict[str, Account] = {}
        shard, elsewhere = shards.of(self.config), False
        for account in self._configured():
            if not account.user and not shard.holds(account):
                elsewhere = True
                continue
            try:
                user = account.user or self._own_id(account)
            except OuraError as error:
                self.report.failed(EVERY_COLLECTION, account.label, EVER, error)
                self.report.add(EVERY_COLLECTION, account.label, self.client.traffic.take(account.label, PERSONAL_INFO))
            else:
                if user in named:
                    logger.warning("%s has credentials twice; the settings' own are used", user)
                named.setdefault(user, account)
        chosen = self._chosen(named, nameless=elsewhere)
        ours = {user: account for user, account in chosen.items() if shard.holds(account)}
        if not shard.is_whole:
            logger.info("%s: %d of %d accounts", shard, len(ours), len(chosen))
        return ours

    def add_result(self, collection: str, segment: str, user_id: str, **what: Any) -> None:
        """Report what a collection gave, with the requests to its path `segment` so far; see CollectionResult."""
        label, seen = self.accounts[user_id].label, self.client.traffic
        remaining = seen.remaining(label)
        self.report.add(collection, user_id, seen.take(label, segment), rate_limit_remaining=remaining, **what)

    def finish(self) -> bool:
        """Report the requests beside the collections; return whether the run counts as good."""
        users = {account.label: user for user, account in self.accounts.items()}
        for label, segment, requests in self.client.traffic.rest():
            self.report.add(segment, users.get(label, label), requests, unread=True)
        for failure in self.report.failures:
            logger.error("not read: %s", failure)
        return not self.report.failures or (self.config["tolerate_failures"] and self.report.anything_works)

    def _read(self, job: Job) -> list[dict[str, Any]]:
        account, query = self.accounts[job.user_id], job.collection.query
        if query is Query.OBJECT:
            return [self.client.get(account, job.collection.segment)]
        pages = self.client.pages(account, job.collection.segment, job.window.parameters(query))
        return [document for page in pages for document in page]

    def _chosen(self, named: dict[str, Account], *, nameless: bool) -> dict[str, Account]:
        """Return those of `users`. A name that nobody has may be that of a `nameless` account of another shard."""
        chosen = self.config.get("users") or list(named)
        unknown = [user for user in chosen if user not in named]
        if unknown and not nameless:
            raise SettingsError(f"users: there is no account '{unknown[0]}'; the accounts are {', '.join(named)}")
        return {user: account for user, account in named.items() if user in chosen}

    def _configured(self) -> list[Account]:
        try:
            found = list(accounts.configured(self.config, accounts.auth_config(self.config, self._clock)))
            if any(account.credentials.are_known for account in found):
                return found
        except StoreFailed as error:
            raise SettingsError(str(error)) from None
        nobody = [f"accounts: '{account.user}' has no credentials; set them or log in" for account in found]
        raise SettingsError("\n".join(nobody) or settings.MISSING_CREDENTIALS)

    def _own_id(self, account: Account) -> str:
        if self.config["sandbox"]:
            return "sandbox"
        own_id = self.client.get(account, PERSONAL_INFO).get("id")
        if not isinstance(own_id, str):
            raise BrokenAnswer("personal_info has no id")
        account.credentials.remember(own_id)
        return own_id
