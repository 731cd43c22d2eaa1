"""Who can call whom in a module, and what the calls on the way cost: see ``stack``."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wasmverse.wasm.abi import CoreFunction
from wasmverse.wasm.code import Body, constant_expression
from wasmverse.wasm.sections import leb128, numbers_at, skip_value_type


class CallGraph:
    """The functions of a module, and the calls between them.

    A call through a table can meet every function of the same type that a table or a reference may hold. Tables are the module's
    own: what an imported one holds is not seen. If others may call back what is ``exported`` and what tables hold, then every
    call of an imported function, and every call through a table, may come to that.

    Parameters
    ----------
    bodies, types, type_of : the functions, imported ones first, all types, and the number of each function's type.
    holders : the content of the sections that can refer to functions: tables, globals, elements.
    exported : the functions that others may call while one of them is called; None: nobody calls back.
    """

    def __init__(
        self,
        bodies: list[Body],
        types: list[CoreFunction],
        type_of: list[int],
        holders: Sequence[bytes],
        exported: Collection[int] | None = None,
    ) -> None:
        self.functions = len(bodies)
        tables, globals_, elements = holders
        if _has_initial_values(tables):
            held = set(range(self.functions))
        else:
            held = _in_globals(globals_) | _in_elements(elements)
            held.update(*(body.refers for body in bodies))
        held.update(exported or ())
        # A node for each function, then one for each type of function that is called through a table, and one for any.
        nodes: dict[CoreFunction | None, int] = {}
        self.calls: list[list[int]] = []
        for body in bodies:
            callees = set(body.calls)
            wanted: set[CoreFunction | None] = {types[number] for number in body.indirect}
            if body.calls_reference or (exported is not None and (body.indirect or body.is_imported)):
                wanted.add(None)
            callees.update(nodes.setdefault(type_, self.functions + len(nodes)) for type_ in wanted)
            self.calls.append(list(callees))
        by_type: dict[CoreFunction | None, list[int]] = {None: sorted(held)}
        for index in sorted(held):
            by_type.setdefault(types[type_of[index]], []).append(index)
        self.calls += [by_type.get(type_, []) for type_ in nodes]

    def costs(self, frames: list[int], chain: int, chain_in_recursion: int) -> dict[int, int]:
        """What each function that must count takes: its own frame, and the most expensive chain of uncounted calls below it.

        Parameters
        ----------
        frames : what each function's frame costs.
        chain, chain_in_recursion : what a chain of uncounted calls may cost, in all and where recursion can be above it.
        """
        groups = _groups(self.calls)
        recursive = [len(group) > 1 or group[0] in self.calls[group[0]] for group in groups]
        if not any(recursive) and sum(frames) <= chain:
            return {}
        is_below = [False] * len(self.calls)
        for group, recurs in zip(reversed(groups), reversed(recursive), strict=True):
            if recurs or any(is_below[node] for node in group):
                for node in group:
                    for callee in self.calls[node]:
                        is_below[callee] = True
        chains = [0] * len(self.calls)
        costs: dict[int, int] = {}
        for group, recurs in zip(groups, recursive, strict=True):
            # Those of tables last in number but first here: functions of the group ask for theirs.
            for node in sorted(group, reverse=True):
                below = max((chains[callee] for callee in self.calls[node]), default=0)
                if node >= self.functions:
                    chains[node] = below
                    continue
                cost = frames[node] + below
                if recurs or cost > (chain_in_recursion if is_below[node] else chain):
                    costs[node] = cost
                else:
                    chains[node] = cost
        return costs


def _groups(calls: list[list[int]]) -> list[list[int]]:
    """The strongly connected components, callees before callers (Tarjan 1972, without recursion)."""
    number: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_: list[int] = []
    is_open = [False] * len(calls)
    groups: list[list[int]] = []
    for root in range(len(calls)):
        if root in number:
            continue
        path: list[tuple[int, int]] = [(root, 0)]
        while path:
            node, child = path.pop()
            if child == 0:
                number[node] = lowest[node] = len(number)
                open_.append(node)
                is_open[node] = True
            else:
                lowest[node] = min(lowest[node], lowest[calls[node][child - 1]])
            callees = calls[node]
            while child < len(callees):
                callee = callees[child]
                child += 1
                if callee not in number:
                    path += [(node, child), (callee, 0)]
                    break
                if is_open[callee]:
                    lowest[node] = min(lowest[node], number[callee])
            else:
                if lowest[node] == number[node]:
                    at = len(open_) - 1
                    while open_[at] != node:
                        at -= 1
                    group = open_[at:]
                    del open_[at:]
                    for member in group:
                        is_open[member] = False
                    groups.append(group)
    return groups


def _has_initial_values(tables: bytes) -> bool:
    """Whether a table begins with a value, in the form that typed references brought."""
    count, at = leb128(tables, 0)
    for _ in range(count):
        if tables[at] == 0x40:
            return True
        at = skip_value_type(tables, at)
        flags = tables[at]
        _least, at = leb128(tables, at + 1)
        if flags & 1:
            _most, at = leb128(tables, at)
    return False


def _in_globals(content: bytes) -> set[int]:
    held: set[int] = set()
    count, at = leb128(content, 0)
    for _ in range(count):
        at = constant_expression(content, skip_value_type(content, at) + 1, held)
    return held


def _in_elements(content: bytes) -> set[int]:
    held: set[int] = set()
    count, at = leb128(content, 0)
    for _ in range(count):
        kind, at = leb128(content, at)
        if kind in (2, 6):
            _table, at = leb128(content, at)
        if not kind & 1:
            at = constant_expression(content, at, held)
        if kind in (1, 2, 3):
            at += 1  # what the elements are: functions
        elif kind in (5, 6, 7):
            at = skip_value_type(content, at)
        if kind & 4:
            items, at = leb128(content, at)
            for _ in range(items):
                at = constant_expression(content, at, held)
        else:
            functions, at = numbers_at(content, at)
            held.update(functions)
    return held
