"""What a project does not want to be asked: its own patterns, and a moderation model, looked at before forwarding."""

import asyncio

from functions.errors import ContentRefused
from functions.forward import moderation
from functions.projects import blocked
from functions.projects.live import Connect, Live
from functions.projects.orders import Order
from functions.projects.project import Abuse

LONG = 65_536
"""From so many characters on, another thread looks for the patterns, so that other requests go on meanwhile."""


async def screen(live: Live, order: Order, connect: Connect, limit_s: float) -> None:
    """Raises ContentRefused where the input is not to be forwarded; ProviderFailed where nobody can say."""
    rules = live.project.abuse
    if rules is None:
        return
    if await _matching(rules, order.texts):
        raise ContentRefused("This project does not forward such input; nothing was charged.")
    if rules.moderation:
        upstream = live.upstream(rules.moderation.provider, connect)
        if await moderation.flagged(upstream, rules.moderation.model, order.texts, limit_s):
            raise ContentRefused("The input was found to be harmful, and not forwarded; nothing was charged.")


async def _matching(rules: Abuse, texts: tuple[str, ...]) -> bool:
    if rules.patterns and sum(map(len, texts)) > LONG:
        return await asyncio.to_thread(blocked.matching, rules, texts)
    return blocked.matching(rules, texts)
