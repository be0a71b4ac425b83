"""The totals behind the metrics, in the collector's own schema: runs by trigger and result, requests, errors."""

from __future__ import annotations

ADD = """
INSERT INTO oura_collector.counters (name, labels, value) VALUES (%s, %s, %s)
ON CONFLICT (name, labels) DO UPDATE SET value = counters.value + excluded.value, updated_at = now()"""
SET = """
INSERT INTO oura_collector.counters (name, labels, value) VALUES (%s, %s, %s)
ON CONFLICT (name, labels) DO UPDATE SET value = excluded.value, updated_at = now()"""
