"""The sentences of stories. Of each kind there are several, and which one is told follows from the turn and the ship."""

from __future__ import annotations

from typing import Any

TEXTS: dict[str, tuple[str, ...]] = {
    "fight": (
        "{ships} ships of {who} fight over one cell of system {sid}{fallen}",
        "{ships} ships collide in system {sid}: {who}{fallen}",
        "A brawl of {ships} in system {sid}, {damage:,} damage in one turn{fallen}",
        "System {sid} burns: {ships} ships of {who} in a single cell{fallen}",
    ),
    "duel": (
        "{name} of {strategy}, {value} blasters, meets {by_name} of {by_strategy}, {by_value}, in system {sid}",
        "Two giants in one cell of system {sid}: {name} of {strategy} against {by_name} of {by_strategy}",
        "{name} and {by_name} open fire on each other in system {sid}, {value} blasters against {by_value}",
        "System {sid} is too small for both {name} of {strategy} and {by_name} of {by_strategy}",
    ),
    "titan_falls": (
        "{name}, a {rank} of {strategy} with {value} blasters, fell to {by} in system {sid}",
        "{by} brings down {name}, a {rank} of {strategy}, after {age:,} turns",
        "{by} ends the {age:,} turns of {name}, a {rank} of {strategy} with {kills}",
        "Gone: {name}, {rank} of {strategy}, {value} blasters and {kills}. {by} did it in system {sid}",
    ),
    "stranger_falls": (
        "A {rank} of {strategy} with {value} blasters, {name}, fell to {by} in system {sid}",
        "{by} brings down {name}, a {rank} of {strategy} with {value} blasters",
        "{name} of {strategy} is no more: {by} won in system {sid}, against {value} blasters",
    ),
    "starves": (
        "{name}, a {rank} of {strategy} with {value} blasters, ran out of energy in system {sid}",
        "No enemy beat {name}: the {rank} of {strategy} starved in system {sid}",
        "{name}, a {rank} of {strategy}, drifts dark in system {sid}: its energy is gone",
    ),
    "first_kill": (
        "First blood for {strategy}: {name} destroys {by_name} of {by_strategy} in system {sid}",
        "{strategy} has its first kill: {name} beats {by_name} of {by_strategy} in system {sid}",
    ),
    "birth": (
        "A new strategy flies: {name}, the first ship of {strategy}, appears in system {sid}",
        "{strategy} enters the universe with {name}, in system {sid}",
    ),
    "grounded": (
        "{strategy} is grounded: its {value:,} ships hold still until a new version is uploaded",
        "The {value:,} ships of {strategy} stop where they are: it is grounded",
    ),
    "last_ship": (
        "The last ship of {strategy} is gone",
        "{strategy} is extinct: not one of its ships is left",
    ),
    "lead": (
        "{strategy} takes the lead from {by_strategy}, with {value} percent of all energy",
        "{by_strategy} is overtaken: {strategy} now holds {value} percent of all energy",
    ),
    "system_taken": (
        "System {sid} changes hands: {name} of {strategy} now outguns {by_name} of {by_strategy}",
        "{name} takes system {sid} for {strategy}, from {by_strategy}",
        "{strategy} rules system {sid}: nobody there matches {name} any more, not even {by_name} of {by_strategy}",
    ),
    "strongest": (
        "{name} of {strategy} is the strongest ship of the universe now, ahead of {by_name}",
        "{by_name} has to give up first place: {name} of {strategy} is stronger, with {value:,} energy",
    ),
    "heir": (
        "With {by_name} gone, {name} of {strategy} is the strongest ship of the universe, with {value:,} energy",
    ),
    "record_energy": (
        "A record: {name} of {strategy} holds {value:,} energy, more than any ship before",
        "No ship has ever held {value:,} energy, until {name} of {strategy} in system {sid}",
    ),
    "record_kills": (
        "A record: {name} of {strategy} has its kill number {value}, more than any ship before",
        "{value} kills, and nobody has more: {name} of {strategy}",
    ),
    "record_age": (
        "{name} of {strategy} is {value:,} turns old: no known ship has lived longer",
        "The oldest known ship, {name} of {strategy}, reaches {value:,} turns in system {sid}",
    ),
    "spree": (
        "Kill number {value} for {name}, a {rank} of {strategy}, in system {sid}",
        "{name} of {strategy} has destroyed {value} ships by now",
        "System {sid} learns to fear {name}: {value} kills for the {rank} of {strategy}",
    ),
    "first_hero": (
        "{name} is the first {rank} that {strategy} ever had, in system {sid}",
        "{strategy} has its first {rank}: {name} in system {sid}, with {strong}",
    ),
    "hero": (
        "{name} of {strategy} becomes a {rank}, with {strong}",
        "System {sid} has a new {rank}: {name} of {strategy}",
        "From now on a {rank}: {name} of {strategy}, {age:,} turns old",
    ),
}


def sentence(of: str, turn: int, values: dict[str, Any]) -> str:
    """One of the sentences about a happening, with a full stop. Names of strategies stay as they are."""
    texts = TEXTS[of]
    text = texts[(turn * 7 + (values.get("eid") or values.get("sid") or 0)) % len(texts)].format(**values)
    return f"{text}."


def joined(names: list[str]) -> str:
    """Names in a sentence: at most three of them."""
    if len(names) > 3:
        return f"{len(names)} strategies"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted(count: int, one: str) -> str:
    """A number with its noun: 1 kill, 2 kills, no kills."""
    return f"{count or 'no'} {one}{'' if count == 1 else 's'}"
