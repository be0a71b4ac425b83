"""The metrics of /metrics: declared once, read from the run log at each scrape, so that all processes' runs count.

No label is unbounded or personal. With ENABLE_DETAILED_METRICS, an account is the first eight digits of the SHA-256 of
its name. Every label value is exported from startup, starting at 0.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector
from tap_oura.catalog.collections import DEFAULT_COLLECTIONS, EVERY_COLLECTION

from oura_collector.pipeline.result import OURA_REASONS, OUTCOMES, REASONS
from oura_collector.runs.completeness import STATUSES
from oura_collector.runs.event_webhook import DELIVERIES
from oura_collector.runs.run_log import ASKED_BY, KNOWN_STATUSES, OTHER_STATUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from prometheus_client.metrics_core import Metric

    from oura_collector.runs.status import Snapshot, Status

PREFIX = "oura_collector_"
QUOTA = 5000
"""Requests an hour and account that the gauge counts against. Oura publishes no limit, and sends what is left of it
only with a 429, so this is a budget of our own."""

Values = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Family:
    """A metric: its help text and its labels, in their order. Counters get `_total` from the client library."""

    kind: type[CounterMetricFamily] | type[GaugeMetricFamily]
    text: str
    labels: tuple[str, ...] = ()


FAMILIES = {
    "collections": Family(CounterMetricFamily, "Runs, by trigger and outcome", ("asked_by", "outcome")),
    "errors": Family(CounterMetricFamily, "Failed collections and failed runs, by reason", ("reason",)),
    "last_collection_timestamp": Family(
        GaugeMetricFamily, "Unix time of the last run that collected and built; before that, of the first run"
    ),
    "runs_in_progress": Family(GaugeMetricFamily, "1 while a run of any process holds the lock, otherwise 0"),
    "api_requests": Family(CounterMetricFamily, "Requests to Oura, by response status", ("status",)),
    "rate_limit_remaining": Family(GaugeMetricFamily, "Requests left this hour for the account that used the most"),
    "records": Family(CounterMetricFamily, "Records read, including those read again", ("collection",)),
    "newest_data_timestamp_seconds": Family(
        GaugeMetricFamily, "Start of the newest day with data, for the account whose data is oldest", ("collection",)
    ),
    "unknown_fields": Family(GaugeMetricFamily, "Fields sent by Oura that the schema does not define", ("collection",)),
    "accounts": Family(GaugeMetricFamily, "Accounts collected"),
    "accounts_failing": Family(
        GaugeMetricFamily, "Accounts with a collection that cannot be read, by reason", ("reason",)
    ),
    "completeness": Family(
        GaugeMetricFamily, "The last 30 days of all accounts and collections, by status", ("status",)
    ),
    "gaps": Family(GaugeMetricFamily, "Days ever that the collector failed to collect"),
    "notifications": Family(CounterMetricFamily, "Webhook events, by outcome", ("outcome",)),
    "database_up": Family(GaugeMetricFamily, "1 while the database answers; at 0 the other metrics are the last known"),
}
DETAILED = {
    "account_working": Family(
        GaugeMetricFamily, "1 if every collection of the account can be read, otherwise 0", ("account",)
    ),
    "account_newest_data_timestamp_seconds": Family(
        GaugeMetricFamily, "Start of the account's newest day with data", ("account", "collection")
    ),
    "collection_requests": Family(CounterMetricFamily, "Requests to Oura, by collection", ("collection",)),
}
DURATION = "run_duration_seconds"
DURATION_TEXT = "Duration of runs, by trigger"


def registry(status: Status, *, detailed: bool) -> CollectorRegistry:
    """Return the registry of the service: the run log's values and the process's own."""
    made = CollectorRegistry(auto_describe=False)
    made.register(RunLogCollector(status, detailed=detailed))
    ProcessCollector(namespace="oura_collector", registry=made)
    return made


class RunLogCollector(Collector):
    """Turns one snapshot of the run log into metrics."""

    def __init__(self, status: Status, *, detailed: bool) -> None:
        self._status, self._families = status, {**FAMILIES, **DETAILED} if detailed else FAMILIES

    def collect(self) -> Iterator[Metric]:
        snapshot = self._status.read()
        found = values(snapshot)
        for name, declared in self._families.items():
            family = declared.kind(PREFIX + name, declared.text, labels=declared.labels)
            for labels, value in found[name].items():
                family.add_metric(labels, value)
            yield family
        yield _duration(snapshot)


def values(snapshot: Snapshot) -> dict[str, Values]:
    """Return each metric's values by label values, in the order of the metric's labels."""
    failing = _failing_users(snapshot)
    left = QUOTA - snapshot.busiest_requests
    left = left if snapshot.quota_told is None else min(left, int(snapshot.quota_told))
    return {
        "collections": _counted(snapshot, "collections", [(asked, came) for asked in ASKED_BY for came in OUTCOMES]),
        "errors": _counted(snapshot, "errors", _each(REASONS)),
        "last_collection_timestamp": _last_collection(snapshot),
        "runs_in_progress": {(): float(snapshot.running)},
        "api_requests": _counted(snapshot, "api_requests", _each([*KNOWN_STATUSES, OTHER_STATUS])),
        "rate_limit_remaining": {(): float(max(0, left))},
        "records": _counted(snapshot, "records", _each(DEFAULT_COLLECTIONS)),
        "newest_data_timestamp_seconds": _oldest_of_newest(snapshot),
        "unknown_fields": _unknown_fields(snapshot),
        "accounts": {(): float(len(snapshot.users))},
        "accounts_failing": {(reason,): float(len(failing[reason])) for reason in [*OURA_REASONS, *failing]},
        "completeness": _days(snapshot),
        "gaps": {(): float(snapshot.days.failed if snapshot.days else 0)},
        "notifications": _counted(snapshot, "notifications", _each(DELIVERIES)),
        "database_up": {(): float(snapshot.reachable)},
        "account_working": {
            (digest(user),): float(not any(user in users for users in failing.values())) for user in snapshot.users
        },
        "account_newest_data_timestamp_seconds": {
            (digest(row.user_id), row.collection): _unix(row.newest_day)
            for row in snapshot.collections
            if row.newest_day
        },
        "collection_requests": _counted(snapshot, "collection_requests", _each(DEFAULT_COLLECTIONS)),
    }


def _last_collection(snapshot: Snapshot) -> Values:
    # Unknown is no sample: a 0 would raise the alert.
    return {(): snapshot.last_collection or snapshot.awaited_since} if snapshot.read_at else {}


def digest(user_id: str) -> str:
    """Return the label that stands for an account."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:8]


