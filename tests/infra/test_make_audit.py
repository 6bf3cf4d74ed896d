"""`make audit`: beside `make run`, on any deployment, and where there is none. Real processes throughout."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from functions import settings
from functions.ledger import account as accounts
from functions.ledger import credentials, tables
from functions.ledger.store import Ledger
from infra.local.loopback import free_port
from tests import stand
from tests.infra.running import OWN, Run, running
from tests.stand import ROOT

AUDIT = (sys.executable, "-m", "infra.local.audit")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run without a model of its own: nothing here asks one."""
    with running(tmp_path_factory.mktemp("audit") / "local", {"LLAMA_BASE_URL": "http://127.0.0.1:9"}) as run:
        yield run


def audit(environ: Mapping[str, str], *arguments: str, command: tuple[str, ...] = AUDIT) -> tuple[int, str, str]:
    """Exit code, output and errors. Settings of whoever runs the tests do not count, `environ` does."""
    plain = {name: value for name, value in os.environ.items() if name not in (*settings.names(), *OWN)}
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env=plain | dict(environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def row(output: str, name: str) -> int:
    """A number of the summary."""
    (line,) = [line for line in output.splitlines() if line.startswith(name + "  ")]
    return int(line.split()[-1])


def test_make_audit_works_while_make_run_runs(up: Run) -> None:
    """It finds the run by its folder, audits its accounts, and every balance is right."""
    httpx.post(f"{up.base_url}/register", json={"email": "audit@farebox.test"}, timeout=10).raise_for_status()
    status, output, errors = audit({"FAREBOX_LOCAL_DIR": str(up.folder)}, "audit", command=("make",))
    assert (status, errors) == (0, ""), output
    assert row(output, "accounts") == row(output, "journal entries read") == row(output, "new checkpoints") == 2
    assert row(output, "drift in microcredits") == row(output, "accounts with drift") == 0
    status, output, _ = audit({"FAREBOX_LOCAL_DIR": str(up.folder)})
    assert (status, row(output, "journal entries read"), row(output, "new checkpoints")) == (0, 0, 0)
    status, output, _ = audit({"FAREBOX_LOCAL_DIR": str(up.folder), "FULL": "1"}, "audit", command=("make",))
    assert (status, row(output, "journal entries read")) == (0, 2)


def test_drift_is_shown_and_is_the_exit_status(dynamodb_url: str, tmp_path: Path) -> None:
    """Of a deployment that the environment names: every finding, by account, and status 1."""
    variables = stand.environment(dynamodb_url, f"a{secrets.token_hex(4)}-")
    with stand.gateways(dynamodb_url, tmp_path) as start:
        gateway = start(TABLE_PREFIX=variables["TABLE_PREFIX"])
        keys = [gateway.key(), gateway.key()]
    deployment = settings.read(variables)
    ledger = Ledger(tables.Synchronous(deployment), tables.SystemClock(), os.urandom, deployment.table_prefix)
    found = tables.drive(credentials.find(ledger, credentials.credential_id(keys[0])))
    assert found
    account = found[1]
    request = {"TableName": ledger.table("accounts"), "Key": accounts.key(account.account_id)}
    request |= {"UpdateExpression": "ADD spent :n", "ExpressionAttributeValues": {":n": {"N": "2500000"}}}
    tables.drive(ledger.store.call("UpdateItem", request))
    status, output, errors = audit(variables)
    assert (status, errors) == (1, "")
    assert (row(output, "accounts"), row(output, "accounts with drift")) == (2, 1)
    assert row(output, "drift in microcredits") == 5_000_000
    assert f"{account.account_id}: off by 5 credits" in output.splitlines()
    assert "  spent, against the receipts, is 2500000, not 0" in output.splitlines()
    assert account.email not in output


def test_where_nothing_runs_it_says_so(tmp_path: Path, dynamodb_url: str) -> None:
    """One line that says what to do, and a status of its own: no run, no table, nobody there, a wrong setting."""
    nobody = stand.environment(f"http://127.0.0.1:{free_port()}", "x-")
    told = {
        "make run": {"FAREBOX_LOCAL_DIR": str(tmp_path)},
        "x-accounts": stand.environment(dynamodb_url, "x-"),
        "does not answer": nobody | {"LEDGER_TIMEOUT_S": "0.2"},
        "LEDGER_TIMEOUT_S must be a number": nobody | {"LEDGER_TIMEOUT_S": "soon"},
    }
    for what, environ in told.items():
        status, output, errors = audit(environ)
        assert (status, output) == (2, "")
        assert what in errors
        assert errors.count("\n") == 1
        assert errors.startswith("farebox: ")


def test_a_file_that_a_killed_run_left_behind_does_not_mislead(up: Run, tmp_path: Path) -> None:
    """Of several ports that were noted, the one where somebody answers counts."""
    folder = tmp_path / "local"
    (folder / "tmp").mkdir(parents=True)
    (note,) = (up.folder / "tmp").glob("ministack-*.pid")
    for name in ("ministack-1.pid", f"ministack-{free_port()}.pid", "ministack-x.pid"):
        (folder / "tmp" / name).write_text("1")
    assert audit({"FAREBOX_LOCAL_DIR": str(folder)})[0] == 2
    (folder / "tmp" / note.name).write_text("1")
    status, output, _ = audit({"FAREBOX_LOCAL_DIR": str(folder)})
    assert (status, row(output, "drift in microcredits")) == (0, 0)
    assert json.loads((up.folder / "demo.json").read_text())["api_key"] not in output
