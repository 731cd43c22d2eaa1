"""The processes of a server: who starts them, what they say to each other, when turns start, and how all of it ends.

`server` joins gateway, readers and universe; `loop` is the universe's own. May import every room but ``cli``.
"""
