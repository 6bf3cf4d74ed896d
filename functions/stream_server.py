"""The server of the streaming function: its app on uvicorn, where AWS Lambda Web Adapter calls it.

`functions/stream.sh` runs it with the port that the adapter calls.
"""

import sys

import uvicorn

from functions.secrets_manager import SecretsUnavailable
from functions.settings import SettingsError

KEEP_ALIVE_S = 3600
"""The adapter closes its idle connections after 4 s. Would both count, a function that was frozen meanwhile could close
one just as the next request comes on it."""
GRACE_S = 1
"""Lambda gives a runtime 300 ms to end. It ends none with an invocation open, so nothing is waited for."""


def main(port: int) -> None:
    """Serve until SIGTERM. A fault in the settings ends the process with one line that names it."""
    try:
        from functions.stream import app  # noqa: PLC0415  it reads the settings
    except (SettingsError, SecretsUnavailable) as error:
        sys.exit(f"the function does not start: {error}")
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,  # the app's own logging
        access_log=False,
        proxy_headers=False,  # the client's address is API Gateway's word
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
