"""The example in the mail that brings a key runs, as it stands there."""

import re
import subprocess

from tests.stand import RunningGateway, text_of


def test_the_curl_line_in_the_mail_answers(gateway: RunningGateway) -> None:
    """The curl line that comes with a key works when it is pasted into a shell. It lets the model say all it wants."""
    key = gateway.key()
    text = next(text for text in map(text_of, gateway.outbox.glob("*.eml")) if key in text)
    found = re.search(r"curl .*?chat/completions.*?\}'", text, re.DOTALL)
    assert found
    done = subprocess.run(["sh", "-c", found[0]], capture_output=True, text=True, timeout=400, check=False)
    assert '"chat.completion"' in done.stdout, done.stdout + done.stderr
