"""Drawings of where things are: the source, a deployment, and its network."""

from infra.docs.drawings.parts import arrow, box, label, picture


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
