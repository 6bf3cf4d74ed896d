"""LangChain's ChatOpenAI, unchanged: a base URL and a key."""

import os
import sys

import openai
from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    base_url=os.environ["FAREBOX_BASE_URL"],
    api_key=os.environ["FAREBOX_KEY"],
    model="default",
    max_completion_tokens=20,
    stream_usage=True,
)

try:
    # In one piece
    print(model.invoke("Name three colors.").content)

    # In pieces
    for piece in model.stream("Name three colors."):
        print(piece.content, end="", flush=True)
    print()
except openai.APIStatusError as error:
    sys.exit(f"{type(error).__name__} {error.status_code} {error.code}")
