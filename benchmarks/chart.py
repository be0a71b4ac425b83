"""The medians as a chart: a bar of time per contender, written as SVG, which needs no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.cases import Case
from benchmarks.results import Result

WIDTH, LINE, LEFT, RIGHT = 860, 20, 240, 90
"""In pixels: the picture, one bar with its gap, the space for names and for seconds."""

OURS, OTHERS = "#2a7f62", "#9aa5b1"

PEERS = {"dlt", "dlt, 2 workers", "floor", "stock Singer", "stock loader", "Sling", "COPY"}


def drawn(cases: Sequence[Case], results: dict[str, Result]) -> str:
    parts, y = [], 10
    for case in cases:
        if case.name in results:
            part, y = _case(case, results[case.name], y)
            parts += part
    style = "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">'
    back = f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>'
    return "\n".join([head, f"<style>{style}</style>", back, *parts, "</svg>", ""])


def _case(case: Case, result: Result, y: int) -> tuple[list[str], int]:
    """The bars of one case from `y` on, each case with a scale of its own, and where the next begins."""
    longest = max(result.seconds(name) for name in result.runs)
    y += LINE
    parts = [f'<text class="t" x="10" y="{y}">{escape(case.title)}</text>']
    for name in result.runs:
        y += LINE
        seconds = result.seconds(name)
        width = (WIDTH - LEFT - RIGHT) * seconds / longest
        colour = OTHERS if name in PEERS else OURS
        parts += [
            f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y - 12}" width="{width:.1f}" height="14" fill="{colour}"/>',
            f'<text x="{LEFT + width + 6:.1f}" y="{y}">{seconds:.2f} s</text>',
        ]
    return parts, y + LINE
