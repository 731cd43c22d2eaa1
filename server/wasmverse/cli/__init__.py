"""The command line: one file a command, `main` joins them.

May import every room, because here a person's choices are passed to the parts.
"""
