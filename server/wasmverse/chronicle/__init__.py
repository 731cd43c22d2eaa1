"""What of a turn is worth telling: names of ships, heroes, and the stories of a turn with how interesting they are.

Pure: of a turn's account and what was told before, without a database, a clock or settings. May import `universe`, and what
that may; `storage` keeps what it returns.
"""
