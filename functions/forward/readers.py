"""Who reads an answer, by what the provider speaks and what it was asked for."""

import time

from functions.forward.anthropic import MessagesReader
from functions.forward.endpoints import EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES
from functions.forward.events import Reader
from functions.forward.hosted_reader import ChatReader, HostedResponsesReader
from functions.forward.llama import Prepared
from functions.forward.meter import Meter, read_anthropic, read_input
from functions.forward.providers import LLAMA
from functions.forward.responses import ResponsesReader
from functions.money import Usage


def meter(prepared: Prepared) -> Meter:
    """The meter for an answer. Moderation costs no tokens, and says nothing of any."""
    if prepared.endpoint == MESSAGES:
        return Meter(read_anthropic)
    if prepared.endpoint == EMBEDDINGS:
        return Meter(read_input)
    made = Meter()
    if prepared.endpoint == MODERATIONS:
        made.running(Usage())
    return made


def opening(reader: Reader) -> bool:
    """Whether nothing of a stream has come yet but that it begins: no answer, should it fail now."""
    return isinstance(reader, ResponsesReader | MessagesReader) and reader.opening


def closed(reader: Reader) -> bool:
    """Whether a stream is whole whose provider has closed without saying that this was all."""
    return isinstance(reader, ChatReader) and reader.closed()


def reader(prepared: Prepared, output_limit: int, meter: Meter) -> Reader:
    """The reader for the events of a stream."""
    if prepared.endpoint == MESSAGES:
        return MessagesReader(meter)
    if prepared.kind != LLAMA:
        if prepared.endpoint == RESPONSES:
            return HostedResponsesReader(meter, output_limit=output_limit)
        return ChatReader(meter, usage_wanted=prepared.usage_wanted)
    if prepared.endpoint == RESPONSES:
        return ResponsesReader(
            meter,
            output_limit=output_limit,
            timings_wanted=prepared.timings_wanted,
            model=prepared.asked_model or prepared.model,
            began_s=int(time.time()),
        )
    return Reader(meter, usage_wanted=prepared.usage_wanted, timings_wanted=prepared.timings_wanted)
