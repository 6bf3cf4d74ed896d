"""Was metering on? What the account spent must be what the answers reported."""

import aiohttp

from benchmarks.processes import BenchError


async def check_spent(session: aiohttp.ClientSession, url: str, key: str, tokens: int) -> None:
    """Raises BenchError unless `GET /account` shows `tokens` credits spent: by default 1 credit is 1 token."""
    async with session.get(f"{url}/account", headers={"authorization": f"Bearer {key}"}) as response:
        if response.status != 200:
            raise BenchError(f"GET /account answered {response.status}: {await response.text()}")
        spent = (await response.json())["balance"]["spent"]
    if spent != tokens:
        raise BenchError(f"the account spent {spent} credits, but the answers reported {tokens} tokens")
