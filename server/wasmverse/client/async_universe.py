"""The asynchronous client: the methods of `universe.Universe`, as coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Self, TypeVar

import httpx

from wasmverse.client import duels, live, requests
from wasmverse.client.answers import (
    Answer,
    Checked,
    Done,
    Duel,
    Format,
    Pushed,
    Raw,
    Removed,
    RolledBack,
    Strategy,
)
from wasmverse.client.requests import SECONDS_MAX, Module, Request

T = TypeVar("T")


class AsyncUniverse:
    """A universe that a server plays: `Universe` for asyncio, with the same parameters, results and errors.

    ``async with AsyncUniverse() as universe:`` closes its connections at the end; so does `close`. For one event loop.
    """

    def __init__(
        self, url: str | None = None, *, token: str | None = None, seconds_max: float = SECONDS_MAX
    ) -> None:
        self.url, self._token = requests.server_of(url, token)
        self._seconds_max = seconds_max
        try:
            self._http = httpx.AsyncClient(**requests.options_of(self.url, self._token, seconds_max))
        except httpx.InvalidURL as error:
            raise requests.unanswered(self.url, error) from error

    async def query(self, sql: str, args: Sequence[Any] | None = None, *, turn: int | None = None) -> Answer:
        """As `Universe.query`."""
        return requests.answer_of(await self.query_raw(sql, args, turn=turn, format="arrow"))

    async def query_raw(
        self,
        sql: str,
        args: Sequence[Any] | None = None,
        *,
        turn: int | None = None,
        format: Format = "rows",
    ) -> Raw:
        """As `Universe.query_raw`."""
        return await self._ask(requests.query(sql, args, turn, format))

    async def live(self, sql: str, args: Sequence[Any] | None = None) -> AsyncGenerator[Answer]:
        """As `Universe.live`: ``async for answer in universe.live(sql)``.

        Python closes an asynchronous generator some time after its loop was left; `contextlib.aclosing` does at once.
        """
        from websockets.asyncio.client import connect  # noqa: PLC0415 - only where needed
        from websockets.exceptions import WebSocketException  # noqa: PLC0415

        options, message = live.options_of(self._token, self._seconds_max), live.subscription(sql, args)
        try:
            async with connect(live.address_of(self.url), **options) as socket:
                await socket.send(message)
                while True:
                    yield live.read(await socket.recv())
        except (WebSocketException, OSError) as error:
            raise requests.unanswered(self.url, error) from error

    async def strategies(self) -> list[Strategy]:
        """As `Universe.strategies`."""
        return await self._ask(requests.strategies())

    async def exec(self, sql: str, args: Sequence[Any] | None = None) -> Done:
        """As `Universe.exec`."""
        return await self._ask(requests.execute(sql, args))

    async def push(self, module: Module, name: str, *, budget_fuel: int | None = None) -> Pushed:
        """As `Universe.push`."""
        return await self._ask(requests.push(module, name, budget_fuel))

    async def rollback(self, name: str, *, to: str | None = None) -> RolledBack:
        """As `Universe.rollback`."""
        return await self._ask(requests.rollback(name, to))

    async def check(
        self, module: Module, name: str = "my_strategy", *, budget_fuel: int | None = None
    ) -> Checked:
        """As `Universe.check`."""
        return await self._ask(requests.check(module, name, budget_fuel))

    async def remove(self, *names: str) -> Removed:
        """As `Universe.remove`."""
        return await self._ask(requests.remove(names))

    async def duel(
        self,
        *modules: Module,
        turns: int = 300,
        seed: int = 1,
        systems: int | None = None,
        ships: int | None = None,
        nodes: int | None = None,
    ) -> Duel:
        """As `Universe.duel`; the duel is ended when the caller is cancelled."""
        pipe = asyncio.subprocess.PIPE
        with duels.command(modules, turns, seed, systems, ships, nodes) as command:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
            )
            try:
                output, complaint = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return duels.account_of(process.returncode or 0, output, complaint)

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """As `Universe.request`."""
        return await self._ask(Request(method, path, lambda response: response, options))

    async def _ask(self, request: Request[T]) -> T:
        try:
            response = await self._http.request(request.method, request.path, **request.options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise requests.unanswered(self.url, error) from error
        return requests.outcome(request, response)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
