"""The command `oura-simulator`."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from oura_simulator.server import serve
from oura_simulator.settings import DEFAULT_ZONES, Settings, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oura_simulator.simulator import Simulator

T = TypeVar("T")
MAX_ACCOUNTS = 1_000_000


class Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    main = Parser("oura-simulator", description="A faithful fake of the Oura API v2.")
    commands = main.add_subparsers(dest="command", required=True, metavar="serve", parser_class=Parser)
    command = commands.add_parser("serve", help="answer requests until interrupted")
    add = command.add_argument
    add("--port", type=_whole(0, 65535), default=8000, metavar="N", help="port; 0 picks a free one (8000)")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--accounts", type=_whole(1, MAX_ACCOUNTS), default=2, metavar="N", help="number of accounts (2)")
    add("--seed", type=int, default=1, metavar="N", help="seed of the generated data (1)")
    add("--days", type=_whole(1, 7300), default=730, metavar="N", help="days of history before today (730)")
    add("--latency-ms", type=_whole(0, 600_000), default=0, metavar="N", help="added to each answer (0)")
    add("--page-size", type=_whole(1, 100_000), metavar="N", help="of all collections (series 1000, documents 50)")
    add("--today", type=_named("a date or an instant", parse_instant), metavar="DATE", help="now, standing still")
    add(
        "--timezone",
        type=_named("a time zone", _zone),
        action="append",
        metavar="ZONE",
        help="home of the accounts; repeat to deal several round",
    )
    add("--json", action="store_true", help="say what is ready as one line of JSON")
    return main


def main(arguments: Sequence[str] | None = None) -> None:
    command = parser()
    options = command.parse_args(arguments)
    settings = Settings(
        accounts=options.accounts,
        seed=options.seed,
        days=options.days,
        latency_ms=options.latency_ms,
        page_size=options.page_size,
        today=options.today,
        timezones=tuple(options.timezone or DEFAULT_ZONES),
    )
    try:
        serve(settings, options.host, options.port, _as_json if options.json else _as_text)
    except OSError as error:
        command.exit(2, f"oura-simulator: cannot listen on {options.host}:{options.port}: {error.strerror}\n")
    except KeyboardInterrupt:
        sys.exit(130)


def _as_json(simulator: Simulator, url: str) -> None:
    accounts = [simulator.described(number, url) for number in simulator.accounts.numbers()]
    _print(json.dumps({"url": url, "accounts": accounts}))


def _as_text(simulator: Simulator, url: str) -> None:
    lines = [url]
    for number in simulator.accounts.numbers():
        account = simulator.described(number, url)
        lines.append(account["user"])
        lines += [f"  {name:<14} {value}" for name, value in account.items() if name != "user"]
    _print("\n".join(lines))


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    # The parent process waits for this line, mostly through a pipe.
    sys.stdout.flush()


def _named(kind: str, read: Callable[[str], T]) -> Callable[[str], T]:
    def convert(text: str) -> T:
        try:
            return read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind}") from None

    return convert


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return _named(f"a whole number from {least} to {most}", read)


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, IsADirectoryError):
        raise ValueError(text) from None


if __name__ == "__main__":
    main()
