"""Which methods a path allows, for the answer to another one."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope


def methods_at(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods that ``routes`` have for the path of ``scope``, sorted; none when it is not theirs.

    Mounted files are at every path and do not count.
    """
    methods = set()
    for method in ("GET", "POST", "PUT", "DELETE"):
        probe = {key: scope[key] for key in ("type", "path", "root_path", "headers") if key in scope}
        probe["method"] = method
        if any(
            not isinstance(route, Mount) and route.matches(dict(probe))[0] is Match.FULL for route in routes
        ):
            methods.add(method)
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)
