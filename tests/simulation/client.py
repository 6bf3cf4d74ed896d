"""A client: it sends a request to a process, reads the answer, slowly or not, and may leave at any moment."""

import asyncio
import contextvars
from collections.abc import MutableMapping
from typing import Any

from tests.simulation.request import Request
from tests.simulation.store import REQUEST, Crash, Process

Message = MutableMapping[str, Any]


async def send(request: Request, process: Process, leaves_after_s: float | None, reads_slowly_s: float) -> None:
    """Send a request to a process, and wait until it is answered, or its client has left, or the process ended."""
    loop = asyncio.get_running_loop()
    connection: asyncio.Future[None] = loop.create_future()
    gone, sent = asyncio.Event(), False
    request.process = process
    request.witness()
    for other in request.repeats:
        other.witness()

    async def receive() -> Message:
        nonlocal sent
        process.alive()
        if not sent:
            sent = True
            return {"type": "http.request", "body": request.body, "more_body": False}
        await gone.wait()
        process.alive()
        return {"type": "http.disconnect"}

    async def answer(message: Message) -> None:
        process.alive()
        if request.left:
            return
        if message["type"] == "http.response.start":
            request.status = message["status"]
            request.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["more_body"]:
            request.data += message["body"]
        else:
            request.heard_all()
        if reads_slowly_s:
            await process.sleep(reads_slowly_s)

    def leave() -> None:
        request.left = True
        gone.set()

    def over(task: "asyncio.Task[None]") -> None:
        if not connection.done():
            connection.set_result(None)
        error = task.exception()
        if error and not isinstance(error, Crash):
            request.model.broken(f"{request}: the gateway raised {error!r}")

    headers = [(b"authorization", b"Bearer " + request.key.encode())]
    if request.repeats:
        headers.append((b"idempotency-key", request.repeats[0].name.encode()))
    scope = {"type": "http", "method": "POST", "path": request.endpoint, "headers": headers}
    context = contextvars.copy_context()
    context.run(REQUEST.set, request)
    process.connections.append(connection)
    assert process.app
    task = loop.create_task(process.app(scope | {"client": (request.address, 1)}, receive, answer), context=context)
    task.add_done_callback(over)
    timer = loop.call_later(leaves_after_s, leave) if leaves_after_s is not None else None
    await connection
    if timer:
        timer.cancel()
    request.crashed, request.ended = process.dead and not request.whole, True
    process.connections.remove(connection)
    request.witness()
    process.stage.note(f"{process.name} {request} ended: {request.status} {'left' if request.left else ''}")
    if not request.crashed:
        request.judge()
