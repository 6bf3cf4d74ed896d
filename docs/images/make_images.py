"""Draws the pictures of README and docs/: `python docs/images/make_images.py`. Readable on light and dark pages."""

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
        ("box", "entries", "app.py · stream · console · webhooks · admin · maintenance", "HTTP and events; thin"),
        ("box", "services", "story.py · accounts/ · owners/ · operators/ · payments/", "tie the steps together"),
        ("box", "projects/", "functions/projects/", "what an owner decides about an app"),
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
    return picture(940, 478, "The layout: imports point downwards only", parts)


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


def topology() -> str:
    """What a deployment consists of, and what calls what."""
    functions = [
        ("step", "stream", ["all that a model answers,", "passed on as it comes"]),
        ("step", "api", ["all other routes, in one piece"]),
        ("box", "webhooks", ["what payment providers tell"]),
        ("box", "console", ["for owners: their projects"]),
        ("box", "admin", ["for the operator: address and key", "are checked first (authorizer)"]),
        ("box", "maintenance", ["audits every account, nightly"]),
        ("box", "errands", ["tells people, tops up, and at night", "asks what no event told"]),
    ]
    parts = [
        box((20, 14, 326, 44), "box", ["CloudFront, S3: the static site"]),
        box((20, 100, 136, 60), "box", ["clients", "any SDK, browsers"]),
        box((20, 230, 136, 60), "box", ["Stripe, Polar,", "Mollie, BTCPay"]),
        box((20, 391, 136, 60), "box", ["operator", "own networks only"]),
        box((20, 313, 136, 60), "box", ["owners", "by a mailed link"]),
        box((206, 82, 140, 377), "box", ["API Gateway", "REST, regional", "streams 15 minutes", "throttles"]),
        box(
            (20, 497, 326, 117),
            "box",
            [
                "Scheduler, Step Functions",
                "begin what a night does, and go on with it",
                "until its end; errands each minute",
            ],
        ),
        '<rect class="box" x="386" y="14" width="278" height="649" rx="8"/>',
        label(402, 38, "Lambda: one zip, three layers", "head"),
        label(402, 58, "the first four, and errands, join a VPC"),
        arrow("M88 98 V62"),
        *(arrow(f"M158 {y} H202") for y in (130, 260, 343, 421)),
    ]
    top = 72
    for kind, name, lines in functions:
        height = 40 + 19 * len(lines)
        parts.append(box((400, top, 250, height), kind, [name, *lines]))
        parts.append(arrow(f"M348 {top + height // 2 + (16 if name == 'maintenance' else 0)} H396"))
        top += height + 14
    parts += [
        box((716, 14, 204, 60), "box", ["CloudWatch, X-Ray", "dashboard, alarms by mail"]),
        box((716, 98, 204, 78), "box", ["models", "llama-server, over a VPN;", "hosted providers, by https"]),
        box(
            (716, 206, 204, 98),
            "store",
            ["DynamoDB", "13 tables, on demand;", "35 days to go back to;", "a stack of its own"],
        ),
        box((716, 334, 204, 60), "store", ["Secrets Manager", "read again every 5 minutes"]),
        box((716, 424, 204, 60), "box", ["SES, or any SMTP", "keys, links, receipts"]),
        *(arrow(f"M666 {y} H712") for y in (44, 137, 255, 364, 454)),
    ]
    return picture(940, 677, "A deployment: API Gateway, functions, tables and secrets, the model server", parts)


