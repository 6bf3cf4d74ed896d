"""An execution environment as Lambda makes one: the package unpacked, the adapter beside the runtime's process.

Where Lambda has /var/task and /opt, this has two folders; every path is reached through what Lambda itself sets.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lambda_runtime.disk import Disk
from tests.lambda_runtime.runtime_api import Invocation, RuntimeApi
from tests.stand import free_port, wait_until

STREAM = "functions/stream.sh"
PYTHON_RUNTIME = Path(__file__).with_name("python_runtime.py")
INIT_WITHIN_S = 30.0
"""Lambda's is 10 s, on a machine that it does not share with a test suite."""
RUNTIME_ENDS_WITHIN_S = 0.3
"""What Lambda leaves a runtime between SIGTERM and SIGKILL where an external extension is registered.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown"""


@dataclass(frozen=True)
class Ended:
    """How a runtime's process ended after SIGTERM, and whether all that it had started ended with it."""

    status: int
    took_s: float
    left_over: bool


class InitFailed(Exception):
    """The environment did not come up. The message is its log."""


@dataclass
class Environment:
    """One environment. `invoke` gives it one event at a time, as Lambda does."""

    disk: Disk
    variables: dict[str, str]
    log_file: Path
    handler: str = STREAM
    started_s: float = 0.0
    api: RuntimeApi = field(default_factory=RuntimeApi)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    watches: list[threading.Timer] = field(default_factory=list)

    def start(self) -> "Environment":
        """Start it and wait until everything in it waits for an event. Raises InitFailed."""
        self.launch()
        wait_until(lambda: self.api.ready.is_set() or self._is_over(), "the environment", INIT_WITHIN_S)
        if not self.api.ready.is_set():
            self.kill()
            raise InitFailed(self.log)
        return self

    def launch(self) -> None:
        """Start the extension, where there is one, then the runtime."""
        variables = self.own_variables() | self.variables
        commands = {"runtime": self._runtime()}
        extension = self.disk.opt / "extensions/lambda-adapter"
        if extension.exists():
            commands = {"extension": [str(extension)], **commands}
        self.started_s = time.monotonic()
        with self.log_file.open("ab") as log:
            for name, command in commands.items():
                self.processes[name] = subprocess.Popen(
                    command,
                    cwd=self.disk.task,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def invoke(self, event: dict[str, Any], time_s: float = 900.0) -> Invocation:
        """Give it an event. When its time is over, Lambda ends the whole environment."""
        invocation = Invocation(event, time.time() + time_s)

        def over() -> None:
            if not invocation.is_ended:
                invocation.timed_out = True
                self.kill()
                invocation.end()

        watch = threading.Timer(time_s, over)
        watch.daemon = True
        watch.start()
        self.watches.append(watch)
        self.api.give(invocation)
        return invocation

    def shut_down(self) -> Ended:
        """As Lambda does with an environment that is not needed any more: SIGTERM, and SIGKILL after the limit."""
        runtime, began_s = self.processes["runtime"], time.monotonic()
        runtime.send_signal(signal.SIGTERM)
        try:
            runtime.wait(RUNTIME_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            runtime.kill()
            runtime.wait()
        took_s = time.monotonic() - began_s
        try:
            os.killpg(runtime.pid, 0)
        except ProcessLookupError:
            left_over = False
        else:
            left_over = True
        self.kill()
        return Ended(runtime.returncode, took_s, left_over)

    def kill(self) -> None:
        """End everything at once."""
        for watch in self.watches:
            watch.cancel()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # whatever it started, too
            process.wait()

    def close(self) -> None:
        self.kill()
        self.api.close()

    @property
    def log(self) -> str:
        """What CloudWatch would show."""
        return self.log_file.read_text(errors="replace")

    def _runtime(self) -> list[str]:
        """The command of the runtime's process. Without the adapter's wrapper, what the wrapper would call."""
        python, wrapper = str(self.disk.python / "python3"), self.disk.opt / "bootstrap"
        if self.handler != STREAM:
            return [python, str(PYTHON_RUNTIME)]
        return (
            [str(wrapper), python, "/var/runtime/bootstrap.py"] if wrapper.exists() else [str(self.disk.task / STREAM)]
        )

    def _is_over(self) -> bool:
        return any(process.poll() is not None for process in self.processes.values())

    def own_variables(self) -> dict[str, str]:
        """What Lambda sets; nothing of the tests' own environment.
        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        return {
            "_HANDLER": self.handler,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_NAME": "farebox-test-stream",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": "Text",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/farebox-test-stream",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef",
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_REGION": "us-east-1",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LAMBDA_TASK_ROOT": str(self.disk.task),
            "LANG": "en_US.UTF-8",
            "PATH": f"{self.disk.python}:/usr/local/bin:{os.defpath}",
            "TZ": ":UTC",
            # /var/task and /opt cannot be written on Lambda; here they could.
            "PYTHONDONTWRITEBYTECODE": "1",
            **(self._adapters() if self.handler == STREAM else {"PYTHONPATH": self._path()}),
        }

    def _adapters(self) -> dict[str, str]:
        """What the template sets for the function behind the adapter."""
        return {
            "AWS_LAMBDA_EXEC_WRAPPER": str(self.disk.opt / "bootstrap"),
            "AWS_LWA_INVOKE_MODE": "response_stream",
            "AWS_LWA_PORT": str(free_port()),
            "AWS_LWA_READINESS_CHECK_PROTOCOL": "tcp",
            "PYTHONPATH": "/var/runtime",
        }

    def _path(self) -> str:
        """Where the managed runtime looks for modules, in its order."""
        return os.pathsep.join([str(self.disk.task), str(self.disk.opt / "python")])
