"""A tournament: every pair of strategies in universes of the same seeds, and ratings that follow from who won."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from openskill.models import PlackettLuce

from wasmverse.cli.duelling import Entrants, Job, in_processes
from wasmverse.cli.means import mean_and_confidence
from wasmverse.errors import StrategyError
from wasmverse.settings import Settings

__all__ = ["matches_of", "tournament"]

_SIZES = ("systems", "ships", "nodes", "upkeep")


def matches_of(entrants: int, seeds: int) -> int:
    """How many duels a tournament has."""
    return entrants * (entrants - 1) // 2 * seeds


def tournament(
    entrants: Entrants,
    turns: int,
    settings: Settings,
    seeds: int,
    processes: int,
    tell: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Play every pair of strategies once a seed, alone in a universe, and rate them.

    Who has the most ships at the end wins a duel (ties: the most energy). Ratings are those of Plackett and Luce's model as
    OpenSkill has it (Weng and Lin, 2011), updated duel by duel, all pairs of a seed before the next: ``mu`` is 25 for everybody
    at first, ``sigma`` how unsure it is, ``ordinal`` = mu - 3 sigma what a strategy is worth at least.

    Returns
    -------
    Plain values: the sizes, ``seeds``, ``matches``;
    strategies : the best rated first, with wins, draws and losses, and the mean share of the energy that it had at the end;
    pairs : for each pair (a, b), how many duels each won, and a's share of the energy with its confidence.

    Raises
    ------
    StrategyError : there are fewer than two strategies.
    """
    founders = entrants.founders
    if len(founders) < 2:
        raise StrategyError(f"a tournament needs two strategies, {len(founders)} is given: name more files")
    pairs = list(combinations([founder.name for founder in founders], 2))
    jobs = [
        Job(entrants.of(pair), settings.model_copy(update={"seed": settings.seed + number}), turns)
        for number in range(seeds)
        for pair in pairs
    ]
    accounts = list(in_processes(jobs, processes, tell))
    by_pair = {pair: accounts[at :: len(pairs)] for at, pair in enumerate(pairs)}
    return {
        "turns": turns,
        **{name: getattr(settings, name) for name in _SIZES},
        "seeds": [settings.seed + number for number in range(seeds)],
        "matches": len(jobs),
        "strategies": _rated(entrants, accounts),
        "pairs": [_pair(*pair, of) for pair, of in by_pair.items()],
    }


def _places(account: dict[str, Any]) -> dict[str, int]:
    """By name, 1 for who won a duel and 2 for who lost; both 1 in a draw."""
    rows = account["strategies"]
    best = (rows[0]["ships"], rows[0]["energy"])
    return {row["name"]: 1 if (row["ships"], row["energy"]) == best else 2 for row in rows}


def _share(account: dict[str, Any], name: str) -> float:
    """A strategy's part of the energy of all ships at the end; half if there is none."""
    energy = {row["name"]: row["energy"] for row in account["strategies"]}
    total = sum(energy.values())
    return energy[name] / total if total else 0.5


def _rated(entrants: Entrants, accounts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    model = PlackettLuce()
    ratings = {founder.name: model.rating(name=founder.name) for founder in entrants.founders}
    outcomes: Counter[tuple[str, str]] = Counter()
    shares: dict[str, list[float]] = {name: [] for name in ratings}
    known: dict[str, dict[str, Any]] = {}
    for account in accounts:
        places = _places(account)
        names = list(places)
        rated = model.rate([[ratings[name]] for name in names], ranks=[places[name] for name in names])
        for name, [rating] in zip(names, rated, strict=True):
            ratings[name] = rating
            shares[name].append(_share(account, name))
            is_draw = sum(places.values()) == len(places)
            outcomes[name, "draws" if is_draw else "wins" if places[name] == 1 else "losses"] += 1
        for row in account["strategies"]:
            if row["name"] not in known or row["last_fault"]:
                known[row["name"]] = row
    rows = [
        {
            "name": name,
            "file": known[name]["file"],
            "sha256": known[name]["sha256"],
            "mu": round(rating.mu, 4),
            "sigma": round(rating.sigma, 4),
            "ordinal": round(rating.ordinal(), 4),
            **{outcome: outcomes[name, outcome] for outcome in ("wins", "draws", "losses")},
            "energy_share": mean_and_confidence(shares[name])[0],
            "last_fault": known[name]["last_fault"],
        }
        for name, rating in ratings.items()
    ]
    return sorted(rows, key=lambda row: (-row["ordinal"], row["name"]))


def _pair(a: str, b: str, accounts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    places = [_places(account) for account in accounts]
    mean, half = mean_and_confidence([_share(account, a) for account in accounts])
    return {
        "a": a,
        "b": b,
        "wins_a": sum(each[a] < each[b] for each in places),
        "wins_b": sum(each[b] < each[a] for each in places),
        "draws": sum(each[a] == each[b] for each in places),
        "energy_share_a": mean,
        "confidence": half,
    }
