"""The tap that one writes first with Singer's SDK: its RESTStream, one stream per collection, its stock paging.

`python stock_tap.py --config config.json`, where the only setting, `job`, names the job's file.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator


class OuraStream(RESTStream[str]):
    next_page_token_jsonpath = "$.next_token"

    def __init__(self, tap: TapStock, collection: dict[str, Any]) -> None:
        self._job = tap.job
        self.path = f"/{collection['path']}"
        self.primary_keys = tuple(collection["keys"])
        self._selector = "$.data[*]" if collection["selector"] == "data" else "$"
        self._windows = collection["windows"]
        super().__init__(tap, name=collection["name"], schema=collection["schema"])

    @property
    def records_jsonpath(self) -> str:
        return self._selector

    @property
    def url_base(self) -> str:
        return str(self._job["url"])

    @property
    def partitions(self) -> list[dict[str, Any]]:
        return list(self._windows)

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        return BearerTokenAuthenticator(token=self._job["tokens"][0])

    def get_url_params(self, context: Any, next_page_token: str | None) -> dict[str, Any]:
        return {**(context or {}), **({"next_token": next_page_token} if next_page_token else {})}


class TapStock(Tap):
    name = "tap-stock"
    config_jsonschema = th.PropertiesList(th.Property("job", th.StringType, required=True)).to_dict()

    @cached_property
    def job(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(Path(self.config["job"]).read_text())
        return found

    def discover_streams(self) -> list[OuraStream]:
        return [OuraStream(self, collection) for collection in self.job["collections"]]


if __name__ == "__main__":
    TapStock.cli()
