"""Pages, in a real browser, of a gateway that runs."""
