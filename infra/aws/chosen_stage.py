"""Which stage a command is about, and asking whoever typed it whether it is meant."""

import argparse
from pathlib import Path

from infra.aws import stage_file
from infra.aws.stage import Stage


def is_confirmed(stage: str, word: str, what: str) -> bool:
    """Ask whoever sits at the terminal for a word."""
    return input(f"{what} the stage {stage}. Type {word!r} to go on: ").strip() == word


def read_stage(arguments: argparse.Namespace) -> Stage:
    """The stage that the command line names. Raises StageError."""
    if arguments.stage_file:
        return stage_file.read(arguments.stage_file.stem, arguments.stage_file.parent)
    return stage_file.read(arguments.stage)


def add_stage(parser: argparse.ArgumentParser) -> None:
    """What `read_stage` reads."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--stage", help="a file's name in infra/aws/stages, without .toml")
    given.add_argument("--stage-file", type=Path, help="a stage's file elsewhere")
