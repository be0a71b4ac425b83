"""The image as a strict cluster runs it: not root, a read-only root, one writable folder, no internet access."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.container import Image, Machine, machine, mounted, until

NAME = os.environ.get("OURA_IMAGE", "")
MISSING = [tool for tool in ("buildah", "unshare", "nsenter", "setpriv", "ip") if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.skipif(not NAME, reason="needs OURA_IMAGE: the name of an image that `make image` built"),
    pytest.mark.skipif(bool(MISSING) or os.geteuid() != 0, reason=f"needs root and {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with mounted(NAME) as found:
        yield found


@pytest.fixture(scope="module")
def computer(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    for parent in folder.parents[:2]:
        parent.chmod(0o755)
    with machine(image, folder) as made:
        yield made


def test_the_image_names_an_unprivileged_user_and_a_health_check(image: Image) -> None:
    assert image.config["User"] == "10001:10001"
    assert "/health/live" in " ".join(image.config["Healthcheck"]["Test"])
    assert image.config["Labels"]["org.opencontainers.image.title"] == "oura-collector"


def test_no_layer_holds_a_secret_or_local_data(image: Image) -> None:
    assert not [name for name in image.environment if "TOKEN" in name or "PASSWORD" in name or "SECRET" in name]
    app = image.root / "app"
    assert not [path for path in (".env", ".git", ".data", "simulator", "tests") if (app / path).exists()]


def test_only_the_volume_is_writable(computer: Machine) -> None:
    assert computer.run("id -u").strip() == "10001"
    assert "Read-only" in computer.run("touch /app/anything", code=1)
    computer.run("touch /data/anything")
    assert "in vain" not in computer.run("curl --max-time 5 https://api.ouraring.com", code=6)


def test_the_operators_tools_are_installed(computer: Machine) -> None:
    assert "accepting connections" in computer.run("pg_isready -h 127.0.0.1 -p 5432")
    assert "psql" in computer.run("psql --version")
    assert "curl" in computer.run("curl --version")


def test_a_first_run_fills_the_tables(computer: Machine) -> None:
    computer.run("python /app/collect.py --once")

    output = computer.run("psql -h 127.0.0.1 -U app -At -c 'SELECT count(*) FROM oura_sleep WHERE total_sleep > 0' app")
    assert int(output) >= 25


@pytest.mark.parametrize(
    "query",
    [
        "SELECT date, total_sleep, rem_sleep, deep_sleep FROM oura_sleep ORDER BY date DESC LIMIT 7;",
        "SELECT date, steps, active_calories, total_calories FROM oura_activity ORDER BY date DESC LIMIT 7;",
        "SELECT relname, pg_size_pretty(pg_total_relation_size(relid)) FROM pg_stat_user_tables LIMIT 7;",
    ],
)
def test_the_published_queries_run_in_psql(computer: Machine, query: str) -> None:
    assert "(7 rows)" in computer.run(f'psql -h 127.0.0.1 -U app -c "{query}"')


def test_the_tables_can_be_vacuumed_and_the_token_tested_with_curl(computer: Machine) -> None:
    computer.run('psql -h 127.0.0.1 -U app -c "VACUUM ANALYZE oura_sleep, oura_activity;"')

    address = "http://127.0.0.1:8111/v2/usercollection/personal_info"
    output = computer.run(f"""sh -c 'curl --fail -s -H "Authorization: Bearer $OURA_API_TOKEN" {address}'""")
    assert json.loads(output)["id"]


def succeeded(computer: Machine, asked_by: str) -> bool:
    start = f'oura_collector_collections_total{{asked_by="{asked_by}",outcome="succeeded"}} '
    lines = computer.run("curl -s localhost:8080/metrics").splitlines()
    return any(float(line.removeprefix(start)) > 0 for line in lines if line.startswith(start))


def test_the_service_answers_collects_beside_a_forced_run_and_stops(computer: Machine, tmp_path: Path) -> None:
    with computer.serving(tmp_path / "log") as process:
        check = computer.image.config["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        until(
            lambda: "ok" in computer.run(f"{check[1]} {check[2]} '{check[3]} && echo ok'", code=None), "its own check"
        )
        computer.run("curl --fail --silent localhost:8080/health/ready")
        until(lambda: succeeded(computer, "service"), "a collection")
        assert json.loads(computer.run("curl -s localhost:8080/health"))["status"] == "ok"

        computer.run("python /app/collect.py --force")
        computer.run("python /app/collect.py --start-date 2024-01-01 --end-date 2024-12-31")

        assert succeeded(computer, "force")
        assert succeeded(computer, "backfill")

        asked_to_stop = time.monotonic()
        process.terminate()
        process.wait(60)
        assert time.monotonic() - asked_to_stop < 30
        assert process.returncode in (0, 143), (tmp_path / "log").read_text()[-3000:]


def test_nothing_secret_is_left_on_the_volume(computer: Machine) -> None:
    found = computer.run("grep -rl token-1 /data", code=None).split()

    assert found == []
