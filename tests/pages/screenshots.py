"""`make screenshots`: every page, light, dark and on a phone, as pictures in a folder.

python -m tests.pages.screenshots [FOLDER]
"""

import argparse
import dataclasses
import functools
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page

from functions.ledger import ids, receipts, tables, usage
from functions.ledger.receipts import Receipt
from functions.ledger.windows import DAY_S
from functions.money import MICROCREDITS_PER_CREDIT
from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.pages import looking
from tests.pages.conftest import STRIPE_KEY, STRIPE_SECRET
from tests.pages.looking import Looking
from tests.pages.people import PLACES, People, each_tab
from tests.payments.standins.stripe import Stripe
from tests.stand import RunningGateway

FOLDER = Path(".build/screenshots")
DOCS = Path("docs/images")
OF_DOCS = {
    "dashboard-use-light": "page_dashboard",
    "project-overview-light": "page_console",
    "admin-overview-light": "page_admin",
}
"""Of a picture, its name among those of the documentation: what one sees without scrolling."""
LOOKS = {"light": {}, "dark": {"dark": True}, "phone": {"phone": True}}


def main() -> int:
    """Exit code: 0 where all pictures are made, 1 without a Chromium."""
    parser = argparse.ArgumentParser(prog="python -m tests.pages.screenshots")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--docs", action="store_true", help="make the pictures of the documentation, too")
    given = parser.parse_args()
    folder = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    path = looking.chromium()
    if not path:
        print(looking.MISSING, file=sys.stderr)
        return 1
    with ExitStack() as running:
        work = Path(running.enter_context(tempfile.TemporaryDirectory()))
        stripe = running.enter_context(Stripe(STRIPE_KEY, STRIPE_SECRET))
        upstream = running.enter_context(scripted_upstream())
        upstream.play(plain)
        ministack, llama = running.enter_context(stand.ministack(work)), running.enter_context(stand.llama(work))
        start = running.enter_context(stand.gateways(ministack, work))
        site = start(
            LLAMA_BASE_URL=llama,
            ADMIN_KEY=ADMIN_KEY,
            PROJECTS_SECRET="a secret for projects, which is quite long enough",
            OUTBOUND_ALLOWED_CIDRS="127.0.0.0/8,::1/128",
            STRIPE_SECRET_KEY=stripe.key,
            STRIPE_WEBHOOK_SECRET=stripe.secret,
            STRIPE_URL=stripe.url,
        )
        people = People(site, stripe, upstream.url)
        remembered(site, f"default/{people.user_id}", people.project_id)
        looks = Looking(running.enter_context(looking.browsing(path)), site.url)
        for place in PLACES:
            for name, how in LOOKS.items():
                page = people.look(looks, place, **how)
                take = functools.partial(_take, page, folder, name, docs=given.docs)
                take(place.name)
                if place.tabs:
                    each_tab(page, functools.partial(_take_tab, take, place.name))
                print(f"{place.name}, {name}", flush=True)
        looks.close()
    print(f"pictures are in {folder}")
    return 0


def remembered(site: RunningGateway, account_id: str, project_id: str) -> None:
    """Thirty days of use, so that pictures show something: statistics, and receipts that no account knows of."""
    ledger, today, chance = site.ledger(), int(time.time()) // DAY_S, random.Random(7)
    for ago in range(1, 30):
        count = chance.randint(2, 6) + (30 - ago) // 5
        sums = dict.fromkeys(("requests", "input", "output", "cost"), 0)
        for number in range(count):
            moment = (today - ago) * DAY_S + 3600 * (8 + number)
            tokens_in, tokens_out = chance.randint(300, 4000), chance.randint(80, 900)
            cost = (tokens_in + tokens_out) * MICROCREDITS_PER_CREDIT
            model = chance.choice(["SmolLM2-135M-Instruct.Q4_1.gguf", "gpt-oss-20b-mxfp4.gguf"])
            name = ids.first_at(moment) + f"{number:09}"
            receipt = Receipt(account_id, name, moment, moment + 3, "completed", cost=cost, hold=cost)
            for total, more in zip(sums, (1, tokens_in, tokens_out, cost), strict=True):
                sums[total] += more
            told = {"endpoint": "/v1/chat/completions", "model": model, "input": tokens_in, "output": tokens_out}
            receipt = dataclasses.replace(receipt, **told)  # type: ignore[arg-type]
            tables.drive(receipts.put(ledger, receipt))
            for project in ("default", project_id):
                tables.drive(usage.add(ledger, project, today - ago, usage.of_receipt(receipt, moment)))
        closed = {"account_id": {"S": account_id}, "day": {"N": str(today - ago)}}
        closed |= {total: {"N": str(value)} for total, value in sums.items()}
        tables.drive(ledger.write("PutItem", {"TableName": ledger.table("days"), "Item": closed}))
        tables.drive(usage.add(ledger, project_id, today - ago, usage.of_refusal("rate_limit_exceeded")))


def _take(page: Page, folder: Path, look: str, what: str, *, docs: bool) -> None:
    name = f"{what}-{look}"
    page.screenshot(path=folder / f"{name}.png", full_page=True)
    if docs and name in OF_DOCS:
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=DOCS / f"{OF_DOCS[name]}.png")


def _take_tab(take: Callable[[str], None], place: str, tab: str) -> None:
    take(f"{place}-{_word(tab)}")


def _word(text: str) -> str:
    return re.sub(r"\W+", "-", text.lower()).strip("-")


if __name__ == "__main__":
    sys.exit(main())
