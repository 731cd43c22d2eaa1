"""The command line: one file a command, `main` joins them.

May import every room: it is where a person's choice meets the parts.
"""
