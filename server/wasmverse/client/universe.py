"""The synchronous client."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Sequence
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


class Universe:
    """A universe that a server plays.

    ``with Universe() as universe:`` closes its connections at the end; so does `close`. May be used by several threads.

    Parameters
    ----------
    url : the server, as its greeting prints it; None is the one in ``WASMVERSE_URL``, or else the one that runs on this machine.
    token : what `wasmverse token create` printed; not needed for reading where that is public, nor on an open server. Without
        ``url``, None is the one in ``WASMVERSE_TOKEN``.
    seconds_max : how long an answer is waited for.

    Raises
    ------
    Every method raises a `ServerError` with the server's words: `ServerUnreachable`, `ServerDenied`, `ServerRefused`,
    `ServerBusy` or `ServerFailed`; a ValueError or TypeError for an argument that cannot be sent.
    """

    def __init__(
        self, url: str | None = None, *, token: str | None = None, seconds_max: float = SECONDS_MAX
    ) -> None:
        self.url, self._token = requests.server_of(url, token)
        self._seconds_max = seconds_max
        try:
            self._http = httpx.Client(**requests.options_of(self.url, self._token, seconds_max))
        except httpx.InvalidURL as error:
            raise requests.unanswered(self.url, error) from error

    # ---- reading

    def query(self, sql: str, args: Sequence[Any] | None = None, *, turn: int | None = None) -> Answer:
        """The rows of a SELECT; ``args`` has a value for each ``?``, ``turn`` is a past one that is still kept."""
        return requests.answer_of(self.query_raw(sql, args, turn=turn, format="arrow"))

    def query_raw(
        self,
        sql: str,
        args: Sequence[Any] | None = None,
        *,
        turn: int | None = None,
        format: Format = "rows",
    ) -> Raw:
        """The same as bytes, as the server wrote them."""
        return self._ask(requests.query(sql, args, turn, format))

    def live(self, sql: str, args: Sequence[Any] | None = None) -> Generator[Answer]:
        """The rows of a SELECT at once, and again after every turn in which they changed, without an end.

        Whoever reads slowly gets the newest ones, never a queue of old ones. The connection is closed with the generator: when a
        loop over it is left.
        """
        from websockets.exceptions import WebSocketException  # noqa: PLC0415 - only where needed
        from websockets.sync.client import connect  # noqa: PLC0415

        options, message = live.options_of(self._token, self._seconds_max), live.subscription(sql, args)
        try:
            with connect(live.address_of(self.url), **options) as socket:
                socket.send(message)
                while True:
                    yield live.read(socket.recv())
        except (WebSocketException, OSError) as error:
            raise requests.unanswered(self.url, error) from error

    def strategies(self) -> list[Strategy]:
        """Every strategy, by name."""
        return self._ask(requests.strategies())

    # ---- changing

    def exec(self, sql: str, args: Sequence[Any] | None = None) -> Done:
        """Carry out a command: ``call spawn_entity(...)``, ``call transmit(...)``, ``create function ...``."""
        return self._ask(requests.execute(sql, args))

    def push(self, module: Module, name: str, *, budget_fuel: int | None = None) -> Pushed:
        """Upload a module, given as bytes or by its path, as the strategy ``name``; a known one gets a new version.

        ``budget_fuel`` declares what a call may take: with more than the usual it is dealt fewer ships.
        """
        return self._ask(requests.push(module, name, budget_fuel))

    def rollback(self, name: str, *, to: str | None = None) -> RolledBack:
        """Fly the module again that a strategy flew before; ``to`` is the sha256 of a kept one, or how it begins."""
        return self._ask(requests.rollback(name, to))

    def check(self, module: Module, name: str = "my_strategy", *, budget_fuel: int | None = None) -> Checked:
        """What an upload would come to; nothing is stored. Raises the error that the upload would raise."""
        return self._ask(requests.check(module, name, budget_fuel))

    def remove(self, *names: str) -> Removed:
        """Remove strategies of yours, or none if one cannot be removed."""
        return self._ask(requests.remove(names))

    # ---- on this machine

    def duel(
        self,
        *modules: Module,
        turns: int = 300,
        seed: int = 1,
        systems: int | None = None,
        ships: int | None = None,
        nodes: int | None = None,
    ) -> Duel:
        """Let modules fight it out on this machine, on a private universe: bytes, paths, or names of bundled strategies.

        As `wasmverse duel`, whose defaults hold; the server has no part in it. Raises SettingsError if a module is refused.
        """
        with duels.command(modules, turns, seed, systems, ships, nodes) as command:
            done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        return duels.account_of(done.returncode, done.stdout, done.stderr)

    # ---- connections

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to any request, for what there is no method for; ``options`` are those of `httpx.Client.request`."""
        return self._ask(Request(method, path, lambda response: response, options))

    def _ask(self, request: Request[T]) -> T:
        try:
            response = self._http.request(request.method, request.path, **request.options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise requests.unanswered(self.url, error) from error
        return requests.outcome(request, response)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
