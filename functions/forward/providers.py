"""Who answers requests: the kinds of providers, and what is known of each."""

from dataclasses import dataclass

LLAMA, OPENAI, ANTHROPIC = "llama", "openai", "anthropic"
KINDS = (LLAMA, OPENAI, ANTHROPIC)
"""What a provider speaks: llama-server's own, OpenAI's API, Anthropic's Messages API."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. Its key is none of this: it is sealed, and kept apart."""

    name: str
    kind: str
    base_url: str = ""
    """With its version, as in `https://api.openai.com/v1`; "" for an operator's."""
    operator: str = ""
    """The operator's provider that this is, by the name that the operator gave it; "" for one of the project's own."""
    limit_name: str = "max_tokens"
    """How it calls the limit of a chat's output."""
    output_tokens: int = 16_384
    """The most it makes for a request that names no limit. Providers refuse more than a model can make."""
    connect_s: float = 5.0
    first_byte_s: float = 120.0
    """How long it may take to begin before the next provider is asked."""
    idle_s: float = 120.0
    cooldown_s: float = 30.0
    """How long it is asked last after it failed."""
    client_left: str = "stop"
