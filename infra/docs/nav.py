"""The order of the pages in the site's sidebar; the Markdown itself stays free of it, as GitHub shows it too."""

from pathlib import Path

SECTIONS: dict[str, tuple[str, ...]] = {
    "Start": ("guides/quickstart", "compared", "limits", "pages", "examples"),
    "Guides": (
        "guides/sell_your_llama_server",
        "guides/bill_your_apps_users",
        "guides/sign_in_firebase_supabase_auth0",
        "guides/take_payments",
        "guides/limits_and_abuse",
        "guides/go_live",
        "guides/run_it",
        "guides/",
    ),
    "Clients": (
        "clients/index",
        "clients/curl",
        "clients/openai_python",
        "clients/openai_node",
        "clients/langchain_python",
        "clients/langchain_js",
        "clients/vercel_ai_sdk",
        "clients/llm",
        "clients/plain_html",
        "clients/flutter",
        "clients/",
    ),
    "How it works": (
        "how_it_is_exact",
        "ledger",
        "projects",
        "sign_in",
        "rules",
        "providers",
        "keys",
        "usage",
        "receipts",
        "payments",
        "payment_providers",
        "top_up",
        "notices",
        "your_data",
    ),
    "Operate": (
        "deploy",
        "vpn",
        "operate",
        "admin",
        "telemetry",
        "capacity",
        "costs",
        "benchmarks",
    ),
    "Reference": (
        "reference/index",
        "reference/api/index",
        "errors",
        "reference/headers",
        "settings",
        "console",
        "reference/tables",
        "reference/",
    ),
    "Decisions": ("decisions/README",),
    "Project": ("writing", "releasing"),
}
"""Of a section, its pages. A name with a slash at its end is that folder's other pages, by name."""

NESTED = {"decisions/README": "decisions/", "reference/api/index": "reference/api/"}
"""Under a page, in the sidebar, a folder's other pages, in the order in which that page names them."""


def pages_of(docs: Path) -> list[str]:
    """Every page but the first, as Sphinx names them."""
    return sorted(
        name
        for path in docs.rglob("*.md")
        if (name := path.relative_to(docs).with_suffix("").as_posix()) != "index" and not name.startswith("_")
    )


def sections(pages: list[str]) -> dict[str, list[str]]:
    """Of each section, its pages that are there. A page that no section names is under Project: none is lost."""
    named = {name for names in SECTIONS.values() for name in names}
    beneath = {page for page in pages if any(is_in(page, folder) for folder in NESTED.values())} - set(NESTED)
    found: dict[str, list[str]] = {}
    for title, names in SECTIONS.items():
        found[title] = []
        for name in names:
            others = [page for page in pages if is_in(page, name) and page not in named | beneath]
            found[title] += others if name.endswith("/") else [name] * (name in pages)
    lost = set(pages) - beneath - {page for each in found.values() for page in each}
    found["Project"] += sorted(lost)
    return {title: each for title, each in found.items() if each}


def is_in(page: str, folder: str) -> bool:
    return folder.endswith("/") and page.startswith(folder)


def toctrees(page: str, text: str, pages: list[str]) -> str:
    """What Sphinx reads at the end of a page with this text, so that its sidebar has the pages beneath it."""
    if page == "index":
        return "".join(_toctree(title, names) for title, names in sections(pages).items())
    if page in NESTED:
        beneath = [each for each in pages if is_in(each, NESTED[page]) and each != page]
        places = {each: text.find(each.removeprefix(NESTED[page]) + ".md") for each in beneath}
        return _toctree("", sorted(beneath, key=lambda each: (places[each] < 0, places[each], each)))
    return ""


def _toctree(caption: str, pages: list[str]) -> str:
    options = ":hidden:\n" + (f":caption: {caption}\n" if caption else "")
    return f"\n\n```{{toctree}}\n{options}\n" + "\n".join(f"/{page}" for page in pages) + "\n```\n"
