"""Payment providers as their public API references describe them: HTTP servers of this machine that move no money."""
