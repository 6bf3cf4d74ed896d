"""`python -m …` of the documentation: modules that change nothing, or MiniStack alone, run; others read their words."""

import argparse
import importlib.util
import io
import runpy
import sys
from typing import Any, NoReturn

from infra.aws import stage_file
from tests.stand import ROOT

RUN = ("infra.aws.secrets", "infra.aws.costs", "infra.aws.smoke", "infra.local.audit", "infra.local.reconcile")
OURS = ("infra", "benchmarks", "tests", "scripts")
VALUES = {
    "STRIPE_SECRET_KEY": "sk_test_" + "v" * 24,
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "v" * 32,
    "MOLLIE_API_KEY": "test_" + "v" * 30,
    "NOTICES_SECRET": "whsec_" + "v" * 32,
    "OPERATOR_PROVIDERS": '{"openai": {"preset": "openai", "api_key": "sk-of-the-operators-own"}}',
}
"""What an operator gives; of other settings anything long."""


def main() -> None:
    run(sys.argv[1:])


def run(words: list[str]) -> None:
    """As `python -m` would, as far as it may. Ends the program where the words are refused."""
    module, *rest = words
    if not importlib.util.find_spec(module):
        sys.exit(f"there is no module {module}")
    if module == "pytest":
        _files(rest)
    elif module in RUN or module.partition(".")[0] not in OURS:
        if module == "infra.aws.secrets" and "set" in rest:
            sys.stdin = io.StringIO(VALUES.get(rest[-1], "v" * 40))
        _run(module, rest)
    else:
        only_read(module, rest)


def only_read(module: str, words: list[str]) -> None:
    """Let a module read its words, and stop it there. Exits where it refuses them."""
    real = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> NoReturn:
        given = real(self, args, namespace)
        if stage := getattr(given, "stage", ""):
            stage_file.read(stage)
        raise _Read(given)

    argparse.ArgumentParser.parse_args = parse_args  # type: ignore[method-assign]
    try:
        _run(module, words)
    except _Read as read:
        print(f"{module} would run with {read}")
    else:
        sys.exit(f"{module} did not read its words")
    finally:
        argparse.ArgumentParser.parse_args = real  # type: ignore[method-assign]


class _Read(Exception):
    pass


def _run(module: str, words: list[str]) -> None:
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _files(words: list[str]) -> None:
    """What pytest is asked to run is there; `make test` runs it."""
    asked = [word.partition("::")[0] for word in words if not word.startswith("-")]
    missing = [name for name in asked if not (ROOT / name).exists()]
    if missing:
        sys.exit(f"there is no {', '.join(missing)}")


if __name__ == "__main__":
    main()
