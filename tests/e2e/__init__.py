"""The page in a real browser, against a real server.

Nothing here reaches into the page: tests see what people see.
"""
