"""The documentation as a site: Sphinx builds it from docs/**/*.md, then every link of what was built is followed."""
