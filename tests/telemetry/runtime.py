"""A stand-in for Lambda's runtime for Python, for functions that answer in one piece.

As the real one does, it has put a handler of its own on the root logger before the function is imported, and tells the
trace id of each invocation in the environment. Takes a handler's name and a file for what it returns.
"""

import importlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

TIMEOUT_MS = 60_000


class Context:
    """What Lambda hands over beside the event."""

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id

    def get_remaining_time_in_millis(self) -> int:
        return TIMEOUT_MS


def main(handler: str, answers: Path) -> None:
    logging.basicConfig(format="[%(levelname)s] %(message)s", stream=sys.stdout)
    module, name = handler.rsplit(".", 1)
    function: Any = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        event, request_id, trace_id = json.loads(line)
        os.environ["_X_AMZN_TRACE_ID"] = f"Root={trace_id};Parent=53995c3f42cd8ad8;Sampled=1"
        answer = function(event, Context(request_id))
        with answers.open("a") as output:
            output.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
