"""scripts/smoke_test.py against gateways that run: it passes where all is well, fails where not, and cleans up."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import stand
from tests.entries.keys import ADMIN_KEY, as_admin

SCRIPT = stand.ROOT / "scripts" / "smoke_test.py"


@pytest.fixture(scope="module")
def front(
    dynamodb_url: str, llama_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stand.RunningGateway]:
    """A gateway in front of a real model, with the limit of an address as it is by default."""
    with stand.gateways(dynamodb_url, tmp_path_factory.mktemp("smoke")) as start:
        yield start(LLAMA_BASE_URL=llama_url, ADMIN_KEY=ADMIN_KEY, INFERENCE_IP_RATE_LIMIT="120")


def smoke(folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """The script, by an interpreter without any package, in a folder of its own."""
    plain = {"PATH": os.environ["PATH"], **environ}
    command = [sys.executable, "-I", "-S", str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, timeout=120, check=False)


def smoke_users(front: stand.RunningGateway) -> list[str]:
    found = front.request("GET", "/admin/users?email=smoke-", headers=as_admin()).json()["data"]
    return [user["email"] for user in found]


def test_it_passes_and_cleans_up(front: stand.RunningGateway, tmp_path: Path) -> None:
    """Every phase runs, and the user that it made is gone afterwards."""
    key = front.key()
    done = smoke(tmp_path, "--url", front.url, "--verbose", ADMIN_KEY=ADMIN_KEY, SMOKE_API_KEY=key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    assert done.stdout.count("  ok    ") == 17
    assert smoke_users(front) == []
    assert key not in done.stdout
    assert ADMIN_KEY not in done.stdout


def test_the_keys_of_make_run_are_found(front: stand.RunningGateway, tmp_path: Path) -> None:
    """Beside `make run` it needs no argument but the address; another deployment's keys are not taken."""
    (tmp_path / ".local").mkdir()
    told = {"base_url": front.url, "api_key": "sk-wrong", "admin_key": ADMIN_KEY}
    (tmp_path / ".local" / "demo.json").write_text(json.dumps(told))
    done = smoke(tmp_path, "--url", front.url, "--skip-rate-limit")
    assert done.returncode == 1
    assert "FAIL  a chat" in done.stdout
    assert "ok    the user is deleted" in done.stdout
    (tmp_path / ".local" / "demo.json").write_text(json.dumps(told | {"base_url": "http://elsewhere.example"}))
    done = smoke(tmp_path, "--url", front.url, "--skip-rate-limit")
    assert "admin: skipped" in done.stdout
    assert "remove it by hand: smoke-" in done.stdout


def test_a_wrong_admin_key_fails_and_names_the_user_that_stays(front: stand.RunningGateway, tmp_path: Path) -> None:
    """The address is printed, so that it can be removed by hand."""
    done = smoke(tmp_path, "--url", front.url, "--skip-rate-limit", "--admin-key", "a wrong admin key")
    assert done.returncode == 1
    assert "remove it by hand: smoke-" in done.stdout


def test_where_nothing_answers_it_fails(tmp_path: Path) -> None:
    """Each check says so; nothing is left to remove."""
    done = smoke(tmp_path, "--url", f"http://127.0.0.1:{stand.free_port()}", "--skip-rate-limit")
    assert done.returncode == 1
    assert "ok   " not in done.stdout
    assert "by hand" not in done.stdout
