"""What the drawings are made of: boxes, arrows and words, readable on light and dark pages."""

from html import escape

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
