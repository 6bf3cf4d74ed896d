"""`make` of the documentation: the target must exist, and what it would run must read its words; cheap ones run.

`make audit` and `make reconcile` look at the gateway that the pages run against, which is no `make run`.
"""

import os
import shlex
import subprocess
import sys

from tests.docs.commands import python
from tests.stand import ROOT

RUN = ("audit", "reconcile")
INSTALL = ("infra.local.install", "infra.site.install")


def main() -> None:
    words = sys.argv[1:]
    targets = [word for word in words if "=" not in word and not word.startswith("-")]
    told = asked(["-n", *words])
    if targets == ["help"]:
        print(asked(words))
        return
    commands = [shlex.split(line) for line in told.splitlines() if " -m infra." in line or " -m tests." in line]
    for command in commands:
        module, *rest = command[command.index("-m") + 1 :]
        if module in INSTALL:
            continue
        if set(targets) & set(RUN):
            os.environ.setdefault("DYNAMODB_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"])
            os.environ.setdefault("TABLE_PREFIX", os.environ["TABLES"])
            ended(module, rest)
        elif "--" in " ".join(rest):
            python.only_read(module, rest)
    print(told)


def ended(module: str, words: list[str]) -> None:
    """Run it. 1 tells of something that is not in order, such as a page's own key that no provider takes."""
    try:
        python.run([module, *words])
    except SystemExit as end:
        if end.code not in (None, 0, 1):
            raise


def asked(words: list[str]) -> str:
    """What make says. Exits where it refuses."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = [os.environ["REAL_MAKE"], "-C", str(ROOT), "--no-print-directory", *words]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        sys.exit(done.stderr or done.stdout)
    return done.stdout


if __name__ == "__main__":
    main()
