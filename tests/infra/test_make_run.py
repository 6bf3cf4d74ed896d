"""`make run`: one command, a ready line, a key that works, and nothing left behind. Real processes throughout."""

import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.loopback import free_port
from tests.docs.blocks import special
from tests.infra.running import Run, processes_of, refused, running, start
from tests.stand import ENDED_WITHIN_S, ROOT, wait_until

KEY = re.compile(r"sk-[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run for the tests that only look."""
    with running(tmp_path_factory.mktemp("run") / "local") as run:
        yield run


def bearer(run: Run) -> dict[str, str]:
    return {"authorization": f"Bearer {run.demo['api_key']}"}


def account_status(run: Run) -> int:
    return httpx.get(f"{run.base_url}/account", headers=bearer(run)).status_code


def nothing_left(folder: Path) -> None:
    wait_until(lambda: not processes_of(folder), f"the end of {processes_of(folder)}", ENDED_WITHIN_S)


def pid_of(run: Run, module: str) -> int:
    """The process of the run that was started as `python -m module`."""
    return next(pid for pid, command in processes_of(run.folder).items() if f"-m {module}" in command)


def test_demo_json_holds_a_key_that_works(up: Run) -> None:
    """When the ready line is out, `demo.json` holds exactly the address, a working key and the admin key."""
    assert set(up.demo) == {"base_url", "api_key", "admin_key"}
    assert up.demo["base_url"] == up.base_url
    assert KEY.fullmatch(up.demo["api_key"])
    assert up.demo["admin_key"].startswith("admin-")
    assert account_status(up) == 200
    assert up.demo["api_key"] in up.output


def test_secrets_are_their_owners_only(up: Run) -> None:
    """No other user of the machine can read keys, secrets, mails or state."""
    assert stat.S_IMODE(up.folder.stat().st_mode) == 0o700
    for name in ("demo.json", "secrets.json"):
        assert stat.S_IMODE((up.folder / name).stat().st_mode) == 0o600


def test_the_line_to_paste_streams_an_answer(up: Run) -> None:
    """The curl line that is shown gets a streamed answer of the real model."""
    words = shlex.split(next(line for line in up.output.splitlines() if line.startswith("try ")))
    headers = [words[place + 1].split(": ") for place, word in enumerate(words) if word == "-H"]
    address = next(word for word in words if word.startswith("http"))
    with httpx.stream("POST", address, headers=dict(headers), content=words[-1], timeout=60) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert answer.status_code == 200
    assert words[:3] == ["try", "curl", "-N"]
    assert len(lines) > 2
    assert lines[-1] == "data: [DONE]"


def test_a_new_key_comes_to_the_terminal(up: Run) -> None:
    """Who registers while it runs finds address and key on the terminal, once."""
    httpx.post(f"{up.base_url}/register", json={"email": "new@farebox.test"}, timeout=10).raise_for_status()

    def told() -> list[str]:
        return [line for line in up.output.splitlines() if "new@farebox.test" in line and KEY.search(line)]

    wait_until(told, "the mail on the terminal", 10)
    assert len(told()) == 1
    assert not [line for line in up.output.splitlines() if line.startswith("mail") and "demo@" in line]
    mails = httpx.get(f"{up.base_url}/outbox/mails.json").json()["mails"]
    assert [mail["key"] in told()[0] for mail in mails if mail["to"] == "new@farebox.test"] == [True]


def test_the_pages_are_there(up: Run) -> None:
    """The line that is shown opens the dashboard with the demo account's key."""
    (line,) = [line for line in up.output.splitlines() if line.startswith("pages ")]
    (address,) = re.findall(r"http://\S+/dashboard\?key=[\w-]+", line)
    answer = httpx.get(address, headers={"accept": "text/html"})
    assert answer.headers["location"] == f"{up.base_url}/dashboard.html#key={up.demo['api_key']}"
    assert "<title>Dashboard</title>" in httpx.get(answer.headers["location"]).text


def test_an_owner_finds_the_link_on_the_terminal(up: Run) -> None:
    """Who signs in to the console while it runs finds the link there, and it opens a session: nothing is to be set."""
    asked = {"email": "owner@farebox.test"}
    httpx.post(f"{up.base_url}/console/sign-in", json=asked, timeout=10).raise_for_status()

    def links() -> list[str]:
        return re.findall(rf"owner@farebox\.test +{re.escape(up.base_url)}/console/enter#(\S+)", up.output)

    wait_until(links, "the link on the terminal", 10)
    (token,) = links()
    session = httpx.post(f"{up.base_url}/console/sessions", json={"token": token}, timeout=10).json()["session"]
    own = {"authorization": f"Bearer {session}"}
    made = httpx.post(f"{up.base_url}/console/projects", json={"name": "Mine"}, headers=own, timeout=10).json()
    path = f"{up.base_url}/console/projects/{made['id']}/test-tokens"
    assert httpx.post(path, json={}, headers=own, timeout=10).status_code == 200, "there is a PROJECTS_SECRET"


def test_unknown_paths_and_methods_have_openais_shape(up: Run) -> None:
    """What no route takes is 404 or 405 in OpenAI's shape, with a request id."""
    for answer in (httpx.get(f"{up.base_url}/v1/nothing"), httpx.delete(f"{up.base_url}/v1/chat/completions")):
        assert answer.status_code in (404, 405)
        assert answer.json()["error"]["code"] == "not_found"
        assert answer.headers["x-request-id"]


def test_nothing_listens_beyond_this_machine(up: Run) -> None:
    """Every listening socket of every process is on 127.0.0.1."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]": row[1].split(":")[0] for row in rows if row[3] == "0A"}
    open_files = [file for pid in processes_of(up.folder) for file in Path(f"/proc/{pid}/fd").iterdir()]
    hosts = [listening[target] for file in open_files if (target := str(file.readlink())) in listening]
    assert len(hosts) == 3
    assert set(hosts) == {socket.inet_aton("127.0.0.1")[::-1].hex().upper()}


def test_a_second_run_in_the_same_folder_is_refused(up: Run) -> None:
    """Two runs never share a folder, whose state they would overwrite; the first is not disturbed."""
    said = refused(up.folder.parent / "second", {"FAREBOX_LOCAL_DIR": str(up.folder)})
    assert said.count("\n") == 1
    assert str(up.process.pid) in said
    assert account_status(up) == 200


def test_accounts_survive_a_restart(tmp_path: Path) -> None:
    """After Ctrl-C it exits 0 with nothing left; the next run knows the account, its key and its balance."""
    with running(tmp_path / "local") as first:
        before = httpx.get(f"{first.base_url}/account", headers=bearer(first)).json()
        key = first.demo["api_key"]
        assert first.end(signal.SIGINT) == 0
        assert not processes_of(first.folder)
    with running(tmp_path / "local") as second:
        assert second.demo["api_key"] == key
        assert httpx.get(f"{second.base_url}/account", headers=bearer(second)).json()["balance"] == before["balance"]
        assert second.end(signal.SIGTERM) == 0
        assert not processes_of(second.folder)
        assert re.findall(r"stopping (\w+)", second.output) == ["gateway", "llama", "MiniStack"]


def test_a_killed_supervisor_takes_its_children_along(tmp_path: Path) -> None:
    """SIGKILL of the supervisor ends every child, and MiniStack saves its state first: the key still works."""
    with running(tmp_path / "local") as first:
        key = first.demo["api_key"]
        assert len(processes_of(first.folder)) == 4
        first.end(signal.SIGKILL)
    with running(tmp_path / "local", {"PORT": first.base_url.rpartition(":")[2]}) as second:
        assert second.demo["api_key"] == key
        assert account_status(second) == 200
    nothing_left(tmp_path / "local")


@pytest.mark.parametrize("module", ["infra.local.llama", "infra.local.server", "ministack"])
def test_a_child_that_dies_ends_the_run(tmp_path: Path, module: str) -> None:
    """When a child dies, one line names it and its log; the rest is stopped and the exit code is 1."""
    with running(tmp_path / "local") as run:
        subprocess.run(["kill", "-KILL", str(pid_of(run, module))], check=True)
        assert run.process.wait(timeout=3 * ENDED_WITHIN_S) == 1
    assert run.errors.count("\n") == 1
    assert str(run.folder / "logs") in run.errors
    nothing_left(run.folder)


@pytest.mark.parametrize("name", ["PORT", "LLAMA_PORT"])
def test_a_taken_port_is_said(tmp_path: Path, name: str) -> None:
    """A taken port: one line that names the port and the setting, exit code 1, nothing left running."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        said = refused(tmp_path / "local", {name: str(port)})
    assert said.count("\n") == 1
    assert f"port {port} is taken" in said
    assert f"{name}=" in said
    nothing_left(tmp_path / "local")


@pytest.mark.parametrize(
    ("environ", "named"),
    [({"PORT": "80000"}, "PORT"), ({"TRIAL_TOKENS": "many"}, "TRIAL_TOKENS"), ({"ADMIN_KEY": "short"}, "ADMIN_KEY")],
)
def test_a_bad_setting_is_said(tmp_path: Path, environ: dict[str, str], named: str) -> None:
    """A setting that is wrong: one line that names it, exit code 1, nothing left running."""
    said = refused(tmp_path / "local", environ)
    assert said.count("\n") == 1
    assert named in said
    nothing_left(tmp_path / "local")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """No place for state: one line that names the folder and FAREBOX_LOCAL_DIR, exit code 1."""
    (tmp_path / "file").write_text("in the way")
    said = refused(tmp_path / "run", {"FAREBOX_LOCAL_DIR": str(tmp_path / "file" / "local")})
    assert said.count("\n") == 1
    assert str(tmp_path / "file" / "local") in said
    assert "FAREBOX_LOCAL_DIR" in said


def test_a_missing_package_is_said(tmp_path: Path) -> None:
    """Without the installed packages: one line that names them and `make run`, exit code 1."""
    said = refused(tmp_path / "local", command=(sys.executable, "-S", "-m", "infra.local"))
    assert said.count("\n") == 1
    assert "ministack" in said
    assert "make run" in said


def test_a_database_that_does_not_answer_is_said(tmp_path: Path) -> None:
    """A DYNAMODB_ENDPOINT_URL of the user's own that nobody answers: one line, exit code 1, nothing left running."""
    given = {"AWS_ACCESS_KEY_ID": "given", "AWS_SECRET_ACCESS_KEY": "given"}
    own = {"DYNAMODB_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    said = refused(tmp_path / "local", given | own)
    assert said.count("\n") == 1
    assert "tables" in said
    nothing_left(tmp_path / "local")


def test_a_signal_while_starting_stops_the_start(tmp_path: Path) -> None:
    """SIGTERM in the middle of the start exits 0 and leaves nothing, though not all was up."""
    run = start(tmp_path / "local")
    wait_until(lambda: len(processes_of(run.folder)) > 1, "a first child")
    assert run.end() == 0
    assert not processes_of(run.folder)


def test_make_run_starts_it_and_ends_it(tmp_path: Path) -> None:
    """The first two commands of README: a clone, and `make run`, whose end is that of everything that it started."""
    clone, make_run = special("the two commands").code.splitlines()
    environ = os.environ | {"REPOSITORY": str(ROOT)}
    subprocess.run(["sh", "-eu", "-c", f"{clone} && ls Makefile"], cwd=tmp_path, env=environ, check=True)
    with running(tmp_path / "local", command=tuple(make_run.split())) as run:
        assert account_status(run) == 200
        run.end()
        nothing_left(run.folder)


def test_make_run_without_a_fit_python_is_one_line(tmp_path: Path) -> None:
    """A Python that is too old, or none at all: one line that says so, before anything is made."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name in ("requirements", "infra"):
        (tmp_path / name).symlink_to(ROOT / name)
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for python in (old, tmp_path / "missing"):
        command = ["make", "--no-print-directory", "run", f"PYTHON={python}"]
        made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
        assert made.returncode != 0
        assert (made.stdout + made.stderr).count("\n") == 1
        assert "Python 3.11" in made.stderr
        assert not (tmp_path / ".venv").exists()
