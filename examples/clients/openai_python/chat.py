"""OpenAI's SDK for Python, unchanged: a base URL and a key."""

import os
import sys

import openai

client = openai.OpenAI(base_url=os.environ["FAREBOX_BASE_URL"], api_key=os.environ["FAREBOX_KEY"])
messages = [{"role": "user", "content": "Name three colors."}]

try:
    # In one piece
    answer = client.chat.completions.create(model="default", messages=messages, max_tokens=20)
    print(answer.choices[0].message.content)

    # In pieces
    for chunk in client.chat.completions.create(model="default", messages=messages, max_tokens=20, stream=True):
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()
except openai.APIStatusError as error:
    sys.exit(f"{type(error).__name__} {error.status_code} {error.code}")
