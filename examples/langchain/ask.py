"""LangChain's own client for OpenAI: only where it goes and its key are Farebox's."""

import os
import sys

import openai
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

token = os.environ.get("FAREBOX_USER_TOKEN", "")
model = ChatOpenAI(
    base_url=os.environ["FAREBOX_BASE_URL"],
    api_key=os.environ["FAREBOX_KEY"],
    model=os.environ.get("MODEL", "gpt-5"),
    default_headers={"X-User-Token": token} if token else {},
    stream_usage=True,
    max_retries=0,
)
chain = ChatPromptTemplate.from_messages([("user", "Explain in one sentence: {subject}")]) | model | StrOutputParser()


def plainly(error: openai.APIStatusError) -> str:
    """What went wrong, in plain words."""
    words = {
        401: "The key or the user's token is not valid, or not any more.",
        402: "The credits are used up.",
        403: f"Not allowed: {error.message}",
        429: f"Too much for now: try again in {error.response.headers.get('retry-after')} s.",
    }
    return words.get(error.status_code, error.message)


try:
    for piece in chain.stream({"subject": " ".join(sys.argv[1:]) or "prepaid credits"}):
        print(piece, end="", flush=True)
    print()
except openai.APIStatusError as error:
    sys.exit(plainly(error))
