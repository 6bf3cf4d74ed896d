"""`make run`: MiniStack, a llama.cpp server, the tables, the gateway and a demo account, until Ctrl-C."""

import argparse
import importlib.util
import os
import signal
import sys
import time
from pathlib import Path

from functions import settings
from infra.local import configuration, folder, launch, llama, screen
from infra.local.configuration import Configuration
from infra.local.demo import demo_key
from infra.local.loopback import ask, free_port, is_taken
from infra.local.outbox import Outbox
from infra.local.processes import Child, Children, Failed, Stopped
from infra.local.progress import Progress

START_TIMEOUT_S = 60.0
LOOK_S = 0.5
ERRANDS_EVERY_S = 5


def main() -> int:
    """Exit code: 0 after Ctrl-C or SIGTERM, 1 with one line on stderr that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m infra.local")
    parser.add_argument("--end-with-parent", action="store_true", help="end when the caller is killed (make run)")
    if parser.parse_args().end_with_parent:
        launch.end_with_parent(os.getppid())
    progress = Progress()
    try:
        asked = configuration.read(settings.dotenv(Path(".env")) | dict(os.environ))
        folder.prepare(asked.folder, asked.outbox)
        with Children(asked.folder / "logs", progress, keep_open=folder.lock(asked.folder)) as children:
            _stop_on_signals(children)
            _run(asked, children, progress)
    except Stopped:
        return 0
    except KeyboardInterrupt:  # before the signals were ours
        return 0
    except (Failed, settings.SettingsError) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename or 'the system'}: {error.strerror or error}")
    return 0


def _run(asked: Configuration, children: Children, progress: Progress) -> None:
    """Start everything, then watch it. Leaves only by Failed, Stopped, SettingsError or OSError."""
    dynamodb_port = free_port()
    environ = configuration.gateway_environ(asked, folder.own_secrets(asked.folder), dynamodb_port)
    settings.read(environ)
    _check_ground(asked)
    llama_server = _start_services(asked, children, progress, dynamodb_port)
    with progress.step("tables"):
        children.run("tables", ["-m", "infra.local.tables"], environ, START_TIMEOUT_S)
    served = ["-m", "infra.local.server", "--port", str(asked.port), "--errands", str(ERRANDS_EVERY_S), "--outbox"]
    gateway = children.start("gateway", served, environ)
    if llama_server:
        with progress.step(f"llama.cpp with {llama.MODEL_FILE} on port {asked.llama_port}"):
            _wait_for_health(children, llama_server, asked.llama_port, "/health")
    with progress.step(f"gateway on port {asked.port}"):
        _wait_for_health(children, gateway, asked.port, "/health")
    outbox = Outbox(asked.outbox)
    with progress.step("demo account"):
        key = demo_key(asked, environ["ADMIN_KEY"], children)
        outbox.new()
    screen.ready(asked, key, progress)
    while True:
        children.check()
        for mail in outbox.new():
            screen.arrived(mail, progress)
        time.sleep(LOOK_S)


def _start_services(asked: Configuration, children: Children, progress: Progress, dynamodb_port: int) -> Child | None:
    """MiniStack until it answers, and the llama.cpp server, None if the user has one; it loads its model meanwhile."""
    ministack = llama_server = None
    if asked.starts_dynamodb:
        environ = configuration.ministack_environ(asked, dynamodb_port)
        ministack = children.start("MiniStack", ["-m", "ministack"], environ)
    if asked.starts_llama:
        arguments = ["-m", "infra.local.llama", "--port", str(asked.llama_port)]
        llama_server = children.start("llama", arguments, configuration.plain_environ(asked))
    if ministack:
        with progress.step("MiniStack (DynamoDB on this machine)"):
            _wait_for_health(children, ministack, dynamodb_port, "/_ministack/health")
    return llama_server


def _wait_for_health(children: Children, child: Child, port: int, path: str) -> None:
    failure = f"{child.name} did not answer in {START_TIMEOUT_S:.0f} s: see {child.log}"
    children.wait(lambda: ask(port, "GET", path)[0] == 200, START_TIMEOUT_S, failure)


def _check_ground(asked: Configuration) -> None:
    """Raises Failed for a missing package or a taken port, before anything is started."""
    needed = ["uvicorn", "chalice", *(["ministack"] if asked.starts_dynamodb else [])]
    needed += ["xllamacpp", llama.MODEL_PACKAGE] if asked.starts_llama else []
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise Failed(f"{', '.join(missing)} not installed: start with `make run`, which installs what is missing")
    if asked.starts_llama and llama.model_path() is None:
        raise Failed(f"{llama.MODEL_PACKAGE} carries no {llama.MODEL_FILE}: set LLAMA_BASE_URL to a llama-server")
    ports = [("PORT", asked.port), *([("LLAMA_PORT", asked.llama_port)] if asked.starts_llama else [])]
    for name, port in ports:
        if is_taken(port):
            raise Failed(f"port {port} is taken: stop what uses it, or choose another: make run {name}={port + 10}")


def _stop_on_signals(children: Children) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, children.ask_to_stop)
    # A closed terminal stops it too, but not under nohup.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, children.ask_to_stop)


def _complain(text: str) -> int:
    print(f"farebox: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
