"""Uploads that are under way: how many there may be at once, of one client and of how many bytes, and the checker process of
each. An upload for which there is no room is refused before its body is read. When a client leaves, its place in the queue is
given up, and the process that checks its module is ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from starlette.requests import Request

from wasmverse.api.body import read_body, too_long
from wasmverse.api.errors import HttpError
from wasmverse.checks.parts import Parts
from wasmverse.checks.start import Check
from wasmverse.commands import Cost, Inspection
from wasmverse.functions.check import Checked, function_check
from wasmverse.functions.wanted import Wanted
from wasmverse.settings import CheckSettings, FunctionCheckSettings
from wasmverse.strategies.checker_start import precheck, strategy_check
from wasmverse.strategies.limits import declared, upload_bytes_max

RETRY_SECONDS = 5
_ANSWER_BYTES = 1 << 16

_T = TypeVar("_T")


class Uploads:
    """The uploads of one gateway. Use from one event loop."""

    def __init__(self, settings: CheckSettings, functions: FunctionCheckSettings) -> None:
        self.settings = settings
        self.functions = functions
        self.count = 0
        self.bytes = 0
        self._of_clients: Counter[str] = Counter()
        self.bytes_max = min(
            settings.upload_bytes_max, max(settings.module_bytes_max, settings.component_bytes_max)
        )
        self._checks = asyncio.Semaphore(settings.module_checks_max)
        self._parts = Parts(settings.parts_kept_bytes_max)

    @asynccontextmanager
    async def place(self, client: str, announced: str, most: int | None = None) -> AsyncIterator[None]:
        """Room for one upload of ``client``, whose body has ``announced`` bytes: a Content-Length, or '' if it does not say.

        ``most`` is the longest that it may be; None for a strategy's module.

        Raises
        ------
        HttpError : 429, the client has as many under way as it may; 503, all together do.
        """
        settings = self.settings
        # One that is longer than it may be is refused when it is read.
        most = self.bytes_max if most is None else most
        size = min(int(announced), most) if announced.isdigit() else most
        if self._of_clients[client] >= settings.uploads_max_per_client:
            raise HttpError(
                429,
                f"{self._of_clients[client]} uploads of yours are under way, {settings.uploads_max_per_client} may be at once; "
                f"wait for one of them, or ask again in {RETRY_SECONDS} s",
                retry_seconds=RETRY_SECONDS,
            )
        if self.count >= settings.uploads_max or self.bytes + size > settings.upload_bytes_max:
            raise HttpError(
                503,
                f"{self.count} uploads of {self.bytes:,} bytes are under way, {settings.uploads_max} of "
                f"{settings.upload_bytes_max:,} may be at once; ask again in {RETRY_SECONDS} s",
                retry_seconds=RETRY_SECONDS,
            )
        self.count += 1
        self.bytes += size
        self._of_clients[client] += 1
        try:
            yield
        finally:
            self.count -= 1
            self.bytes -= size
            self._of_clients -= Counter((client,))
            if not self.count:
                _give_memory_back()

    async def read(self, request: Request, seconds_max: float) -> bytes:
        """The body of an upload, as long as what it begins like may be.

        Raises
        ------
        HttpError : as `body.read_body`.
        """
        module = await read_body(request, self.bytes_max, seconds_max)
        most = upload_bytes_max(module, self.settings)
        if len(module) > most:
            raise too_long(most)
        return module

    @asynccontextmanager
    async def check(
        self, module: bytes, name: str, budget_fuel: int | None = None
    ) -> AsyncIterator[Inspection]:
        """Check a module in a process of its own, when it is its turn; ``budget_fuel`` is what it declares for a call.

        The next upload's turn comes when the block ends, so at most ``module_checks_max`` modules' machine code is in memory.

        Raises
        ------
        ModuleRefused, StrategyError : as `strategies.checker_start.inspect_module_apart`.
        """
        settings = declared(self.settings, budget_fuel)
        precheck(module, name, settings)
        async with self._checks:
            inspection = await self._inspect(module, name, settings)
            self._parts.keep(inspection.compiled)
            yield inspection

    @asynccontextmanager
    async def checked_function(self, module: bytes, wanted: Wanted) -> AsyncIterator[Checked]:
        """Check a module that is to be a function; as `check`.

        Raises
        ------
        ModuleRefused, FunctionError : as `functions.check.function_check`.
        """
        check = function_check(module, wanted, self.functions, self._parts.known(module))
        async with self.checked(check) as checked:
            self._parts.keep(checked[1])
            yield checked

    @asynccontextmanager
    async def checked(self, check: Check[_T]) -> AsyncIterator[_T]:
        """Run a check in its process when it is its turn; as `check`, for anything that can be checked.

        Raises
        ------
        as `Check.answer`.
        """
        async with self._checks:
            yield await _run(check)

    async def measure(self, module: bytes, name: str, budget_fuel: int | None = None) -> dict[str, Cost]:
        """Measure a module once more, within the block of its `check`."""
        return (await self._inspect(module, name, declared(self.settings, budget_fuel))).costs

    async def _inspect(self, module: bytes, name: str, settings: CheckSettings) -> Inspection:
        return await _run(strategy_check(module, name, settings, self._parts.known(module)))


async def unless_left(request: Request, work: Awaitable[_T]) -> _T:
    """Do work for a client, and cancel it if the client leaves; its body must have been read.

    Raises
    ------
    HttpError : 400, the client has left; the work was cancelled.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HttpError(400, "The client left before its upload was done")
        return working.result()
    finally:
        for task in (working, leaving):
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _run(check: Check[_T]) -> _T:
    command, environment, group = check.start()
    process = None
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(check.bounds.seconds_max):
            output = await _converse(process, check.sent, check.answer_bytes_max)
            status = await process.wait()
    except TimeoutError:
        raise check.too_slow() from None
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
        group.remove()
    return check.answer(status, output)


async def _converse(process: asyncio.subprocess.Process, given: Sequence[bytes], bytes_max: int) -> bytes:
    """Send a checker its module and what follows it, and read what it writes, up to so many bytes."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # its exit status says more
        for part in given:
            process.stdin.write(part)
            await process.stdin.drain()
    process.stdin.close()
    output = bytearray()
    while part := await process.stdout.read(_ANSWER_BYTES):
        output += part
        if len(output) > bytes_max:
            process.kill()
            break
    return bytes(output)


def _give_memory_back() -> None:
    """Return free memory to the system: the allocator keeps what bodies of megabytes took, and no upload is under way now."""
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
