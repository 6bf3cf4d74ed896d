"""Which command makes each picture of the documentation. `make pictures` runs them all."""

PICTURES: dict[str, tuple[str, ...]] = {
    "python -m infra.docs.drawings": ("gate", "hold", "layout", "purchase", "story", "topology", "vpn"),
    "python -m infra.aws.costs --write": ("costs",),
    "python -m tests.pages.screenshots --docs": ("page_admin", "page_console", "page_dashboard"),
    "python -m tests.examples.screenshots": ("example_limit", "example_page", "example_sign_in"),
}
"""Of a command, the names of its pictures in docs/images. Drawings are .svg, looks of pages .png."""
