"""Users of projects delete their accounts: known by tokens of others, they begin anew without a gain."""

from typing import Any

from functions.ledger import audit, members
from functions.ledger.tables import drive
from tests.projects.shop import SIGNUP, Project, Shop
from tests.stand import Answer


def delete(app: Project, token: str, user_id: Any) -> Answer:
    headers = {"X-User-Token": token} if token else {}
    return app.shop.gateway.request("DELETE", "/account", {"user_id": user_id}, key=app.key, headers=headers)


def test_a_tokens_subject_that_left_begins_anew_without_credits(shop: Shop) -> None:
    """In both processes, at once: another account, nothing in it, no receipts; the owner's list has only that one."""
    app = shop.managed(auth={"jwt": shop.jwt(**SIGNUP)})
    token = app.token("ada-the-subject")
    for other in (False, True):
        assert app.chat(token=token, other=other).status == 200
    before = app.account(token)
    assert (before["balance"]["spent"] > 0, len(before["receipts"])) == (True, 2)
    answer = delete(app, token, before["user_id"])
    assert (answer.status, answer.json()["finished"]) == (200, True)
    assert [app.chat(token=token, other=other).status for other in (True, False)] == [402, 402]
    after = app.account(token)
    assert (after["balance"]["available"], after["receipts"]) == (0, [])
    assert after["user_id"] != before["user_id"]
    listed = drive(members.listed(shop.ledger, members.users(app.project_id)))
    assert [int(item["member"]["S"]) for item in listed] == [after["user_id"]]
    finding = drive(audit.audit_account(shop.ledger, f"{app.project_id}/{before['user_id']}", full=True))
    assert finding.mismatches == ()
    assert delete(app, token, before["user_id"]).error["param"] == "user_id"


def test_nobody_deletes_an_account_that_is_shared(shop: Shop) -> None:
    """Of an address, or of a back-end: whoever comes next from there has it too. It is exported as it is shown."""
    for app in (shop.managed(auth={"no_auth": {"rules": SIGNUP}}), shop.forward(auth={"no_auth": {"rules": SIGNUP}})):
        answer = delete(app, "", app.account()["user_id"])
        assert (answer.status, answer.error["code"]) == (403, "shared_account")
        told = shop.gateway.request("GET", "/account/export", key=app.key).json()
        assert told["account"]["known_by"] in ("backend", "ip")
