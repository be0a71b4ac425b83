"""Who is compared: each builds the commands that do its job in an environment."""

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

from benchmarks import measure, virtualenvs
from benchmarks.environment import PEER_SCHEMA, Environment, Job
from benchmarks.measure import Pipe
from benchmarks.virtualenvs import PEERS, program, python

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

    `job` narrows the case's job; `before` runs before each of its turns, unmeasured. Contenders with the same
    `environment` share a database. `loads` is false for those that only read. `missing` returns why it cannot take
    part, or an empty text.
    """

    name: str
    pipes: Callable[[Environment], list[Pipe]]
    job: Callable[[Job], Job] = lambda job: job
    before: Callable[[Environment, Turn], Environment] = lambda environment, _: environment
    environment: str = ""
    loads: bool = True
    missing: Callable[[], str] = _always


def _plugin(kind: str, name: str) -> dict[str, Any]:
    """The plugin's settings as meltano.yml gives them, but for those that come from elsewhere."""
    plugins = yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"][kind]
    (config,) = (plugin["config"] for plugin in plugins if plugin["name"] == name)
    return {setting: value for setting, value in config.items() if not str(value).startswith("$")}


def tap_settings(environment: Environment, **more: Any) -> dict[str, Any]:
    job = environment.job
    return {
        "api_url": environment.simulator.url,
        "accounts": [{"user": f"user-{number}", "access_token": f"token-{number}"} for number in job.accounts],
        "start_date": str(job.first),
        "end_date": str(job.last),
        "collections": list(job.collections),
        "token_store": str(environment.folder / "credentials"),
        **more,
    }


def tap(environment: Environment, **more: Any) -> list[str]:
    name = f"tap-{more.get('shard_index', 0)}.json"
    return [TAP, "--config", str(environment.write(name, tap_settings(environment, **more)))]


def batch_files(environment: Environment) -> dict[str, Any]:
    """The setting of meltano.yml with a folder of the environment."""
    config: dict[str, Any] = _plugin("extractors", "tap-oura")["batch_config"]
    return config | {"storage": {"root": f"file://{environment.folder}/batches"}}


def loader(environment: Environment) -> list[str]:
    settings = {**_plugin("loaders", "target-postgres"), "sqlalchemy_url": environment.database.url()}
    return [LOADER, "--config", str(environment.write("target.json", settings))]


QUIET = {"TARGET_POSTGRES_LOGLEVEL": "WARNING", "TAP_OURA_LOGLEVEL": "WARNING"}


def pipe(environment: Environment, **more: Any) -> list[Pipe]:
    """Our tap and loader, joined by a pipe, as Meltano would join them. Keeps state if there is one."""
    state = environment.folder / STATE
    extract = tap(environment, batch_config=batch_files(environment), **more)
    if state.exists():
        extract += ["--state", str(state)]
    return [Pipe([extract, loader(environment)], QUIET, sink=environment.folder / "states.jsonl")]


def keep_state(environment: Environment) -> None:
    """Make the last state that the loader wrote the one that the next pipe begins with."""
    lines = (environment.folder / "states.jsonl").read_text().splitlines()
    (environment.folder / STATE).write_text(lines[-1])


def through_meltano(environment: Environment, *arguments: str) -> list[Pipe]:
    """The same as Meltano runs it."""
    tap = tap_settings(environment)
    variables = {
        **environment.database.environment(),
        **{f"TAP_OURA_{name.upper()}": v if isinstance(v, str) else json.dumps(v) for name, v in tap.items()},
        **dbt_paths(environment),
        "MELTANO_ENVIRONMENT": "dev",
    }
    return [Pipe([[MELTANO, *arguments]], variables)]


def dlt(environment: Environment, *workers: str) -> list[Pipe]:
    return [Pipe([[python("dlt"), str(PEERS / "dlt_rest_api.py"), str(environment.order), *workers]])]


def stock(environment: Environment) -> list[Pipe]:
    config = environment.write("stock.json", {"job": str(environment.order)})
    return [Pipe([[python("stock"), str(PEERS / "stock_tap.py"), "--config", str(config)], stock_loader(environment)])]


