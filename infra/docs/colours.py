"""The site's colours are those of the gateway's pages: read out of dashboard_static/site.css, typed nowhere else."""

import re
from pathlib import Path

SHEET = Path(__file__).parent.parent.parent / "dashboard_static/site.css"
FURO = {
    "color-foreground-primary": "ink",
    "color-foreground-secondary": "quiet",
    "color-foreground-muted": "quiet",
    "color-foreground-border": "field",
    "color-background-primary": "paper",
    "color-background-secondary": "paper",
    "color-background-hover": "soft",
    "color-background-border": "line",
    "color-background-item": "card",
    "color-brand-primary": "go",
    "color-brand-content": "go",
    "color-brand-visited": "go",
    "color-code-background": "card",
    "color-code-foreground": "ink",
    "color-inline-code-background": "soft",
    "color-sidebar-background": "paper",
    "color-sidebar-link-text": "ink",
    "color-sidebar-link-text--top-level": "ink",
    "color-sidebar-search-background": "card",
    "color-sidebar-search-background--focus": "card",
    "color-table-border": "line",
    "color-table-header-background": "soft",
    "color-highlight-on-target": "warn-soft",
    "font-stack--monospace": "mono",
    "card": "card",
    "line": "line",
    "soft": "soft",
    "go": "go",
    "go-ink": "go-ink",
    "quiet": "quiet",
}
"""Of each variable of the theme or of our sheet, the variable of site.css."""


def variables(*, dark: bool) -> dict[str, str]:
    """The theme's variables, for light or for dark."""
    sheets = re.findall(r":root \{(.*?)\}", SHEET.read_text(), re.DOTALL)
    values = dict(re.findall(r"--([\w-]+): ([^;]+);", sheets[0]))
    if dark:
        values |= dict(re.findall(r"--([\w-]+): ([^;]+);", sheets[1]))
    return {theirs: values[ours] for theirs, ours in FURO.items()} | {"font-stack": "system-ui, sans-serif"}
