"""How a panel and a dashboard of Grafana are written: the few facts that differ, and the JSON that Grafana wants."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

POSTGRES = {"type": "grafana-postgresql-datasource", "uid": "oura-postgresql"}
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
GRID = 24
"""Columns of Grafana's grid."""

Steps = list[tuple[str, float | None]]
PLAIN: Steps = [("green", None)]


@dataclass(frozen=True)
class Panel:
    """One panel. `query` is SQL, or PromQL where `legend` is given; `unit` is one of Grafana's units.

    `mappings` gives words that are values a colour and a name; `units` are those of single columns of a table.
    """

    title: str
    query: str
    unit: str
    description: str = ""
    kind: str = "timeseries"
    steps: Steps = field(default_factory=lambda: PLAIN)
    width: int = 12
    height: int = 8
    bars: bool = False
    stack: bool = False
    range: tuple[float, float] | None = None
    legend: str | None = None
    mappings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def json(self, number: int, x: int, y: int) -> dict[str, Any]:
        return {
            "id": number,
            "title": self.title,
            "description": self.description,
            "type": self.kind,
            "datasource": POSTGRES if self.legend is None else PROMETHEUS,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [self._target()],
            "fieldConfig": {"defaults": self._defaults(), "overrides": self._overrides()},
            "options": self._options(),
        }

    def _target(self) -> dict[str, Any]:
        if self.legend is not None:
            instant = self.kind == "stat"
            return {
                "refId": "A",
                "datasource": PROMETHEUS,
                "expr": self.query,
                "legendFormat": self.legend,
                "instant": instant,
                "range": not instant,
            }
        shape = "table" if self.kind in ("table", "stat", "state-timeline", "status-history") else "time_series"
        return {"refId": "A", "datasource": POSTGRES, "format": shape, "rawQuery": True, "rawSql": self.query}

    def _defaults(self) -> dict[str, Any]:
        steps = [{"color": color, "value": value} for color, value in self.steps]
        defaults: dict[str, Any] = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        if self._is_dated:
            defaults["displayName"] = "${__data.fields.day}"
        if self.range:
            defaults["min"], defaults["max"] = self.range
        if self.mappings:
            named = enumerate(self.mappings.items())
            options = {value: {"index": n, "color": color, "text": text} for n, (value, (color, text)) in named}
            defaults["mappings"] = [{"type": "value", "options": options}]
        if self.kind == "timeseries":
            shaded = len(self.steps) > 1
            defaults["custom"] = {
                "drawStyle": "bars" if self.bars else "line",
                "fillOpacity": 70 if self.bars else 10,
                "showPoints": "never" if self.bars else "auto",
                "spanNulls": False,
                "stacking": {"mode": "normal" if self.stack else "none"},
                "thresholdsStyle": {"mode": "dashed" if shaded else "off"},
            }
        return defaults

    @property
    def _is_dated(self) -> bool:
        return self.kind == "stat" and self.legend is None

    def _overrides(self) -> list[dict[str, Any]]:
        return [
            {"matcher": {"id": "byName", "options": column}, "properties": [{"id": "unit", "value": unit}]}
            for column, unit in self.units.items()
        ]

    def _options(self) -> dict[str, Any]:
        if self.kind == "stat":
            # All values of the only row, so that its day can be the name.
            calculated = {"calcs": ["lastNotNull"], "fields": "", "values": self._is_dated}
            text = "value_and_name" if self._is_dated else "auto"
            return {"colorMode": "value", "reduceOptions": calculated, "textMode": text}
        if self.kind == "timeseries":
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
        if self.kind == "status-history":
            return {"showValue": "never", "rowHeight": 0.9, "legend": {"displayMode": "list", "placement": "bottom"}}
        return {}


def stat(title: str, query: str, unit: str, steps: Steps = PLAIN, legend: str | None = None) -> Panel:
    """Return a single large value; four of them make a row."""
    return Panel(title, query, unit, kind="stat", steps=steps, width=6, height=5, legend=legend)


@dataclass(frozen=True)
class Dashboard:
    """One dashboard: panels in reading order, placed from left to right."""

    title: str
    panels: list[Panel]
    days: int = 30

    @property
    def name(self) -> str:
        return self.title.lower().replace(" ", "-")

    def text(self) -> str:
        """Return the JSON as Grafana imports it, ending in a newline."""
        needs_prometheus = any(panel.legend is not None for panel in self.panels)
        return (
            json.dumps(
                {
                    "uid": f"oura-{self.name}",
                    "title": f"Oura: {self.title}",
                    "tags": ["oura"],
                    "schemaVersion": 39,
                    "editable": True,
                    "graphTooltip": 1,
                    "time": {"from": f"now-{self.days}d", "to": "now"},
                    "links": [
                        {"type": "dashboards", "title": "Oura", "tags": ["oura"], "asDropdown": False, "keepTime": True}
                    ],
                    "templating": {"list": [USER, *([SOURCE] if needs_prometheus else [])]},
                    "panels": self._placed(),
                },
                indent=2,
                ensure_ascii=False,
            )
            + "\n"
        )

    def _placed(self) -> list[dict[str, Any]]:
        placed, x, y, tallest = [], 0, 0, 0
        for number, panel in enumerate(self.panels, start=1):
            if x + panel.width > GRID:
                x, y, tallest = 0, y + tallest, 0
            placed.append(panel.json(number, x, y))
            x, tallest = x + panel.width, max(tallest, panel.height)
        return placed


USER = {
    "name": "user",
    "label": "User",
    "type": "query",
    "datasource": POSTGRES,
    "query": "SELECT user_id FROM oura_profile ORDER BY user_id",
    "refresh": 1,
    "multi": False,
    "includeAll": False,
}
SOURCE = {"name": "prometheus", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}
