"""Who is compared: each turns a place into the commands that do its job there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from oura_collector.settings import PROJECT

from benchmarks import environments, measure
from benchmarks.environments import PEERS, program, python
from benchmarks.measure import Pipe
from benchmarks.place import PEER_SCHEMA, Job, Place

PLUGINS = PROJECT / ".meltano"
TAP = str(PLUGINS / "extractors" / "tap-oura" / "venv" / "bin" / "tap-oura")
LOADER = str(PLUGINS / "loaders" / "target-postgres" / "venv" / "bin" / "target-postgres")
MELTANO = str(Path(sys.executable).with_name("meltano"))

STATE = "state.json"


@dataclass(frozen=True)
class Turn:
    """Which round it is, from 0, and how many are left, this one included."""

    number: int
    left: int


def _always() -> str:
    return ""


@dataclass(frozen=True)
class Contender:
    """One way to do a job.

    `job` is what it does of the case's job; `before` what is done before each of its turns, unmeasured. Those with
    the same `place` share a database. `loads` is false for what only reads. `missing` tells why it can't take part.
    """

    name: str
    pipes: Callable[[Place], list[Pipe]]
    job: Callable[[Job], Job] = lambda job: job
    before: Callable[[Place, Turn], Place] = lambda place, _: place
    place: str = ""
    loads: bool = True
    missing: Callable[[], str] = _always


def _plugin(kind: str, name: str) -> dict[str, Any]:
    """The plugin's settings as meltano.yml gives them, but for those that come from elsewhere."""
    plugins = yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"][kind]
    (config,) = (plugin["config"] for plugin in plugins if plugin["name"] == name)
    return {setting: value for setting, value in config.items() if not str(value).startswith("$")}


def tap_settings(place: Place, **more: Any) -> dict[str, Any]:
    job = place.job
    return {
        "api_url": place.simulator.url,
        "accounts": [{"user": f"user-{number}", "access_token": f"token-{number}"} for number in job.accounts],
        "start_date": str(job.first),
        "end_date": str(job.last),
        "collections": list(job.collections),
        "token_store": str(place.folder / "credentials"),
        **more,
    }


def tap(place: Place, **more: Any) -> list[str]:
    name = f"tap-{more.get('shard_index', 0)}.json"
    return [TAP, "--config", str(place.write(name, tap_settings(place, **more)))]


def batch_files(place: Place) -> dict[str, Any]:
    """The setting of meltano.yml with a folder of the place."""
    config: dict[str, Any] = _plugin("extractors", "tap-oura")["batch_config"]
    return config | {"storage": {"root": f"file://{place.folder}/batches"}}


def loader(place: Place) -> list[str]:
    settings = {**_plugin("loaders", "target-postgres"), "sqlalchemy_url": place.database.url()}
    return [LOADER, "--config", str(place.write("target.json", settings))]


QUIET = {"TARGET_POSTGRES_LOGLEVEL": "WARNING", "TAP_OURA_LOGLEVEL": "WARNING"}


def pipe(place: Place, **more: Any) -> list[Pipe]:
    """Our tap and loader, joined by a pipe, as Meltano would join them. Keeps state if there is one."""
    state = place.folder / STATE
    extract = tap(place, batch_config=batch_files(place), **more)
    if state.exists():
        extract += ["--state", str(state)]
    return [Pipe([extract, loader(place)], QUIET, sink=place.folder / "states.jsonl")]


def keep_state(place: Place) -> None:
    """Make the last state that the loader wrote the one that the next pipe begins with."""
    lines = (place.folder / "states.jsonl").read_text().splitlines()
    (place.folder / STATE).write_text(lines[-1])


def through_meltano(place: Place, *arguments: str) -> list[Pipe]:
    """The same as Meltano runs it."""
    tap = tap_settings(place)
    environment = {
        **place.database.environment(),
        **{f"TAP_OURA_{name.upper()}": v if isinstance(v, str) else json.dumps(v) for name, v in tap.items()},
        **places_of_dbt(place),
        "MELTANO_ENVIRONMENT": "dev",
    }
    return [Pipe([[MELTANO, *arguments]], environment)]


def dlt(place: Place, *workers: str) -> list[Pipe]:
    return [Pipe([[python("dlt"), str(PEERS / "dlt_rest_api.py"), str(place.order), *workers]])]


