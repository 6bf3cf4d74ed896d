"""Was metering on? What the account spent must be what the answers reported."""

from benchmarks.load import Client
from benchmarks.processes import BenchError


async def check_spent(client: Client, tokens: int) -> None:
    """Raises BenchError unless `GET /account` shows `tokens` credits spent: by default 1 credit is 1 token."""
    async with client.session.get(f"{client.url}/account", headers=client.headers) as response:
        if response.status != 200:
            raise BenchError(f"GET /account answered {response.status}: {await response.text()}")
        spent = (await response.json())["balance"]["spent"]
    if spent != tokens:
        raise BenchError(f"{client.name}: {spent} credits spent, but the answers reported {tokens} tokens")