def vpn() -> str:
    """Functions in private subnets, the way out of them, the tunnel, and the llama-server at its other end."""
    parts = [
        '<rect class="box" x="20" y="14" width="560" height="352" rx="8" stroke-dasharray="5 4"/>',
        label(36, 40, "VPC, made only where a VPN is chosen", "head"),
        box(
            (40, 60, 226, 100),
            "step",
            [
                "functions",
                "stream, api, webhooks, console,",
                "errands; private subnets, in two",
                "zones; nothing comes in",
            ],
        ),
        box((370, 60, 190, 100), "box", ["router or gateway", "a WireGuard instance,", "or AWS's Site-to-Site", "VPN"]),
        arrow("M268 110 H366"),
        label(316, 100, "remote_cidrs", anchor="middle"),
        box(
            (40, 232, 160, 114),
            "store",
            ["DynamoDB", "gateway endpoint:", "this stage's tables;", "free, always there"],
        ),
        box(
            (220, 232, 340, 114),
            "box",
            [
                "the way out: outbound =",
                "none: endpoints for secrets and keys",
                "ipv6: an egress-only gateway",
                "nat: a NAT gateway, to all of IPv4",
            ],
        ),
        arrow("M120 162 V228"),
        arrow("M200 162 C200 205 320 190 320 228"),
        box(
            (700, 60, 220, 100),
            "step",
            ["llama-server", "100.64.0.2:8502, with a key;", "its firewall lets in", "the tunnel only"],
        ),
        arrow("M562 96 H696"),
        arrow("M698 124 H564"),
        label(631, 86, "chats", anchor="middle"),
        label(631, 144, "the tunnel", anchor="middle"),
        box(
            (700, 232, 220, 114),
            "box",
            [
                "outside the VPC",
                "admin, maintenance and",
                "authorizer: they reach all of",
                "AWS, and nothing behind it",
            ],
        ),
    ]
    return picture(
        940, 380, "The network: functions in private subnets, a tunnel to the llama-server, a way out", parts
    )


def purchase() -> str:
    """What a purchase goes through, from the checkout to the one transaction that brings its credits."""
    parts = [
        box((20, 20, 130, 62), "box", ["user", "an app, a page"]),
        box((250, 20, 230, 62), "step", ["POST /checkout", "order written, then the URL"]),
        box((620, 20, 300, 62), "box", ["payment provider", "checkout with our order's number"]),
        arrow("M152 44 H246"),
        arrow("M482 44 H616"),
        label(549, 36, "make", anchor="middle"),
        arrow("M616 62 H486"),
        arrow("M246 62 H156"),
        label(201, 80, "where to pay", anchor="middle"),
        arrow("M85 84 V122 H770 V86"),
        label(430, 115, "pays, at the provider's page", anchor="middle"),
        box((620, 166, 300, 62), "step", ["webhook", "signature first, on the raw bytes"]),
        arrow("M860 84 V162"),
        label(850, 150, "an event, once or often", anchor="end"),
        box((250, 166, 230, 62), "step", ["ask the provider", "what came of this checkout?"]),
        arrow("M616 197 H484"),
        label(549, 188, "points at an order", anchor="middle"),
        box((20, 166, 130, 62), "box", ["every night", "or make reconcile"]),
        arrow("M152 197 H246"),
        arrow("M365 230 V272"),
        label(379, 256, "order, mode, currency and amount are those of the order"),
        box((20, 276, 900, 62), "step", ["one transaction, or nothing"]),
        label(34, 320, "each part on the condition that it is as it was read, so nothing is done twice"),
        *(
            box((20 + 228 * index, 372, 216, 62), "store", lines)
            for index, lines in enumerate(
                (
                    ["orders", "state, history, version"],
                    ["journal", "what came or went, and why"],
                    ["accounts", "credits; a debt is paid first"],
                    ["notices", "the receipt to be mailed"],
                )
            )
        ),
        *(arrow(f"M{128 + 228 * index} 340 V368") for index in range(4)),
    ]
    return picture(940, 454, "A purchase: checkout, payment, event, and one transaction", parts)


PICTURES = {
    "gate": gate,
    "hold": hold,
    "story": story,
    "layout": layout,
    "topology": topology,
    "vpn": vpn,
    "purchase": purchase,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (Path(__file__).parent / f"{name}.svg").write_text(draw())
