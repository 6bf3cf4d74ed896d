"""Every example in the documentation runs, as it stands there but for address and key."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stand import RunningGateway, text_of

ROOT = Path(__file__).parent.parent.parent
ELSEWHERE = {ROOT / f"docs/{page}.md" for page in ("admin", "console", "notices", "payments")}
"""Whose examples need more than a key: tests of the operator, the console, notices and payments run them."""
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - ELSEWHERE)]
EXAMPLES = [
    (f"{page.relative_to(ROOT)}-{index}", block)
    for page in PAGES
    for index, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_python_examples_run(name: str, example: str, gateway: RunningGateway) -> None:
    """A Python example in the documentation runs to its end and prints something."""
    program = example.replace("http://127.0.0.1:8503", gateway.url).replace("sk-…", gateway.key())
    assert program != example
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_curl_line_in_the_mail_answers(gateway: RunningGateway) -> None:
    """The curl line that comes with a key works when it is pasted into a shell."""
    key = gateway.key()
    text = next(text for text in map(text_of, gateway.outbox.glob("*.eml")) if key in text)
    found = re.search(r"curl .*?chat/completions.*?\}'", text, re.DOTALL)
    assert found
    done = subprocess.run(["sh", "-c", found[0]], capture_output=True, text=True, timeout=120, check=False)
    assert '"chat.completion"' in done.stdout, done.stdout + done.stderr
