"""The figures as a bar chart in SVG, readable on light and dark pages."""

from html import escape

from benchmarks.report import Row, number

WIDTH, BARS_LEFT, BARS_WIDTH = 830, 350, 400
BAR_HEIGHT, GROUP_GAP, TOP = 16, 22, 44
SCALE_ROOM = 1.15
"""The longest bar leaves this much room for its aim and its number."""

STYLE = """text{font:13px system-ui,sans-serif;fill:#24292f}.gateway{fill:#0969da}.relay{fill:#8c959f}
.aim{stroke:#cf222e;stroke-width:2;stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.gateway{fill:#58a6ff}.relay{fill:#6e7681}.aim{stroke:#ff7b72}}"""


def chart(rows: list[Row]) -> str:
    """An SVG document: a group of bars for each figure that has an aim, each group on a scale of its own."""
    parts, y = _legend(), TOP
    for row in [row for row in rows if row.aim is not None]:
        group, height = _group(row, y)
        parts += group
        y += height + GROUP_GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img">'
    title = "<title>The gateway beside a bare relay and its aims; shorter is better</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def _group(row: Row, y: int) -> tuple[list[str], int]:
    bars = [("gateway", row.gateway)] + ([("relay", row.relay)] if row.relay is not None else [])
    aim = row.aim or 0.0
    scale = BARS_WIDTH / (SCALE_ROOM * max(aim, *[value for _, value in bars], 1e-9))
    height = BAR_HEIGHT * len(bars)
    name = f"{row.name}, {row.unit}" if row.unit else row.name
    parts = [f'<text x="{BARS_LEFT - 10}" y="{y + height / 2 + 4:g}" text-anchor="end">{escape(name)}</text>']
    for index, (kind, value) in enumerate(bars):
        top, width = y + index * BAR_HEIGHT, value * scale
        parts.append(
            f'<rect class="{kind}" x="{BARS_LEFT}" y="{top}" width="{width:.1f}" height="{BAR_HEIGHT - 2}" rx="2"/>'
        )
        # Beside the aim's line, not under it.
        right = max(width, aim * scale) if abs(width - aim * scale) < 48 and width <= aim * scale else width
        parts.append(f'<text x="{BARS_LEFT + right + 6:.1f}" y="{top + 12}">{number(value)}</text>')
    x = BARS_LEFT + aim * scale
    parts.append(f'<line class="aim" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 4}" y2="{y + height + 2}"/>')
    return parts, height


def _legend() -> list[str]:
    return [
        f'<rect class="gateway" x="{BARS_LEFT}" y="10" width="12" height="12" rx="2"/>',
        f'<text x="{BARS_LEFT + 18}" y="21">gateway</text>',
        f'<rect class="relay" x="{BARS_LEFT + 95}" y="10" width="12" height="12" rx="2"/>',
        f'<text x="{BARS_LEFT + 113}" y="21">bare relay</text>',
        f'<line class="aim" x1="{BARS_LEFT + 205}" x2="{BARS_LEFT + 205}" y1="8" y2="24"/>',
        f'<text x="{BARS_LEFT + 214}" y="21">aim</text>',
    ]
