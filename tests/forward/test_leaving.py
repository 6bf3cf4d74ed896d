"""The watch for a client that leaves: it interrupts forwarding, and never what comes after."""

import asyncio
import contextlib

import pytest

from functions.asgi import Leaving, Message
from functions.forward.exchange import ClientLeft


@pytest.mark.parametrize("first", ["the client", "the provider"])
@pytest.mark.parametrize("ticks", range(4))
async def test_leaving_as_forwarding_ends_does_not_interrupt_the_settle(first: str, ticks: int) -> None:
    """A connection that closes in the very moment forwarding is done is either told at once or not at all."""
    gone, last_event = asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {}

    async def forward_then_settle() -> str:
        with contextlib.suppress(ClientLeft):
            async with Leaving(receive):
                await last_event.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        return "settled"

    task = asyncio.ensure_future(forward_then_settle())
    await asyncio.sleep(0.01)
    order = (gone, last_event) if first == "the client" else (last_event, gone)
    order[0].set()
    for _ in range(ticks):
        await asyncio.sleep(0)
    order[1].set()
    assert await task == "settled"


async def test_a_client_that_leaves_interrupts_what_is_waited_for() -> None:
    """A client that leaves while the provider works ends the wait with ClientLeft, and the task can go on."""
    gone: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def receive() -> Message:
        return await gone

    asyncio.get_running_loop().call_later(0.01, gone.set_result, {})
    with pytest.raises(ClientLeft):
        async with Leaving(receive):
            await asyncio.sleep(30)
    task = asyncio.current_task()
    assert task
    assert task.cancelling() == 0
    await asyncio.sleep(0)
