"""Stand-ins of commands that reach beyond this machine, for the shell blocks of the documentation: docs/writing.md.

Each fails, with a line that says why, where the real command would refuse its words.
"""
