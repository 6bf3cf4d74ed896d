"""The official OpenAI Python SDK, unchanged, against a gateway in front of a real model."""

from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest

from tests.stand import RunningGateway

MESSAGES: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]


@dataclass
class User:
    """One account and its SDK client."""

    gateway: RunningGateway
    key: str
    client: openai.OpenAI

    def spent(self) -> float:
        """Credits gone since the trial; the balance and the receipts must agree on it."""
        account = self.gateway.account(self.key)
        by_receipts = sum(receipt["credits"] for receipt in account["receipts"])
        assert account["balance"]["held"] == 0
        assert by_receipts == account["balance"]["spent"] == 100_000 - account["balance"]["available"]
        return float(by_receipts)


@pytest.fixture
def user(gateway: RunningGateway) -> Iterator[User]:
    key = gateway.key()
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client:
        yield User(gateway, key, client)


def test_buffered_chat_costs_its_usage(user: User) -> None:
    """A chat in one piece is charged exactly the tokens its usage reports."""
    answer = user.client.chat.completions.create(model="default", messages=MESSAGES, max_tokens=12)
    assert answer.choices[0].message.content
    assert answer.usage
    assert user.spent() == answer.usage.total_tokens
