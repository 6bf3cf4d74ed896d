"""What is served of OpenAI's and Anthropic's APIs by forwarding it: each of these has a reader of its usage."""

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
EMBEDDINGS = "/v1/embeddings"
MODERATIONS = "/v1/moderations"

ENDPOINTS = (CHAT, COMPLETIONS, RESPONSES, MESSAGES, EMBEDDINGS, MODERATIONS)
"""All are the streaming function's: one story serves what streams and what does not."""
