"""The chart of docs/costs.md: a million chats of ten seconds, by memory and by what they are paid for."""

from html import escape

from infra.aws.costs import MEMORIES_MB, Chat, dollars, per_million, total

WIDTH, LEFT, BAR_WIDTH = 830, 90, 620
BAR_HEIGHT, GAP, TOP = 34, 18, 60
GROUPS = {
    "compute": ("Lambda, compute",),
    "tables": ("DynamoDB, writes",),
    "gateway": ("API Gateway",),
    "egress": ("egress",),
    "rest": ("Lambda, requests", "logs and metrics, as log lines", "traces"),
}
LEGEND = {
    "compute": "Lambda, compute",
    "tables": "DynamoDB",
    "gateway": "API Gateway",
    "egress": "egress",
    "rest": "requests, logs, traces",
}
LEGEND_WIDTHS = (150, 110, 125, 85, 0)
STYLE = """text{font:13px system-ui,sans-serif;fill:#24292f}.compute{fill:#0969da}.tables{fill:#bf8700}
.gateway{fill:#1a7f5a}.egress{fill:#a475f9}.rest{fill:#8c959f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.compute{fill:#58a6ff}.tables{fill:#d8a72f}
.gateway{fill:#4cc38a}.egress{fill:#bb9cff}.rest{fill:#6e7681}}"""


def chart() -> str:
    """An SVG document: a bar for each memory, all on one scale."""
    chats = [Chat(memory_mb=memory) for memory in MEMORIES_MB]
    scale = BAR_WIDTH / max(total(chat) for chat in chats)
    parts = _legend()
    for index, chat in enumerate(chats):
        y = TOP + index * (BAR_HEIGHT + GAP)
        x = float(LEFT)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 22}" text-anchor="end">{chat.memory_mb} MB</text>')
        for name, costs in GROUPS.items():
            width = scale * sum(per_million(chat)[cost] for cost in costs)
            parts.append(f'<rect class="{name}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}"/>')
            x += width
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 22}">{dollars(total(chat))}</text>')
    height = TOP + len(chats) * (BAR_HEIGHT + GAP)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>What a million chats of ten seconds cost, by the memory of the streaming function</title>"
    return "\n".join([head, title, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def _legend() -> list[str]:
    parts, x = [], LEFT
    for (name, words), width in zip(LEGEND.items(), LEGEND_WIDTHS, strict=True):
        parts.append(f'<rect class="{name}" x="{x}" y="16" width="12" height="12" rx="2"/>')
        parts.append(f'<text x="{x + 18}" y="27">{escape(words)}</text>')
        x += width
    return parts
