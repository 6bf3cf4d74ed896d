"""What is known of providers, so that owners need not look it up.

Providers' addresses: their own API references. Whether a provider stops when its client leaves is taken from
OpenRouter's list of those that do (https://openrouter.ai/docs/api-reference/streaming). One that does not, or of which
it is not known, is drained: the answer is made, and billed, anyway.
"""

from collections.abc import Mapping
from typing import Any

from functions.forward.providers import ANTHROPIC, OPENAI

PROVIDERS: Mapping[str, Mapping[str, Any]] = {
    "openai": {
        "kind": OPENAI,
        "base_url": "https://api.openai.com/v1",
        "limit_name": "max_completion_tokens",
        "client_left": "stop",
    },
    "openrouter": {"kind": OPENAI, "base_url": "https://openrouter.ai/api/v1", "client_left": "drain"},
    "huggingface": {"kind": OPENAI, "base_url": "https://router.huggingface.co/v1", "client_left": "drain"},
    "groq": {
        "kind": OPENAI,
        "base_url": "https://api.groq.com/openai/v1",
        "limit_name": "max_completion_tokens",
        "client_left": "drain",
    },
    "anthropic": {
        "kind": ANTHROPIC,
        "base_url": "https://api.anthropic.com/v1",
        "output_tokens": 4096,
        "client_left": "stop",
    },
}
