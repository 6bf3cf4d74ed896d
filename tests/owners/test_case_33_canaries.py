"""Secrets of owners pass through and leave no trace: in no log, table, later answer, error or mail but their own."""

import secrets
from typing import Any

import boto3
import pytest

from tests.entries.keys import as_admin
from tests.owners.owner import Owner, signed_in
from tests.stand import Answer, RunningGateway


def canary(kind: str) -> str:
    return f"canary-{kind}-{secrets.token_hex(8)}"


@pytest.fixture(scope="module")
def told(front: RunningGateway) -> tuple[dict[str, str], list[Answer]]:
    """Everything is sent once, rightly and wrongly. Gives the canaries, and all answers that must not have them."""
    owner = signed_in(front)
    project = owner.managed()
    api_key, shared, wrong = canary("api-key"), canary("shared-secret"), canary("wrong")
    answers = [
        project.ask("PUT", "/providers/mine/key", {"api_key": api_key}),
        project.ask("PUT", "/issuers/0/secret", {"secret": shared}),
        project.ask("PUT", "/providers/none/key", {"api_key": api_key}),
        project.ask("PUT", "/providers/mine/key", {"api_key": api_key + " "}),
        project.ask("PUT", "/providers/mine/key", {"api_key": [api_key]}),
    ]
    shown = {"key": project.told("POST", "/keys", {"kind": "publishable"})["key"], "session": owner.session}
    shown["test token"] = project.told("POST", "/test-tokens", {})["token"]
    user = project.user()
    shown["user's key"] = user["key"]
    answers += [project.ask(*asked) for asked in _later(user["user_id"])]
    answers += _wrongly(front, wrong)
    answers.append(front.request("GET", f"/admin/projects/{project.project_id}", headers=as_admin()))
    return shown | {"api key": api_key, "shared secret": shared, "wrong": wrong}, answers


def _later(user_id: int) -> list[tuple[str, str]]:
    paths = ["", "/export", "/users", f"/users/{user_id}", f"/receipts?user={user_id}"]
    paths += ["/actions", "/abuse", "/notices", "/usage"]
    return [("GET", path) for path in paths]


def _wrongly(front: RunningGateway, wrong: str) -> list[Answer]:
    """Secrets where none belong: in paths, queries, headers, and bodies that cannot be read."""
    sent: list[tuple[str, str, Any, dict[str, str]]] = [
        ("GET", f"/projects/{wrong}", None, {}),
        ("GET", f"/{wrong}", None, {}),
        ("GET", f"/projects?key={wrong}", None, {}),
        ("GET", "/projects", None, {"Authorization": f"Bearer os-{wrong}"}),
        ("GET", "/projects", None, {"Cookie": f"session={wrong}", "Referer": f"https://x.test/{wrong}"}),
        ("POST", "/sessions", {"token": wrong}, {}),
        ("POST", f"/sessions?token={wrong}", {"token": wrong}, {}),
        ("POST", "/sign-in", {"email": wrong}, {}),
        ("POST", "/sign-in", f'{{"email": "{wrong}', {"Content-Type": "application/json"}),
        ("PUT", "/projects", {"document": wrong}, {"Origin": f"https://{wrong}.test"}),
    ]
    return [front.request(method, f"/console{path}", body, headers=headers) for method, path, body, headers in sent]


def test_case_33_no_later_answer_has_a_secret(told: tuple[dict[str, str], list[Answer]]) -> None:
    """What was shown once, or never, is in no other answer: not in its body, not in a header."""
    canaries, answers = told
    assert len(answers) > 15
    for answer in answers:
        for kind, secret in canaries.items():
            assert secret not in answer.body.decode() + str(answer.headers), (kind, answer)


def test_case_33_no_log_has_a_secret(front: RunningGateway, told: tuple[dict[str, str], list[Answer]]) -> None:
    """Nor does it say that something broke."""
    log = front.log.read_text()
    assert not [kind for kind, secret in told[0].items() if secret in log]
    assert "Traceback" not in log


def test_case_33_no_table_has_a_secret(front: RunningGateway, told: tuple[dict[str, str], list[Answer]]) -> None:
    """Hashes and seals only; all tables are read, and the project is in one of them."""
    client = boto3.client(
        "dynamodb",
        region_name=front.settings.aws_region,
        endpoint_url=front.settings.dynamodb_endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    listed = client.get_paginator("list_tables").paginate()
    names = [name for page in listed for name in page["TableNames"] if name.startswith(front.settings.table_prefix)]
    pages = [page for name in names for page in client.get_paginator("scan").paginate(TableName=name)]
    items = str([page["Items"] for page in pages])
    assert "Travel helper" in items
    assert not [kind for kind, secret in told[0].items() if secret in items]


def test_case_33_a_mail_has_its_link_and_nothing_else(front: RunningGateway, owner: Owner) -> None:
    """No session and no key is ever mailed by the console."""
    text = "".join(path.read_text() for path in front.outbox.glob("*.eml"))
    assert "console/enter" in text
    for prefix in ("os-", "sk-", "pk-", "ps-"):
        assert f"    {prefix}" not in text
    assert owner.session not in text
