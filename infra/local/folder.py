"""The folder `.local`: state, logs, mails and secrets of one `make run`, readable by their owner only."""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.local.processes import Failed

FREE_BYTES_MIN = 50_000_000
LOCK_WAIT_S = 15.0
SECRET_BYTES = 32
MADE: Mapping[str, Callable[[], str]] = {
    "HASH_SECRET": lambda: secrets.token_urlsafe(SECRET_BYTES),
    "ADMIN_KEY": lambda: f"admin-{secrets.token_urlsafe(SECRET_BYTES)}",
    "PROJECTS_SECRET": lambda: secrets.token_urlsafe(SECRET_BYTES),
}
ADDED = ("PROJECTS_SECRET",)
"""Those that a folder of an older version does not have."""


def prepare(folder: Path, outbox: Path) -> None:
    """Make the folder and what is in it. Raises Failed if that is impossible or the disk is full."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("logs", "state", "s3", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        outbox.mkdir(parents=True, exist_ok=True)
        probe = folder / "tmp" / "writable"
        probe.write_text("yes")
        probe.unlink()
    except OSError as error:
        raise Failed(f"cannot write to {folder} ({error.strerror}): mend that, or set FAREBOX_LOCAL_DIR") from None
    if shutil.disk_usage(folder).free < FREE_BYTES_MIN:
        raise Failed(f"the disk of {folder} is full: free {FREE_BYTES_MIN // 10**6} MB, or set FAREBOX_LOCAL_DIR")


def lock(folder: Path) -> int:
    """A locked file descriptor, for this process and the children that keep it open. Raises Failed.

    Two runs would overwrite each other's state. Children of a killed run hold the lock until they have saved theirs:
    those are waited for.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while not _try_lock(descriptor):
        holder = os.pread(descriptor, 20, 0).decode() or "0"
        if _is_running(int(holder)):
            raise Failed(f"process {holder} runs here already: stop it, or set PORT, LLAMA_PORT and FAREBOX_LOCAL_DIR")
        if time.monotonic() > deadline_s:
            raise Failed(f"what an earlier run started still uses {folder}: end it, or set FAREBOX_LOCAL_DIR")
        time.sleep(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def own_secrets(folder: Path) -> dict[str, str]:
    """HASH_SECRET, ADMIN_KEY and PROJECTS_SECRET of this folder. Raises Failed if the file is damaged.

    They are made at the first run; one that an older version did not know, at the first that does.
    """
    path = folder / "secrets.json"
    is_new = not path.exists()
    try:
        kept = {} if is_new else dict(json.loads(path.read_text()))
        made = {name: make() for name, make in MADE.items() if name not in kept and (is_new or name in ADDED)}
        found = {name: str((kept | made)[name]) for name in MADE}
    except (ValueError, KeyError, TypeError):
        raise Failed(f"{path} is damaged: restore it, or remove {folder} to start anew") from None
    if made:
        write_private(path, found)
    return found


def write_private(path: Path, value: dict[str, Any]) -> None:
    """JSON that only its owner can read, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file, indent=2)
    draft.replace(path)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _is_running(process: int) -> bool:
    if not process:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
