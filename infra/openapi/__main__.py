"""`python -m infra.openapi`: writes functions/published/openapi.json, which the gateway serves."""

import json

from infra.openapi.document import ROOT, build

FILE = ROOT / "functions/published/openapi.json"
BASE_URL = "{base_url}"
"""The gateway puts its own address there when it is asked."""


def written() -> str:
    """The file as it should be."""
    return json.dumps(build(BASE_URL), ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    FILE.write_text(written())
