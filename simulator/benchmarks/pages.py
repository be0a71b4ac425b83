"""Heart-rate pages per second: real HTTP over one kept connection, against a real server process.

Run with `python benchmarks/pages.py [pages]`. A client that asks for one page after another keeps the server waiting;
what the server could do is shown by the processor time that it took.
"""

from __future__ import annotations

import http.client
import json
import resource
import subprocess
import sys
import time
from urllib.parse import urlsplit

DAYS = 365
WINDOW = ("2026-01-01T00:00:00Z", "2026-01-30T00:00:00Z")


def pages(connection: http.client.HTTPConnection, wanted: int) -> tuple[int, int]:
    """Reads windows from their beginning to their end, again and again; pages and rows read."""
    read = rows = 0
    base = f"/v2/usercollection/heartrate?start_datetime={WINDOW[0]}&end_datetime={WINDOW[1]}"
    token = None
    while read < wanted:
        path = base + (f"&next_token={token}" if token else "")
        connection.request("GET", path, headers={"Authorization": "Bearer token-1"})
        body = connection.getresponse().read()
        read += 1
        rows += body.count(b'"bpm"')
        tail = body[-400:].partition(b'"next_token":')[2]
        token = tail.strip(b'"}').decode() if tail != b"null}" else None
    return read, rows


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    server = subprocess.Popen(
        [sys.executable, "-m", "oura_simulator", "serve", "--port", "0", "--json", "--today", "2026-06-01"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = urlsplit(json.loads(server.stdout.readline())["url"])
        connection = http.client.HTTPConnection(url.netloc)
        for label, count in (("cold", 13), ("warm", wanted)):
            started, own = time.perf_counter(), time.process_time()
            read, rows = pages(connection, count)
            took = time.perf_counter() - started
            share = (time.process_time() - own) / took
            print(f"{label}: {read} pages, {rows} rows in {took:.2f} s: {read / took:.0f} pages/s, client {share:.0%}")
    finally:
        server.terminate()
        server.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = used.ru_utime + used.ru_stime
    print(f"server: {wanted / spent:.0f} pages per second of one core, its start included; {used.ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
