"""What a project does not want to be asked: its own patterns, and a moderation model, looked at before forwarding."""

from functions.errors import ContentRefused
from functions.forward import moderation
from functions.projects import blocked
from functions.projects.live import Connect, Live
from functions.projects.orders import Order


async def screen(live: Live, order: Order, connect: Connect, limit_s: float) -> None:
    """Raises ContentRefused where the input is not to be forwarded; ProviderFailed where nobody can say."""
    rules = live.project.abuse
    if rules is None:
        return
    if blocked.matching(rules, order.texts):
        raise ContentRefused("This project does not forward such input; nothing was charged.")
    if rules.moderation:
        upstream = live.upstream(rules.moderation.provider, connect)
        if await moderation.flagged(upstream, rules.moderation.model, order.texts, limit_s):
            raise ContentRefused("The input was found to be harmful, and not forwarded; nothing was charged.")
