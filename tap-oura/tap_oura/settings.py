"""The tap's settings: their names, defaults and meanings, and the one check that every use passes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_oura.catalog.collections import COLLECTIONS, DEFAULT_COLLECTIONS
from tap_oura.text import is_text
from tap_oura.windows import LOOKBACK_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLIENT = ("client_id", "client_secret")

LEAST = {
    "lookback_days": 0,
    "max_retries": 0,
    "timeout_seconds": 1,
    "concurrency": 1,
    "shard_index": 0,
    "shard_count": 1,
}

FIRST_DAYS = 30
"""Days that the first run reads if `start_date` is unset."""

CREDENTIALS = (
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="A bearer token that you already have, used until Oura rejects it",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description="The first refresh token, from a consent; later ones are kept in the token store",
    ),
    th.Property("client_id", th.StringType, title="Client id", description="Client id of the application at Oura"),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="Client secret of the application at Oura",
    ),
)
"""Of one account; at the top level the tokens of the only account, and the client of all."""

SETTINGS = th.PropertiesList(
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.ouraring.com",
        title="API URL",
        description="URL of Oura's API, or of a simulator",
    ),
    th.Property(
        "sandbox",
        th.BooleanType,
        default=False,
        title="Sandbox",
        description="Read Oura's sandbox, which has generated documents and accepts any token",
    ),
    *CREDENTIALS,
    th.Property(
        "accounts",
        th.ArrayType(
            th.ObjectType(
                th.Property("user", th.StringType, required=True, description="Name of the account in every record"),
                *CREDENTIALS,
            )
        ),
        secret=True,
        title="Accounts",
        description="Several accounts, each with `user` and credentials, or `user` alone if it is in the token store",
    ),
    th.Property(
        "token_url",
        th.StringType,
        title="Token URL",
        description="Token endpoint, or several in the order to try them, with commas (default: both of Oura's)",
    ),
    th.Property(
        "token_auth",
        th.StringType,
        allowed_values=["form", "basic"],
        default="form",
        title="Client authentication",
        description="How to send the client's credentials to the token endpoint: in the form or as HTTP Basic",
    ),
    th.Property(
        "token_store",
        th.StringType,
        title="Token store",
        description=(
            "Where rotated tokens are kept: a folder, or aws-secretsmanager://name for AWS Secrets Manager "
            "(default: a folder in the user's data directory)"
        ),
    ),
    th.Property(
        "login_command",
        th.StringType,
        default="tap-oura login",
        title="Login command",
        description="Command for a new consent, which messages name",
    ),
    th.Property(
        "users",
        th.ArrayType(th.StringType),
        title="Users",
        description="Names of the accounts to read (default: all)",
    ),
    th.Property(
        "shard_index",
        th.IntegerType,
        default=0,
        title="Shard index",
        description="Shard that this tap reads, from 0; each shard needs its own state",
    ),
    th.Property(
        "shard_count",
        th.IntegerType,
        default=1,
        title="Shard count",
        description="Number of taps that divide the accounts, by a digest of the account's name",
    ),
    th.Property(
        "collections",
        th.ArrayType(th.StringType),
        default=list(DEFAULT_COLLECTIONS),
        title="Collections",
        description="Names of the collections to read (default: all but the deprecated `tag`)",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start date",
        description=f"First day to read if there is no bookmark (default: {FIRST_DAYS} days before today)",
    ),
    th.Property(
        "end_date",
        th.StringType,
        title="End date",
        description="Last day to read (default: the newest that Oura has)",
    ),
    th.Property(
        "lookback_days",
        th.IntegerType,
        default=LOOKBACK_DAYS,
        title="Lookback days",
        description="Days before the bookmark to read again, because Oura changes past days",
    ),
    th.Property(
        "report_path",
        th.StringType,
        title="Report path",
        description="File to which the tap appends a JSON line per account and collection, and one at the end",
    ),
    th.Property(
        "skip_unchanged",
        th.BooleanType,
        default=True,
        title="Skip unchanged days",
        description="Send a day only if it changed since it was last sent; false sends everything that is read",
    ),
    th.Property(
        "forget_days",
        th.BooleanType,
        default=False,
        title="Forget days",
        description="Send all days of the lookback again, after an interrupted load; bookmarks do not change",
    ),
    th.Property(
        "timeout_seconds",
        th.IntegerType,
        default=30,
        title="Timeout",
        description="Seconds to wait for Oura before a request fails",
    ),
    th.Property(
        "max_retries",
        th.IntegerType,
        default=3,
        title="Retries",
        description="Retries of a request after a transient error",
    ),
    th.Property(
        "concurrency",
        th.IntegerType,
        default=8,
        title="Concurrency",
        description="Requests in parallel; 1 sends them one after another",
    ),
    th.Property(
        "tolerate_failures",
        th.BooleanType,
        default=False,
        title="Tolerate failures",
        description=(
            "Exit with 0 even if an account or a collection failed, for a pipeline that continues with what was read; "
            "the stream `collection_failures` then lists the failures"
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType,
        default="tap-oura",
        title="User agent",
        description="User-Agent header of requests to Oura",
    ),
)


def day(text: str) -> date:
    """Return the day of a date or an instant. Raises ValueError."""
    return datetime.fromisoformat(text).date()


def first_day(config: Mapping[str, Any], today: date) -> date:
    """Return the first day of a run without a bookmark."""
    return day(config["start_date"]) if config.get("start_date") else today - timedelta(days=FIRST_DAYS)


def last_day(config: Mapping[str, Any]) -> date | None:
    """Return the last day to read, None for as far as there is data."""
    return day(config["end_date"]) if config.get("end_date") else None


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for everything that keeps these settings from working, credentials apart."""
    if damaged := [name for name, value in config.items() if not is_text(value)]:
        yield from (f"{name}: is not UTF-8 text; write it in that encoding" for name in damaged)
        return
    for name in config.get("collections") or ():
        if name not in COLLECTIONS:
            yield f"collections: there is no collection '{name}'; the names are {', '.join(COLLECTIONS)}"
    if config.get("collections") == []:
        yield "collections: the list is empty; omit the setting to read all"
    for name in ("start_date", "end_date"):
        try:
            day(config.get(name) or "2020-01-01")
        except ValueError:
            yield f"{name}: '{config[name]}' is not a date; write it as 2024-01-31"
            return
    start, end = first_day(config, date.max), last_day(config)
    if config.get("start_date") and end is not None and start > end:
        yield f"start_date: {start} is after end_date {end}; swap them or omit one"
    for name, least in LEAST.items():
        if config.get(name) is not None and config[name] < least:
            yield f"{name}: {config[name]} is too small; the minimum is {least}"
    index, count = config.get("shard_index") or 0, config.get("shard_count") or 1
    if index >= count > 0:
        last = f"with shard_count {count} the last is {count - 1}"
        yield f"shard_index: {index} is too large; the first is 0, and {last}"
    if not str(config.get("api_url", "")).startswith(("http://", "https://")):
        yield "api_url: must begin with https:// or http://"
    for entry in [config, *(config.get("accounts") or [])]:
        if entry.get("refresh_token") and not all(entry.get(name) or config.get(name) for name in CLIENT):
            whose = f"accounts: '{entry['user']}' has a " if entry.get("user") else ""
            yield f"{whose}refresh_token: also needs client_id and client_secret"
    if (config.get("batch_config") or {}).get("encoding", {}).get("format", "jsonl") != "jsonl":
        yield "batch_config: the format of the encoding must be jsonl"
    yield from _account_problems(config.get("accounts") or [])


def _account_problems(accounts: list[Any]) -> Iterator[str]:
    users = [entry.get("user") for entry in accounts]
    for number, entry in enumerate(accounts, start=1):
        user = entry.get("user")
        if not user:
            yield f"accounts: entry {number} has no user; give it a name"
        elif "@" in user or user in (entry.get("access_token"), entry.get("refresh_token")):
            # The name is in every record and log line, where neither an address nor a secret may be.
            yield f"accounts: the user of entry {number} must not be an e-mail address or a token; give it a name"
        elif users.count(user) > 1 and users.index(user) == number - 1:
            yield f"accounts: the user '{user}' appears {users.count(user)} times; names must differ"


def expectation(error: Any) -> str:
    """Return what the schema of the settings expects where a value is wrong. It does not quote the value."""
    if error.validator == "type":
        expected = error.validator_value
        return f"must be of type {expected if isinstance(expected, str) else ' or '.join(expected)}"
    if error.validator == "required":
        return f"needs {', '.join(error.validator_value)}"
    return f"breaks the rule '{error.validator}'"
