"""`python monitoring/grafana/dashboards.py` writes the dashboards as JSON, from which files and cluster are served."""

from __future__ import annotations

from pathlib import Path

from boards import activity, heart_rate, operations, readiness, sleep

FOLDER = Path(__file__).with_name("dashboards")
BOARDS = [sleep.BOARD, activity.BOARD, readiness.BOARD, heart_rate.BOARD, operations.BOARD]


def main() -> None:
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(board.text())


if __name__ == "__main__":
    main()
