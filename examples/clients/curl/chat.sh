#!/bin/sh
# curl alone: a base URL and a key.
set -eu

# In one piece
curl --silent --show-error --fail-with-body "$FAREBOX_BASE_URL/chat/completions" \
  -H "Authorization: Bearer $FAREBOX_KEY" -H "Content-Type: application/json" \
  -d '{"model": "default", "messages": [{"role": "user", "content": "Name three colors."}], "max_tokens": 20}'
echo

# In pieces: --no-buffer shows each event as it comes
curl --silent --show-error --fail-with-body --no-buffer "$FAREBOX_BASE_URL/chat/completions" \
  -H "Authorization: Bearer $FAREBOX_KEY" -H "Content-Type: application/json" \
  -d '{"model": "default", "messages": [{"role": "user", "content": "Name three colors."}], "max_tokens": 20, "stream": true}'
