"""Draws the pictures of the README: `python docs/images/make_images.py`. Readable on light and dark pages."""

from html import escape
from pathlib import Path

STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1c2024; }
.small { font-size: 12px; fill: #5c6670; } .head { font-weight: 600; font-size: 15px; }
.mono { font-family: ui-monospace, monospace; font-size: 12.5px; }
.box { fill: #ffffff; stroke: #b9c0bb; } .step { fill: #e4f3ec; stroke: #0b6e4f; }
.store { fill: #f4efe2; stroke: #a88a3a; }
.line { stroke: #5c6670; fill: none; marker-end: url(#tip); } #tip path { fill: #5c6670; }
@media (prefers-color-scheme: dark) {
  text { fill: #eceee9; } .small { fill: #a3aaa5; } .box { fill: #1c2123; stroke: #4a5355; }
  .step { fill: #12392d; stroke: #5fd0a5; } .store { fill: #3a3218; stroke: #cdb15f; }
  .line { stroke: #a3aaa5; } #tip path { fill: #a3aaa5; }
}
"""


def picture(width: int, height: int, title: str, parts: list[str]) -> str:
    """An SVG with the shared style; `title` is for those who cannot see it."""
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            f'<defs>{tip}<path d="M0 0 8 4 0 8z"/></marker></defs>',
            *parts,
            "</svg>\n",
        ]
    )


def box(place: tuple[int, int, int, int], kind: str, lines: list[str]) -> str:
    """A rounded box at x, y, width, height; its first line is a heading, the others are small."""
    x, y, width, height = place
    out = [f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>']
    for index, line in enumerate(lines):
        look = "head" if index == 0 else "small"
        out.append(f'<text class="{look}" x="{x + 14}" y="{y + 25 + 19 * index}">{escape(line)}</text>')
    return "".join(out)


def arrow(path: str) -> str:
    return f'<path class="line" d="{path}"/>'


def label(x: int, y: int, text: str, look: str = "small", anchor: str = "start") -> str:
    return f'<text class="{look}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def story() -> str:
    """One request through its four steps, and the writes each makes."""
    steps = [
        ("authenticate", ["key → account", "address counted"]),
        ("admit", ["one conditional write:", "credits, limits, keys"]),
        ("forward", ["each event passed on", "as it comes, metered"]),
        ("settle", ["receipt, then the hold", "becomes its cost"]),
    ]
    parts = [box((20, 92, 96, 60), "box", ["client", "any SDK"])]
    for index, (name, lines) in enumerate(steps):
        x = 156 + 196 * index
        parts += [box((x, 84, 168, 80), "step", [name, *lines])]
        parts.append(arrow(f"M{x - (40 if index == 0 else 28)} 122 H{x - 4}"))
    parts += [
        box((548, 14, 168, 44), "box", ["llama-server"]),
        arrow("M610 82 V62"),
        arrow("M654 60 V80"),
        box((156, 226, 168, 58), "store", ["windows", "per address"]),
        box((352, 226, 168, 58), "store", ["accounts", "take the hold"]),
        box((744, 226, 168, 58), "store", ["receipts", "then accounts: settle"]),
        arrow("M240 166 V222"),
        arrow("M436 166 V222"),
        arrow("M828 166 V222"),
        label(338, 206, "at the same time", anchor="middle"),
        label(534, 312, "DynamoDB: every step is one conditional write of one item", anchor="middle"),
    ]
    return picture(940, 326, "One request: authenticate, admit, forward, settle, and what each writes", parts)


def layout() -> str:
    """The tree, and what imports what."""
    rows = [
        ("box", "entries", "app.py  ·  functions/stream.py", "HTTP and events; thin"),
        ("box", "services", "functions/story.py  ·  accounts/  ·  rest.py", "tie the steps together"),
        (
            "step",
            "the story",
            "authenticate/ · admit/ · forward/ · settle/",
            "a folder a step, in a request's order",
        ),
        ("store", "ledger/", "functions/ledger/", "the only place that talks to DynamoDB"),
        ("box", "ground", "money.py · errors.py · settings.py", "integers, the error tree, typed settings"),
    ]
    parts = []
    for index, (kind, name, files, what) in enumerate(rows):
        y = 14 + 78 * index
        parts.append(f'<rect class="{kind}" x="20" y="{y}" width="900" height="56" rx="8"/>')
        parts += [label(36, y + 33, name, "head"), label(160, y + 33, files, "mono"), label(620, y + 33, what)]
        if index:
            parts.append(arrow(f"M470 {y - 21} V{y - 3}"))
    return picture(940, 400, "The layout: imports point downwards only", parts)


def gate() -> str:
    """What is asked at once, what each part decides, and what happens where one of them says no."""
    asked = [
        ("store", "accounts", ["credits, six windows, open requests,", "debt, blocked, keys: one condition"], "always"),
        ("store", "windows: the address", ["requests a minute", "never given back"], "always"),
        ("store", "windows: the project", ["minute to month, by auth method", "and for all; shards"], "where set"),
        ("store", "claims", ["Idempotency-Key: once in 24 hours", "the receipt names its claim"], "where sent"),
    ]
    parts = [box((20, 164, 118, 62), "box", ["request", "checked, priced"])]
    for index, (kind, name, lines, when) in enumerate(asked):
        y = 14 + 96 * index
        parts.append(box((230, y, 300, 74), kind, [name, *lines]))
        parts.append(label(520, y + 25, when, anchor="end"))
        parts += [
            arrow(f"M140 195 C185 195 185 {y + 37} 226 {y + 37}"),
            arrow(f"M532 {y + 37} C580 {y + 37} 580 195 620 195"),
        ]
    parts += [
        box((624, 158, 118, 74), "step", ["all say yes", "forward"]),
        arrow("M744 195 H784"),
        box((788, 164, 132, 62), "box", ["llama-server"]),
        arrow("M683 234 V308"),
        box(
            (624, 312, 296, 74),
            "box",
            ["one says no", "what the others took is given back;", "the client hears which, and until when"],
        ),
        label(380, 404, "one round trip, all at once", anchor="middle"),
    ]
    return picture(940, 416, "The gate: account, address, project and claim are asked at the same time", parts)


def hold() -> str:
    """A stream whose hold grows, and what the settle gives back."""
    rows = [
        (14, "admitted", [("step", 150, "held"), ("box", 460, "free")]),
        (82, "a fifth of it is left: extended", [("store", 120, "used"), ("step", 260, "held"), ("box", 230, "free")]),
        (150, "extended again", [("store", 330, "used"), ("step", 165, "held"), ("box", 115, "free")]),
        (218, "settled", [("store", 400, "cost, on the receipt"), ("box", 210, "free again")]),
    ]
    parts = []
    for y, when, amounts in rows:
        x = 300
        parts.append(label(284, y + 30, when, "head", "end"))
        for kind, width, what in amounts:
            parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="46" rx="8"/>')
            parts.append(label(x + width // 2, y + 29, what, anchor="middle"))
            x += width
    parts.append(label(605, 290, "the account's credits; cost ≤ hold ≤ credits, always", anchor="middle"))
    return picture(940, 304, "A stream's hold grows while it runs, and the settle gives back the rest", parts)


if __name__ == "__main__":
    here = Path(__file__).parent
    (here / "gate.svg").write_text(gate())
    (here / "hold.svg").write_text(hold())
    (here / "story.svg").write_text(story())
    (here / "layout.svg").write_text(layout())
