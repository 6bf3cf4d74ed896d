"""Drawings of one request: its story, what it is asked, how its hold grows, and a purchase."""

from infra.docs.drawings.parts import arrow, box, label, picture


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
