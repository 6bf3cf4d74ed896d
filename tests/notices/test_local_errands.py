"""`make run`: errands run by themselves beside the gateway, and end with it."""

import os
import time
from pathlib import Path

import pytest

from functions.ledger import grants, notices
from functions.ledger.credentials import credential_id, find
from functions.ledger.tables import create_tables, drive
from functions.settings import read
from infra.local import errands
from tests import stand
from tests.notices.desk import ORDER
from tests.stand import RunningGateway, answers, environment, free_port, process, text_of, wait_until


def test_a_gateway_of_make_run_mails_what_is_due(dynamodb_url: str, tmp_path: Path) -> None:
    """Without anybody asking; and it ends when it is told to."""
    url, outbox = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "outbox"
    variables = environment(dynamodb_url, f"e{os.urandom(5).hex()}-", MAIL_OUTBOX=str(outbox), BASE_URL=url)
    settings = read(variables)
    create_tables(settings)
    log = tmp_path / "gateway.log"
    arguments = ["-m", "infra.local.server", "--port", str(port), "--errands", "0.2"]
    with process(arguments, os.environ | variables, log) as child:
        wait_until(lambda: answers(f"{url}/health"), "the gateway")
        ledger = RunningGateway(url, outbox, child, settings, log).ledger()
        key = drive(grants.register(ledger, grants.Address("default", "ada@farebox.test"), grants.NO_TRIAL))
        found = drive(find(ledger, credential_id(key)))
        assert found
        part = notices.part(ledger, "purchase", found[1].account_id, ORDER)
        drive(ledger.write("TransactWriteItems", {"TransactItems": [part]}))
        wait_until(lambda: list(outbox.glob("*.eml")), "a mail", within_s=10)
        child.terminate()
        assert child.wait(stand.ENDED_WITHIN_S) is not None
    (mail,) = outbox.glob("*.eml")
    assert "5,000,000" in text_of(mail)


def test_errands_that_fail_are_logged_and_run_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A table that cannot be reached ends nothing; and where nobody wants errands, none run."""
    runs: list[object] = []

    def fails(event: object, context: object) -> None:
        runs.append(event)
        raise ValueError("down")

    monkeypatch.setattr("functions.errands.handler", fails)
    with errands.running(0):
        time.sleep(0.1)
    assert runs == []
    with errands.running(0.01):
        wait_until(lambda: len(runs) >= 3, "three runs", within_s=5)
    assert runs[0] == {"task": "notices"}
    assert "errands failed" in caplog.text
    ended = len(runs)
    time.sleep(0.1)
    assert len(runs) <= ended + 1
