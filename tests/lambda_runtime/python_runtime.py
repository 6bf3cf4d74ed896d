"""What Lambda's own Python runtime does, in short: import the handler, then hand it one event after another.

Run by the interpreter of an environment, so it uses the standard library alone.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import http.client
import importlib
import json
import os
import time

RUNTIME = "/2018-06-01/runtime"


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, headers: http.client.HTTPMessage) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline_ms - int(time.time() * 1000))


def main() -> None:
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        connection.request("GET", f"{RUNTIME}/invocation/next")
        response = connection.getresponse()
        event, context = json.loads(response.read()), Context(response.headers)
        os.environ["_X_AMZN_TRACE_ID"] = response.headers["Lambda-Runtime-Trace-Id"]
        try:
            kind, answer = "response", handler(event, context)
        except Exception as error:
            kind, answer = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        connection.request("POST", f"{RUNTIME}/invocation/{context.aws_request_id}/{kind}", json.dumps(answer))
        connection.getresponse().read()


if __name__ == "__main__":
    main()
