"""How Sphinx builds the site: `make docs`. The sidebar is infra/docs/nav.py, the rest of ours infra/docs/."""

from pathlib import Path

from infra.docs import colours

project = "Farebox"
author = copyright = "the authors of Farebox"
language = "en"

extensions = ["myst_parser", "infra.docs.extension"]
exclude_patterns = ["_static", "_templates", "images"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # JSON with an ellipsis in it: it has no colours, no more
myst_heading_anchors = 4
myst_url_schemes = {"http": None, "https": None, "mailto": None, "source": None}

html_theme = "furo"
html_title = "Farebox"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["docs.css"]
html_js_files = [("docs.js", {"defer": "defer"})]
html_logo = html_favicon = "_static/favicon.svg"
html_search_scorer = str(Path(colours.__file__).with_name("scorer.js"))
html_additional_pages = {"404": "404.html"}
html_copy_source = html_show_sourcelink = html_use_index = html_domain_indices = False
html_show_sphinx = html_show_copyright = False
html_permalinks_icon = "#"
html_theme_options = {
    "light_css_variables": colours.variables(dark=False),
    "dark_css_variables": colours.variables(dark=True),
}
