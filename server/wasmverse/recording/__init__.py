"""A run written down so that it can be played again: its format, the writing, the playing.

Imports ``storage`` (the store that it is told of, or plays on), ``simulation`` and what these may import; no SQL.
"""
