"""Erasing accounts with names that are common words: only their data is removed, and no link is followed."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from oura_collector.privacy.export import export, file_stem
from oura_collector.settings import PROJECT
from pydantic import SecretStr

from tests.installation import MELTANO, STATE_ID, Installation, installation, state

__all__ = ["installation"]

ODD = (
    "1 a venv bin meltano oura app 2026 2026-01-01 all target user data dev sleep default - .* % ' \" \\ Zoë 李".split()
)
"""Names that are words of paths, tables, states and logs, or marks with a meaning in patterns."""


def test_an_account_of_any_name_is_erased_alone(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    names = [*ODD, "user-1", "user-10", "10"]
    installation.add(*names)
    program = installation.put("notes/1 a venv/meltano", "1 a venv bin meltano oura app 2026-01-01 target")

    while names:
        name = names.pop(0)
        assert installation.erase(name), (name, capsys.readouterr().out)

        assert installation.rows("SELECT user_id FROM oura_raw.sleep") == [(each,) for each in names]
        kept = [(f"{STATE_ID}:{each}", state(each)) for each in names] + [(STATE_ID, state(*names))]
        for table, key, columns in (
            ("state", "state_id", ("partial_state", "completed_state")),
            ("runs", "job_name", ("payload",)),
        ):
            for column in columns:
                rows = installation.rows(f"SELECT {key}, {column} FROM meltano.{table}")
                assert sorted((each, json.loads(text)) for each, text in rows if each != name) == sorted(
                    kept, key=lambda pair: pair[0]
                ), name
    assert program.exists()
    assert (PROJECT / ".venv/bin/meltano").exists()


def test_the_target_of_a_symlink_is_never_touched(
    installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.add("wearer-one", "target")
    outside = tmp_path / "outside"
    for name in ("manifest.json", "state.json", "tap.config.json", "notes.txt", "compiled/oura/target.sql"):
        path = outside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"user_id": "wearer-one"} target wearer-one')
    links = {
        "notes.txt": outside / "notes.txt",
        "wearer-one": outside,
        "dbt/target": outside,
        "batches-1": outside,
        "meltano/shard-0-of-2/extractors": outside,
        "meltano/shard-0-of-2/run/tap-oura": outside,
        "tap-oura/state.json": outside / "state.json",
        "exports": outside,
    }
    for name, target in links.items():
        (installation.data / name).parent.mkdir(parents=True, exist_ok=True)
        (installation.data / name).symlink_to(target)
    before = sorted(outside.rglob("*"))

    for name in ("wearer-one", "target"):
        assert installation.erase(name)

    assert sorted(outside.rglob("*")) == before
    output = capsys.readouterr().out
    for name in links:
        assert (installation.data / name).is_symlink()
        # Those that the collector makes itself need no mention.
        assert (f"Link, not followed: {installation.data / name}\n" in output) is ("extractors" not in name)


def test_a_data_folder_that_is_a_symlink_is_searched(installation: Installation, tmp_path: Path) -> None:
    installation.add("wearer-one")
    leaves = installation.put("dbt/logs/dbt.log.1", "daily_sleep of wearer-one")
    link = tmp_path / "link"
    link.symlink_to(installation.data)
    installation.settings.data_dir = link

    assert installation.erase("wearer-one")
    assert not leaves.exists()


def test_each_file_of_a_run_that_names_the_account_is_removed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.add("Zoë 1")
    (run,) = installation.rows(f"SELECT run_id::text FROM meltano.runs WHERE job_name = '{STATE_ID}'")[0]
    elsewhere = installation.data.parent / "elsewhere"
    monkeypatch.setenv("DBT_TARGET_PATH", str(elsewhere))
    leaves = [
        installation.put(name, text.format("Zoë 1"))
        for name, text in {
            "tap-oura/state.json": '{{"user_id": "Zo\\u00eb 1"}}',
            "target-postgres/target.0.config.json": "{}",
            "meltano/shard-0-of-2/run/tap-oura/tap.properties.json": "x{}x",
            "meltano/shard-0-of-2/run/elt/dev/0/tap.out": "{}",
            "batches-abc/tap-oura--sleep-1.json": '{{"user_id": "{}"}}',
            "batches/tap-oura--sleep-1.json": "x" * (2**20 - 3) + "{}",
            "dbt/target/run/oura/models/any.sql": "Zo%C3%AB%201",
            "dbt/logs/dbt.log": '{{\\"name\\": \\"Zo\\\\u00eb 1\\"}}',
            "simulator.log": "{}",
            "../elsewhere/run_results.json": "{}",
            f"../state/log/elt/devtap-oura-to-target-postgres/{run}/elt.log": "sleep of {}: 3 records",
            "exports/" + file_stem("Zoë 1") + "-2026-01-01.zip": "",
            "exports/." + file_stem("Zoë 1") + ".abcd1234.draft": "",
            "exports/." + file_stem("Zoë 1") + ".abcd1234.rows/rows": "",
        }.items()
    ]
    kept = [
        installation.put(name, "Zoë")
        for name in ("dbt/logs/dbt.log.2", "simulator.json", "exports/" + file_stem("Zoë") + "-2026-01-01.zip")
    ]

    assert installation.erase("Zoë 1")
    assert [path for path in leaves if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []


def test_a_trace_in_a_foreign_file_is_reported_and_left(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.add("wearer-one", "1")
    log = f"../state/log/elt/devtap-oura-to-target-postgres/{'0' * 8}/elt.log"
    named = [
        installation.put("backup.sql", "INSERT INTO sleep VALUES ('wearer-one')"),
        installation.put("wearer-one.txt", ""),
        installation.put("dbt/target/mine.json", '{"user_id":"wearer-one"}'),
    ]
    of_another_database = installation.put(log, "sleep of wearer-one: 3 records")
    installation.put("other.sql", "wearer-one-2 1 xwearer-one")
    installation.put("../state/log/elt/another-project/0/elt.log", "wearer-one")
    numbered = installation.put("numbered.json", '[{"user_id": "1"}]')

    assert not installation.erase("wearer-one")
    lines = capsys.readouterr().out.splitlines()
    left = {Path(line.removeprefix("STILL FOUND: file: ")).name for line in lines if line.startswith("STILL FOUND")}
    assert left == {path.name for path in named}
    assert "nothing was found" not in "\n".join(lines)
    assert all(path.exists() for path in (*named, of_another_database))
    assert [line for line in lines if line.startswith("Left: 1 logs in ")]

    assert not installation.erase("1")
    output = capsys.readouterr().out
    assert [line for line in output.splitlines() if line.startswith("STILL")] == [f"STILL FOUND: file: {numbered}"]
    assert "'1' is a common word" in output


def test_messages_and_backfills_of_other_accounts_are_kept(installation: Installation) -> None:
    installation.add("1", "10", "wearer-one")
    messages = {
        "1": "daily_sleep of 1: Oura refuses it (and 1 more)",
        "10": "everything of 10: try again in 1 hour",
        "wearer-one": "daily_sleep of wearer-one: Oura refuses it",
        None: "the tap failed: wearer-one has no token",
    }
    backfills = [
        "2024-01-01 to 2024-12-31 all 1,10",
        "2024-01-01 to 2024-12-31 sleep 10",
        "2024-01-01 to 2024-01-31 1 all",
    ]
    with installation.database.connect() as connection:
        for user, message in messages.items():
            run = connection.execute(
                "INSERT INTO oura_collector.runs (asked_by, outcome, message) "
                "VALUES ('once', 'failed', %s) RETURNING run_id",
                [message],
            ).fetchone()
            collection = "*" if user == "10" else "daily_sleep"
            if user and run:
                connection.execute(
                    "INSERT INTO oura_collector.run_collections VALUES (%s, %s, %s, 1, 0, NULL, 'failed', 'x', %s)",
                    [run[0], user, collection, message],
                )
        for name in backfills:
            connection.execute(
                "INSERT INTO oura_collector.backfill_pieces VALUES (%s, '2024-01-01', '2024-01-31')", [name]
            )

    def stored() -> list[str]:
        return [message for (message,) in installation.rows("SELECT message FROM oura_collector.runs ORDER BY run_id")]

    assert installation.erase("1")
    assert stored() == ["erased", *list(messages.values())[1:]]
    left = installation.rows("SELECT backfill FROM oura_collector.backfill_pieces ORDER BY 1 DESC")
    assert left == [(backfills[1],), (backfills[2],)]

    assert installation.erase("wearer-one")
    assert stored() == ["erased", messages["10"], "erased", "erased"]


def test_meltanos_tables_in_public_are_searched_and_foreign_ones_are_not(installation: Installation) -> None:
    with installation.database.connect() as connection:
        connection.execute(MELTANO.format(schema="public").encode())
        connection.execute("CREATE TABLE public.oura_shoes (user_id integer, size integer)")
        connection.execute("INSERT INTO public.oura_shoes VALUES (1, 42)")
    installation.add("1", "2", schema="public")

    assert installation.erase("1")

    assert dict(installation.rows("SELECT state_id, completed_state FROM public.state")) == {
        f"{STATE_ID}:2": json.dumps(state("2")),
        STATE_ID: json.dumps(state("2")),
    }
    assert installation.rows("SELECT count(*) FROM public.runs") == [(2,)]
    assert installation.rows("SELECT size FROM public.oura_shoes") == [(42,)]


def test_a_state_named_after_the_account_but_with_others_is_kept_and_reported(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.add("wearer-one", "wearer-two")
    shared = json.dumps(state("wearer-one", "wearer-two"))
    with installation.database.connect() as connection:
        connection.execute(
            "UPDATE meltano.state SET completed_state = %s WHERE state_id = %s", [shared, f"{STATE_ID}:wearer-one"]
        )

    assert not installation.erase("wearer-one")

    assert "1 rows of meltano.state" in capsys.readouterr().out
    kept = installation.rows(f"SELECT completed_state FROM meltano.state WHERE state_id = '{STATE_ID}:wearer-one'")
    assert json.loads(kept[0][0]) == state("wearer-two")


def test_documents_that_were_rejected_are_exported_and_erased(installation: Installation, tmp_path: Path) -> None:
    installation.add("wearer-one", "wearer-two")
    with installation.database.connect() as connection:
        connection.execute("CREATE TABLE oura_raw.rejected_documents (user_id text, collection text, document jsonb)")
        for user in ("wearer-one", "wearer-two"):
            connection.execute("INSERT INTO oura_raw.rejected_documents VALUES (%s, 'sleep', '{}')", [user])

    with ZipFile(
        export(installation.settings, installation.database, "wearer-one", "csv", tmp_path / "all.zip")
    ) as archive:
        assert archive.read("oura_raw/rejected_documents.csv").decode().splitlines()[1:] == ["wearer-one,sleep,{}"]
        states = json.loads(archive.read("state.json"))
    assert states.keys() == {
        f"{name}{kind}" for name in (STATE_ID, f"{STATE_ID}:wearer-one") for kind in ("", " (partial)")
    }
    assert [part["context"]["user_id"] for part in states[STATE_ID]["sleep"]] == ["wearer-one"]

    assert installation.erase("wearer-one")
    assert installation.rows("SELECT user_id FROM oura_raw.rejected_documents") == [("wearer-two",)]


@pytest.mark.parametrize("mapping", ["", "no line of a mapping"])
def test_the_last_account_of_the_settings_can_be_erased(
    installation: Installation, mapping: str, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.add("wearer-one")
    installation.settings = installation.settings.model_copy(
        update={"multi_user_mode": True, "user_mapping": SecretStr(mapping)}
    )

    assert installation.erase("wearer-one"), capsys.readouterr().out
    assert installation.rows("SELECT user_id FROM oura_raw.sleep") == []