def stock(place: Place) -> list[Pipe]:
    config = place.write("stock.json", {"job": str(place.order)})
    return [Pipe([[python("stock"), str(PEERS / "stock_tap.py"), "--config", str(config)], stock_loader(place)])]


def stock_loader(place: Place) -> list[str]:
    settings = {"sqlalchemy_url": place.database.url(), "default_target_schema": PEER_SCHEMA}
    return [program("stock", "target-postgres"), "--config", str(place.write("stock-target.json", settings))]


def messages_file(place: Place) -> Path:
    return place.folder.parent / "messages.jsonl"


def batches_file(place: Place) -> Path:
    return place.folder.parent / "batches.jsonl"


def rows_file(place: Place) -> Path:
    return place.folder.parent / "rows.jsonl"


def write_files(place: Place) -> None:
    """What loaders are fed with: what our tap says, without files and with, and of a lone collection the bare rows."""
    with_files = tap(place, batch_config=batch_files(place))
    measure.run([Pipe([with_files], QUIET, sink=batches_file(place))], place.folder)
    measure.run([Pipe([tap(place)], QUIET, sink=messages_file(place))], place.folder)
    if len(place.job.collections) > 1:
        return
    rows = place.simulator.documents(f"user-{place.job.accounts[0]}", place.job.collections[0])
    with rows_file(place).open("w") as file:
        file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def sling(place: Place) -> list[Pipe]:
    source = ["--src-stream", f"file://{rows_file(place)}", "--src-options", '{"flatten": true}']
    target = ["--tgt-conn", "BENCH", "--tgt-object", f"{PEER_SCHEMA}.{place.job.collections[0]}"]
    home = {"SLING_HOME_DIR": str(place.folder), "SLING_DISABLE_TELEMETRY": "TRUE", "BENCH": place.url}
    return [Pipe([[environments.sling(), "run", *source, *target, "--mode", "full-refresh"]], home)]


def _floor(place: Place) -> list[str]:
    return [python("floor"), str(PEERS / "floor.py"), str(place.order)]


def _no_shards() -> str:
    about = subprocess.run([TAP, "--about", "--format", "json"], capture_output=True, text=True, check=True).stdout
    known = json.loads(about)["settings"]["properties"]
    return "" if "shard_count" in known else "the tap has no setting shard_count"


def sharded(count: int) -> Contender:
    """Our pipe over all shards, one after another, each as its own process would be started."""
    return Contender(
        f"ours, {count} shards",
        lambda place: [part for index in range(count) for part in pipe(place, shard_index=index, shard_count=count)],
        missing=_no_shards,
    )


def build(place: Place) -> list[Pipe]:
    """What Meltano runs as `dbt:update`, without Meltano."""
    (dbt,) = yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"]["utilities"]
    arguments = dbt["commands"]["update"]["args"].replace("$DBT_PROJECT_DIR", str(PROJECT / "transform")).split()
    environment = {
        **place.database.environment(),
        **places_of_dbt(place),
        "DBT_PROJECT_DIR": str(PROJECT / "transform"),
        "DBT_PROFILES_DIR": str(PROJECT / "transform"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    return [Pipe([[str(PLUGINS / "utilities" / "dbt" / "venv" / "bin" / "python"), *arguments]], environment)]


def places_of_dbt(place: Place) -> dict[str, str]:
    return {"DBT_TARGET_PATH": str(place.folder / "target"), "DBT_LOG_PATH": str(place.folder / "logs")}


OURS = Contender("ours", pipe)
MELTANO_RUN = Contender("ours, meltano run", lambda place: through_meltano(place, "run", "tap-oura", "target-postgres"))
DLT = Contender("dlt", dlt)
DLT_WORKERS = Contender("dlt, 2 workers", lambda place: dlt(place, "2"))
STOCK = Contender("stock Singer", stock)
FLOOR = Contender("floor", lambda place: [Pipe([_floor(place)])])

LOADER_ALONE = Contender("our loader", lambda place: [Pipe([loader(place)], QUIET, source=batches_file(place))])
STOCK_LOADER = Contender("stock loader", lambda place: [Pipe([stock_loader(place)], source=messages_file(place))])
SLING = Contender("Sling", sling)
COPY = Contender("COPY", lambda place: [Pipe([[*_floor(place), str(rows_file(place))]])])
