"""What is asked of the tables for projects, heard between a real gateway and its tables, against what roles allow."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from functions import console
from functions.entry import ANY
from functions.routing import Routes
from infra.aws.template import access
from tests import stand
from tests.entries.keys import ADMIN_KEY
from tests.forward.scripted_upstream import plain, scripted_upstream
from tests.infra import policies
from tests.infra.project_life import HELLO, Life
from tests.infra.test_policies import OF_PROJECTS
from tests.ledger.faulty_proxy import Fault, FaultyProxy, Operation, faulty_proxy
from tests.owners.owner import mails_to

Pairs = set[tuple[str, str]]


@dataclass
class Listener:
    """Notes what is asked of each table, for the function that is being called."""

    proxy: FaultyProxy
    prefix: str = ""
    used: dict[str, Pairs] = field(default_factory=lambda: defaultdict(set))

    @contextlib.contextmanager
    def of(self, function: str) -> Iterator[None]:
        """While it lasts, only this function is called."""

        def note(operation: Operation) -> bool:
            found = policies.parts(operation.name, operation.request)
            self.used[function] |= {(table.removeprefix(self.prefix), action) for table, action in found}
            return False

        self.proxy.arm(note, Fault.BLOCK)
        yield
        self.proxy.disarm()


@dataclass(frozen=True)
class Lived:
    """A project's life, and what each function asked of the tables meanwhile."""

    life: Life
    used: dict[str, Pairs]


@pytest.fixture(scope="module")
def lived(dynamodb_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """From the owner's first mail to the end of the session."""
    folder = tmp_path_factory.mktemp("life")
    with (
        scripted_upstream() as upstream,
        faulty_proxy(dynamodb_url) as proxy,
        stand.gateways(dynamodb_url, folder) as start,
    ):
        upstream.play(plain)
        gateway = start(
            LLAMA_BASE_URL=upstream.url,
            DYNAMODB_ENDPOINT_URL=proxy.url,
            ADMIN_KEY=ADMIN_KEY,
            PROJECTS_SECRET="a secret for projects, which is quite long enough",
            PROJECT_MAX_AGE_S="0",
            TRUSTED_HOPS="1",
        )
        life = Life(gateway, lambda email: stand.text_of(mails_to(gateway, email)[-1]), ADMIN_KEY)
        listener = Listener(proxy, gateway.settings.table_prefix)
        _live(life, listener)
        yield Lived(life, listener.used)


def _live(life: Life, listener: Listener) -> None:
    with listener.of("console"):
        life.sign_in()
        life.make()
    _live_as_operator(life, listener)
    with listener.of("console"):
        key = life.change()
        token = life.of_project("POST", "/test-tokens", {})["token"]
        user = life.of_project("POST", "/users", {"reference": "first"})["key"]
    with listener.of("stream"):
        for asked in ({"key": key}, {"key": key, "token": token}, {"key": user}, {"key": key, "token": user}):
            answer = life.chat(**asked)
            assert answer.status == 200, (asked, answer.body)
    elsewhere = {"X-Forwarded-For": "198.51.100.7"}  # somebody who comes for the first time
    with listener.of("api"):
        for path in ("/account", "/v1/models"):
            assert life.gateway.request("GET", path, key=key, headers=elsewhere).status == 200
        assert life.gateway.request("POST", "/v1/estimate", HELLO, key=key).status == 200
    with listener.of("console"):
        life.look_after_users()
        life.look_after_it()
        life.sign_out()


def _live_as_operator(life: Life, listener: Listener) -> None:
    """Grants to a project, and everything that is done about a user who has asked for something."""
    gateway, email = life.gateway, "ada@farebox.test"
    key = gateway.register(email)
    assert gateway.request("POST", "/v1/chat/completions", HELLO, key=key).status == 200
    with listener.of("admin"):
        life.grant()
        number = gateway.request("GET", f"/admin/users?email={email}", key=ADMIN_KEY).json()["data"][0]["user_id"]
        of_user = f"users/{number}"
        for path in ("status", "orders", "unmatched", "users", of_user, "overview", "usage", "actions"):
            assert gateway.request("GET", f"/admin/{path}", key=ADMIN_KEY).status == 200, path
        assert gateway.request("POST", "/admin/unmatched/stripe/looked-at", {"about": "x"}, key=ADMIN_KEY).status == 400
        for path, more in OPERATED.items():
            answer = gateway.request("POST", f"/admin/{path}", {"email": email} | more, key=ADMIN_KEY)
            assert answer.status == 200, (path, answer.body)


OPERATED: dict[str, dict[str, int]] = {
    "adjust": {"delta": 1},
    "grant": {"tokens": 1, "days": 1},
    "block": {},
    "unblock": {},
    "delete": {},
}


def pairs(function: str) -> Pairs:
    return {(table, action) for table, actions in access.TABLE_USE[function].items() for action in actions}


def test_every_route_of_the_console_was_asked(lived: Lived) -> None:
    """The life that is listened to leaves out nothing that an owner can do: a new route has to be lived, too."""
    served = console.app.routes
    routes = {(method, path) for path, methods in served.items() for method in methods if "{proxy+}" not in path}
    routes = {each for each in routes if each[0] not in ("HEAD", "OPTIONS", ANY) and each[1] != "/console"}
    found = {(method, match.resource) for method, path in lived.life.asked if (match := Routes(served).match(path))}
    assert found == routes


def test_the_console_may_do_what_it_does_and_no_more(lived: Lived) -> None:
    """What it was heard to ask is allowed, and what is allowed was heard."""
    healing = access.TIDIED  # of holds, which nobody here left open
    unheard = {(table, action) for table, actions in healing.items() for action in actions}
    unheard |= {("orders", "BatchGetItem")}  # nobody has bought: tests/infra/test_policies_payments.py
    erased = {(table, action) for table, actions in access.ERASED.items() for action in actions}
    unheard |= erased  # of a user who had more: tests/ledger hear that
    assert lived.used["console"] <= pairs("console")
    assert pairs("console") == lived.used["console"] | unheard


def test_the_operator_may_do_what_it_does_and_no_more(lived: Lived) -> None:
    """Each table is looked into; users are listed, given credits, blocked, deleted; a project is granted something."""
    unheard = {(table, action) for table, actions in access.TIDIED.items() for action in actions}
    unheard |= {("orders", "BatchGetItem")}  # nobody has bought
    unheard |= {(table, action) for table, actions in access.ERASED.items() for action in actions}
    assert lived.used["admin"] <= pairs("admin")
    assert pairs("admin") == lived.used["admin"] | unheard


@pytest.mark.parametrize("function", ["stream", "api"])
def test_whoever_serves_a_project_may_find_out_who_asks(lived: Lived, function: str) -> None:
    """A project is read, its users are looked up, and one who comes for the first time gets an account."""
    assert OF_PROJECTS <= lived.used[function] <= pairs(function)