def stock_loader(environment: Environment) -> list[str]:
    settings = {"sqlalchemy_url": environment.database.url(), "default_target_schema": PEER_SCHEMA}
    return [program("stock", "target-postgres"), "--config", str(environment.write("stock-target.json", settings))]


def messages_file(environment: Environment) -> Path:
    return environment.folder.parent / "messages.jsonl"


def batches_file(environment: Environment) -> Path:
    return environment.folder.parent / "batches.jsonl"


def rows_file(environment: Environment) -> Path:
    return environment.folder.parent / "rows.jsonl"


def write_files(environment: Environment) -> None:
    """Write the loaders' input: our tap's output with and without batch files, and of a single collection the rows."""
    with_files = tap(environment, batch_config=batch_files(environment))
    measure.run([Pipe([with_files], QUIET, sink=batches_file(environment))], environment.folder)
    measure.run([Pipe([tap(environment)], QUIET, sink=messages_file(environment))], environment.folder)
    if len(environment.job.collections) > 1:
        return
    rows = environment.simulator.documents(f"user-{environment.job.accounts[0]}", environment.job.collections[0])
    with rows_file(environment).open("w") as file:
        file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def sling(environment: Environment) -> list[Pipe]:
    source = ["--src-stream", f"file://{rows_file(environment)}", "--src-options", '{"flatten": true}']
    target = ["--tgt-conn", "BENCH", "--tgt-object", f"{PEER_SCHEMA}.{environment.job.collections[0]}"]
    home = {"SLING_HOME_DIR": str(environment.folder), "SLING_DISABLE_TELEMETRY": "TRUE", "BENCH": environment.url}
    return [Pipe([[virtualenvs.sling(), "run", *source, *target, "--mode", "full-refresh"]], home)]


def _floor(environment: Environment) -> list[str]:
    return [python("floor"), str(PEERS / "floor.py"), str(environment.order)]


def _no_shards() -> str:
    about = subprocess.run([TAP, "--about", "--format", "json"], capture_output=True, text=True, check=True).stdout
    known = json.loads(about)["settings"]["properties"]
    return "" if "shard_count" in known else "the tap has no setting shard_count"


def sharded(count: int) -> Contender:
    """Our pipe over all shards, one after another, each as its own process would be started."""
    return Contender(
        f"ours, {count} shards",
        lambda environment: [
            part for index in range(count) for part in pipe(environment, shard_index=index, shard_count=count)
        ],
        missing=_no_shards,
    )


def build(environment: Environment) -> list[Pipe]:
    """What Meltano runs as `dbt:update`, without Meltano."""
    (dbt,) = yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"]["utilities"]
    arguments = dbt["commands"]["update"]["args"].replace("$DBT_PROJECT_DIR", str(PROJECT / "transform")).split()
    variables = {
        **environment.database.environment(),
        **dbt_paths(environment),
        "DBT_PROJECT_DIR": str(PROJECT / "transform"),
        "DBT_PROFILES_DIR": str(PROJECT / "transform"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    return [Pipe([[str(PLUGINS / "utilities" / "dbt" / "venv" / "bin" / "python"), *arguments]], variables)]


def dbt_paths(environment: Environment) -> dict[str, str]:
    return {"DBT_TARGET_PATH": str(environment.folder / "target"), "DBT_LOG_PATH": str(environment.folder / "logs")}


OURS = Contender("ours", pipe)
MELTANO_RUN = Contender(
    "ours, meltano run", lambda environment: through_meltano(environment, "run", "tap-oura", "target-postgres")
)
DLT = Contender("dlt", dlt)
DLT_WORKERS = Contender("dlt, 2 workers", lambda environment: dlt(environment, "2"))
STOCK = Contender("stock Singer", stock)
FLOOR = Contender("floor", lambda environment: [Pipe([_floor(environment)])])

LOADER_ALONE = Contender(
    "our loader", lambda environment: [Pipe([loader(environment)], QUIET, source=batches_file(environment))]
)
STOCK_LOADER = Contender(
    "stock loader", lambda environment: [Pipe([stock_loader(environment)], source=messages_file(environment))]
)
SLING = Contender("Sling", sling)
COPY = Contender("COPY", lambda environment: [Pipe([[*_floor(environment), str(rows_file(environment))]])])
