"""Extract and load with dlt's `rest_api` source into PostgreSQL: `python dlt_rest_api.py job.json [workers]`.

As dlt's own pages on speed and on PostgreSQL advise: resources in parallel threads, as many as our tap has requests
under way; CSV, which it loads by COPY; nested values left as JSON; for several workers, files small enough to share. A
range that the API demands in pieces is one resource per piece. Rows are appended, which is less work than an upsert.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "EXTRACT__WORKERS": "8",
}
WORKERS = {
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "25000",
    "NORMALIZE__START_METHOD": "fork",
}


def resources(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{collection['name']}_{number}",
            "table_name": collection["name"],
            "write_disposition": "append",
            "endpoint": {"path": collection["path"], "params": window, "data_selector": collection["selector"]},
        }
        for collection in job["collections"]
        for number, window in enumerate(collection["windows"])
    ]


def credentials(server: dict[str, str]) -> str:
    """A URL as dlt wants it: with a password even where the server asks for none, a socket's folder behind the `?`."""
    user, password = server["user"], server.get("password", "none")
    rest = {name: value for name, value in server.items() if name not in ("user", "password", "dbname")}
    return f"postgresql://{user}:{password}@localhost/{server['dbname']}?{urlencode(rest)}"


def main() -> None:
    os.environ.update(SETTINGS)
    if len(sys.argv) > 2:
        os.environ.update({**WORKERS, "NORMALIZE__WORKERS": sys.argv[2]})
    # Imported here because dlt reads its settings early.
    import dlt
    from dlt.sources.rest_api import rest_api_source

    job = json.loads(Path(sys.argv[1]).read_text())
    source = rest_api_source(
        {
            "client": {
                "base_url": job["url"],
                "auth": {"type": "bearer", "token": job["tokens"][0]},
                "paginator": {"type": "cursor", "cursor_path": "next_token", "cursor_param": "next_token"},
            },
            "resources": resources(job),
        },
        name="oura",
        max_table_nesting=0,
        parallelized=True,
    )
    pipeline = dlt.pipeline(
        "oura",
        destination=dlt.destinations.postgres(credentials(job["server"])),
        dataset_name=job["schema"],
        pipelines_dir=str(Path(sys.argv[1]).with_suffix(".dlt")),
    )
    pipeline.run(source, loader_file_format="csv")


if __name__ == "__main__":
    main()
