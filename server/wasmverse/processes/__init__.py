"""The processes of a server: which starts which, what they say to each other, when turns start, and how they end.

`server` joins gateway, readers and universe; `loop` runs in the universe's process. May import every room but ``cli``.
"""
