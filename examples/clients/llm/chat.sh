#!/bin/sh
# The llm command line, unchanged: one entry in its file of models, and a key. All in a folder of its own here, so that
# the models and keys that you have stay as they are.
set -eu
export LLM_USER_PATH="$PWD/farebox-llm"

mkdir -p "$LLM_USER_PATH"
cat > "$LLM_USER_PATH/extra-openai-models.yaml" <<END
- model_id: farebox
  model_name: default
  api_base: $FAREBOX_BASE_URL
  api_key_name: farebox
END
llm keys set farebox --value "$FAREBOX_KEY"

# In one piece
llm -m farebox -o max_tokens 20 --no-stream "Name three colors."

# In pieces
llm -m farebox -o max_tokens 20 "Name three colors."
