"""A run written down so that it can be played again: its format, the writing, the playing.

Imports ``simulation`` and what that may import.
"""
