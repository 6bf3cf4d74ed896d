"""Every field that the documented requests have, and where a client could try to name another target.

From the API references of OpenAI (chat completions, completions, responses, embeddings, moderations), Anthropic
(messages), llama-server, OpenRouter and LiteLLM.
"""

from functions.forward.endpoints import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, MODERATIONS, RESPONSES

OPENAI_CHAT = (
    *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens"),
    *("max_tokens", "messages", "metadata", "modalities", "model", "n", "parallel_tool_calls", "prediction"),
    *("presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format"),
    *("safety_identifier", "seed", "service_tier", "stop", "store", "temperature", "tool_choice", "tools"),
    *("top_logprobs", "top_p", "user", "verbosity", "web_search_options"),
)
OPENAI_COMPLETIONS = (
    *("best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "model", "n"),
    *("presence_penalty", "prompt", "seed", "stop", "suffix", "temperature", "top_p", "user"),
)
OPENAI_RESPONSES = (
    *("background", "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls"),
    *("metadata", "model", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key"),
    *("prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "temperature", "text"),
    *("tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", "context_management"),
)
OPENAI_EMBEDDINGS = ("dimensions", "encoding_format", "input", "model", "user")
ANTHROPIC_MESSAGES = (
    *("cache_control", "container", "context_management", "inference_geo", "max_tokens", "mcp_servers", "messages"),
    *("metadata", "model", "output_config", "service_tier", "stop_sequences", "system", "temperature", "thinking"),
    *("tool_choice", "tools", "top_k", "top_p"),
)
ELSEWHERE = (
    *("api_base", "api_key", "api_version", "base_url", "custom_llm_provider", "extra_body", "extra_headers"),
    *("fallbacks", "models", "plugins", "preset", "provider", "providers", "route", "router", "transforms"),
    *("n_predict", "grammar", "json_schema", "slot_id", "id_slot", "cache_prompt", "chat_template", "lora", "samplers"),
    *("reasoning_format", "chat_template_kwargs", "timings_per_token", "return_progress", "mock_response"),
    *("role", "type", "content", "text", "name", "url", "id", "image_url", "source", "data", "file_id", "input_file"),
    *("tool_calls", "tool_call_id", "tool_use_id", "function", "arguments", "is_error", "refusal", "annotations"),
    *("title", "citations", "ephemeral", "phase", "status", "encrypted_content", "summary", "signature", "thinking"),
    *("project", "project_id", "owner", "balance", "limits", "rules", "version", "template", "client_sets", "mode"),
    *("Host", "authorization", "x-api-key", "__proto__", "constructor", "MODEL", "Model", "model ", "ｍodel", "sуstem"),
)
"""Of other servers and gateways, of the parts of messages, and of ours; also names that only look like one."""

ALL = sorted(
    {*OPENAI_CHAT, *OPENAI_COMPLETIONS, *OPENAI_RESPONSES, *OPENAI_EMBEDDINGS, *ANTHROPIC_MESSAGES, *ELSEWHERE}
)

CONTENT = {
    CHAT: "messages",
    COMPLETIONS: "prompt",
    RESPONSES: "input",
    MESSAGES: "messages",
    EMBEDDINGS: "input",
    MODERATIONS: "input",
}
