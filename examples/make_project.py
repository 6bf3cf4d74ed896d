"""Makes a project of an example by the console's API, and prints what the example has to be told.

    python3 examples/make_project.py examples/static_html/project.json

It needs Python alone; what it does can be done by hand: docs/console.md. Where the document names a provider of the
operator's, the operator grants it: who has the operator's key gives it in FAREBOX_ADMIN_KEY (`make run` keeps one in
.local/demo.json), and who has not asks them.
"""

import argparse
import getpass
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

KINDS = {"managed": "publishable", "forward": "secret"}


def told(method: str, url: str, body: Any = None, key: str = "") -> Any:
    """What a request is answered with. Ends the program where it is refused, with the words of the refusal."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, json.dumps(body or {}).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(json.load(error)["error"]["message"]) from None


def sign_in(console: str, email: str) -> str:
    """The session of an owner, by the link that is mailed to them."""
    told("POST", f"{console}/sign-in", {"email": email or input("Your e-mail address: ")})
    link = input("A link was mailed to you. Copy it here, without opening it: ")
    session: str = told("POST", f"{console}/sessions", {"token": link.strip().rpartition("#")[2]})["session"]
    return session


def grant(base_url: str, project: str, providers: list[str]) -> None:
    """Have the operator's providers granted: before that, nobody is answered by them."""
    if admin_key := os.environ.get("FAREBOX_ADMIN_KEY"):
        told("PUT", f"{base_url}/admin/projects/{project}/grants", {"providers": providers}, admin_key)
    else:
        print(f"Ask the operator to grant {', '.join(providers)} to the project {project}.")


def make(base_url: str, session: str, document: dict[str, Any]) -> tuple[str, str]:
    """The id and the key of a new project; asks for the keys of providers that have addresses of their own."""
    projects = f"{base_url}/console/projects"
    made = told("POST", projects, {"document": document}, session)
    path = f"{projects}/{made['id']}"
    if made["needs_grant"]:
        grant(base_url, made["id"], made["needs_grant"])
    for name, about in document["providers"].items():
        if "operator" not in about:
            given = getpass.getpass(f"Your key of {name} (not shown): ")
            told("PUT", f"{path}/providers/{name}/key", {"api_key": given}, session)
    key = told("POST", f"{path}/keys", {"kind": KINDS[document["mode"]], "label": "example"}, session)["key"]
    return made["id"], key


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a project of an example.")
    parser.add_argument("document", type=Path, help="an example's project.json")
    parser.add_argument("--base-url", default="http://127.0.0.1:8503", help="where Farebox is")
    parser.add_argument("--email", default="", help="who is to own the project")
    given = parser.parse_args()
    session = sign_in(f"{given.base_url}/console", given.email)
    project, key = make(given.base_url, session, json.loads(given.document.read_text()))
    print(f"\nproject   {project}\nbase URL  {given.base_url}/v1\nkey       {key}")


if __name__ == "__main__":
    main()
