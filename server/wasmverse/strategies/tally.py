"""What a duel counts of each strategy, wherever it is played."""

AT_END = ("ships", "energy")
"""As they are after the last turn; whoever has the most of the first, then of the second, wins."""

ADDED_UP = ("kills", "deaths", "spawned", "harvested", "upgrades", "faults")
"""Added up over the turns."""

TALLY = (*AT_END, *ADDED_UP)
"""The columns, in the order in which the module of the rules has them and tables show them."""
