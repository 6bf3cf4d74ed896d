"""Every code block of README.md and docs/ runs, or is checked, as docs/writing.md says; none is left out."""

import ast
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from infra.aws.stage_file import FOLDER
from tests.docs import blocks, checks, claims
from tests.docs.blocks import Block
from tests.docs.commands import aws
from tests.docs.place import place
from tests.docs.terminal import Done, Terminal
from tests.stand import ROOT

ALL = blocks.all_blocks()
HERE = [block for block in ALL if block.kind != "run" and block.does and not block.wrong]
Open = Callable[[Path], Terminal]


@pytest.fixture(scope="module")
def terminal(dynamodb_url: str, llama_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens the terminal of a page, once."""
    opened: dict[Path, Terminal] = {}
    with place(dynamodb_url, llama_url, tmp_path_factory.mktemp("pages")) as shared:

        def open_for(page: Path) -> Terminal:
            if page not in opened:
                folder = shared.folder / blocks.named(page).replace("/", "-")
                folder.mkdir()
                opened[page] = Terminal(shared, folder)
            return opened[page]

        yield open_for


@pytest.fixture(scope="module")
def ran(terminal: Open) -> Callable[[Block], Done]:
    """How a block ended: the first that is asked for runs those before it on its page, as a reader would have."""
    done: dict[Block, Done] = {}

    def run(block: Block) -> Done:
        for each in HERE:
            if each.page == block.page and each.line <= block.line and each.does == "run it" and each not in done:
                done[each] = terminal(each.page).run(each)
        return done[block]

    return run


@pytest.mark.parametrize("block", HERE, ids=lambda block: block.place)
def test_a_block_does_what_it_says(block: Block, terminal: Open, ran: Callable[[Block], Done]) -> None:
    """A program ends well, and prints something if it is no shell's; a document is taken, an answer fits."""
    if block.does != "run it":
        checks.check(block, partial(terminal, block.page))
        return
    done = ran(block)
    assert done.code == 0, done.out + done.err
    assert done.out.strip() or block.language == "sh"


@pytest.mark.parametrize("page", blocks.pages(), ids=blocks.named)
def test_commands_in_sentences_are_there(page: Path) -> None:
    """A target of the Makefile with a stage that has a file, a module of ours, an operation of AWS with its options."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *words in blocks.commands(page):
        if program == "make":
            asked = [word for word in words[:1] if word.isalpha()]
            stages = [word.removeprefix("STAGE=") for word in words if re.fullmatch(r"STAGE=[a-z]+", word)]
            assert set(asked) <= set(targets), words
            assert all((FOLDER / f"{stage}.toml").exists() for stage in stages), words
        elif program == "aws" and words and words[0] not in ("configure", "…"):
            aws.known(words)
        elif program == "python" and words[:1] == ["-m"] and "…" not in words[1]:
            assert importlib.util.find_spec(words[1]), words


def test_every_block_says_what_it_is() -> None:
    """Between fences, with a language, and marked where the language does not say what is done with it."""
    found = [f"{block.place} {block.wrong or 'has no mark'}" for block in ALL if block.wrong or not block.does]
    assert not found
    assert not [lost for page in blocks.pages() for lost in blocks.lost_marks(page)]


def test_every_block_with_a_test_of_its_own_has_it() -> None:
    """Each name stands on one page, and in the test that claims.py names; and no claim is of a block that is gone."""
    marked = Counter(block.about for block in ALL if block.kind == "run")
    assert marked == Counter([*claims.RUN_BY])
    for name, test in claims.RUN_BY.items():
        path, _, function = test.partition("::")
        text = (ROOT / path).read_text()
        assert f'"{name}"' in text, f"{path} does not take {name!r} from the page"
        assert function in {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}, test


def test_what_is_done_by_hand_is_on_a_list() -> None:
    """With the same reasons, and no reason for what is gone."""
    marked: dict[str, list[str]] = {}
    for block in ALL:
        if block.kind == "by hand":
            marked.setdefault(blocks.named(block.page), []).append(block.about)
    assert marked == claims.BY_HAND
    assert all(len(reason) > 10 for reasons in marked.values() for reason in reasons)
