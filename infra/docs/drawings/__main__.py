"""Draws docs/images/*.svg: `python -m infra.docs.drawings`, part of `make pictures`."""

from pathlib import Path

from infra.docs.drawings import places, requests

IMAGES = Path(__file__).parent.parent.parent.parent / "docs/images"
DRAWINGS = {
    "gate": requests.gate,
    "hold": requests.hold,
    "story": requests.story,
    "layout": places.layout,
    "topology": places.topology,
    "vpn": places.vpn,
    "purchase": requests.purchase,
}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (IMAGES / f"{name}.svg").write_text(draw())