def _duration(snapshot: Snapshot) -> Metric:
    family = SummaryMetricFamily(PREFIX + DURATION, DURATION_TEXT, labels=["asked_by"])
    seconds, runs = _counted(snapshot, "run_seconds", []), _counted(snapshot, "collections", [])
    for asked_by in ASKED_BY:
        count = sum(value for labels, value in runs.items() if labels[0] == asked_by)
        family.add_metric([asked_by], int(count), seconds.get((asked_by,), 0.0))
    return family


def _each(labels: Iterable[str]) -> list[tuple[str, ...]]:
    return [(label,) for label in labels]


def _counted(snapshot: Snapshot, name: str, known: Iterable[tuple[str, ...]]) -> Values:
    counted = {labels: value for (counter, labels), value in snapshot.counters.items() if counter == name}
    return dict.fromkeys(known, 0.0) | counted


def _failing_users(snapshot: Snapshot) -> defaultdict[str, set[str]]:
    users: defaultdict[str, set[str]] = defaultdict(set)
    for row in snapshot.collections:
        if row.outcome == "failed":
            users[row.reason or "error"].add(row.user_id)
    return users


def _days(snapshot: Snapshot) -> Values:
    recent = snapshot.days.recent if snapshot.days else {}
    return {(status,): float(recent.get(status, 0)) for status in STATUSES}


def _oldest_of_newest(snapshot: Snapshot) -> Values:
    oldest: Values = {}
    for row in snapshot.collections:
        if row.newest_day:
            seconds = _unix(row.newest_day)
            oldest[(row.collection,)] = min(oldest.get((row.collection,), seconds), seconds)
    return oldest


def _unknown_fields(snapshot: Snapshot) -> Values:
    most = Counter(dict.fromkeys(DEFAULT_COLLECTIONS, 0))
    for row in snapshot.collections:
        if row.collection != EVERY_COLLECTION:
            most[row.collection] = max(most[row.collection], row.unknown_fields)
    return {(name,): float(count) for name, count in most.items()}


def _unix(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
