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
from tap_oura.errors import OuraError, SettingsError
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
        return Client.from_settings(self.config)

    @cached_property
    def reader(self) -> ReadAhead:
        return ReadAhead(self._plan(), self._read, self.config["concurrency"])

    @cached_property
    def batches(self) -> Batches | None:
        return Batches.from_settings(self.config)

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The accounts of our shard, by name. Asks Oura for that of a single account that the settings do not name."""
        shard = shards.of(self.config)
        named: dict[str, Account] = {}
        for account in self.everybody:
            if not account.user and shard.holds(account):
                self._name(account)
        for account in self.everybody:
            if account.user in named:
                logger.warning("%s has credentials twice; the settings' own are used", account.user)
            elif account.user:
                named[account.user] = account
        elsewhere = any(not shard.holds(account) for account in self.everybody if not account.user)
        chosen = self._chosen(named, nameless=elsewhere)
        ours = {user: account for user, account in chosen.items() if shard.holds(account)}
        if not shard.is_whole:
            logger.info("%s: %d of %d accounts", shard, len(ours), len(chosen))
        return ours

    def _name(self, account: Account) -> None:
        try:
            own_id = self.client.own_id(account)
            account.credentials.remember(own_id)
            account.user = own_id
        except OuraError as error:
            # The state knows whose it is if all others that it knows have a name: the failure is that account's.
            users = {user for stream in self.state_at_start.values() for user in by_user(stream)}
            users -= {other.label for other in self.everybody}
            account.user = users.pop() if len(users) == 1 else None
            self.report.failed(EVERY_COLLECTION, account.label, EVER, error)
            if not account.user:
                self.report.add(EVERY_COLLECTION, account.label, self.client.traffic.take(account, PERSONAL_INFO))

    def add_result(self, collection: str, segment: str, user_id: str, **what: Any) -> None:
        """Report what a collection gave, with the requests to its path `segment` so far; see CollectionResult."""
        account, seen = self.accounts[user_id], self.client.traffic
        remaining = seen.remaining(account)
        self.report.add(collection, user_id, seen.take(account, segment), rate_limit_remaining=remaining, **what)

    def finish(self) -> bool:
        """Report the requests beside the collections; return whether the run counts as good."""
        for account, segment, requests in self.client.traffic.rest():
            self.report.add(segment, account.label, requests, unread=True)
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

    @cached_property
    def everybody(self) -> list[Account]:
        """The accounts of all shards, one of which may have no name until `accounts` asks for it."""
        try:
            found = list(accounts.configured(self.config, accounts.auth_config(self.config, self._clock)))
            if any(account.credentials.are_known for account in found):
                return found
        except StoreFailed as error:
            raise SettingsError(str(error)) from None
        command = self.config.get("login_command")
        log_in = f"log in: {command}" if command else "log in"
        nobody = [f"accounts: '{account.user}' has no credentials; set them or {log_in}" for account in found]
        raise SettingsError("\n".join(nobody) or f"{settings.MISSING_CREDENTIALS}, or {log_in}")


def by_user(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the partitions of a stream's state by account; the first one where an account has two."""
    return {str(each.get("context", {}).get("user_id")): each for each in reversed(state.get("partitions", []))}
