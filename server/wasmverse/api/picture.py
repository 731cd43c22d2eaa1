"""The picture of a place and a turn that links are shown with, drawn from SQL when it is asked for, and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wasmverse.api.client import client_of
from wasmverse.api.errors import HttpError
from wasmverse.api.gateway import Gateway, gateway_of
from wasmverse.api.page import place_asked
from wasmverse.api.rate import RateLimit
from wasmverse.query.query import Client, Query
from wasmverse.query.result import Result

KEPT_MAX = 64
"""Pictures, of at most some 300 kB each."""
FRESH_SECONDS = 60.0
"""How long a picture of the newest turn is shown again."""
WAITING_MAX, WAITING_MAX_PER_CLIENT = 8, 3
"""Pictures are painted one after the other, so that they never take more than one core; more than so many do not wait, nor of
one client, who would keep others out."""

MAP_SQL = """select s.x, s.y, coalesce(l.number, 0)::bigint as number, coalesce(l.energy, 0)::bigint as energy,
  coalesce(l.ships, 0)::bigint as ships
from solar_system s left join (
  select sid, max_by(number, energy) as number, sum(energy) as energy, sum(ships) as ships
  from (select sid, number, sum(energy) as energy, count(*) as ships
    from entity join strategy on strategy.name = entity.strategy where kind = 1 group by sid, number)
  group by sid) l on l.sid = s.sid
order by s.sid"""
SYSTEM_SQL = """select kind, x, y, coalesce(number, 0)::bigint as number, energy
from entity left join strategy on strategy.name = entity.strategy where sid = ? order by eid"""

router = APIRouter(tags=["page"])


class Pictures:
    """Those that were painted, and whose turn it is."""

    def __init__(self, per_second_max: float) -> None:
        self.limit = RateLimit(per_second_max)
        self._kept: OrderedDict[tuple[int | None, int | None], tuple[float, bytes]] = OrderedDict()
        self._painting = asyncio.Lock()
        self._waiting: Counter[str] = Counter()

    def find(self, place: tuple[int | None, int | None]) -> bytes | None:
        """One that is still good: of a past turn for ever, of the newest for a minute."""
        painted_at, picture = self._kept.get(place, (0.0, b""))
        if not picture or (place[1] is None and time.monotonic() - painted_at > FRESH_SECONDS):
            return None
        self._kept.move_to_end(place)
        return picture

    async def paint(self, place: tuple[int | None, int | None], gateway: Gateway, client: Client) -> bytes:
        """The picture of a place, a system and a turn.

        Raises
        ------
        HttpError : too many wait, or there is no such system.
        QueryError, UniverseUnavailable : the turn is not kept.
        """
        name = client.name
        if self._waiting.total() >= WAITING_MAX or self._waiting[name] >= WAITING_MAX_PER_CLIENT:
            raise HttpError(503, "Too many pictures are being painted; ask again in a few seconds")
        self._waiting[name] += 1
        try:
            # Who asks for a past turn waits for it here, and keeps nobody from being painted.
            result = await gateway.service.query(_query(*place), client=client)
            async with self._painting:
                if (found := self.find(place)) is not None:
                    return found
                picture = await _painted(place[0], result)
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]
        self._kept[place] = time.monotonic(), picture
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return picture


def _query(system: int | None, turn: int | None) -> Query:
    args = orjson.dumps([] if system is None else [system])
    return Query(MAP_SQL if system is None else SYSTEM_SQL, args, turn)


async def _painted(system: int | None, result: Result) -> bytes:
    # Pillow and its fonts are loaded when the first picture is asked for.
    from wasmverse.pictures.sky import Caption, paint_map, paint_system  # noqa: PLC0415

    rows: list[list[Any]] = orjson.loads(result.body)["results"][0]["rows"]
    when = f"turn {result.turn:,}"
    if system is None:
        ships = sum(row[4] for row in rows)
        caption = Caption(
            "Wasmverse", f"{when} · {ships:,} ships in {len(rows):,} systems, flown by WebAssembly"
        )
        return await asyncio.to_thread(paint_map, [row[:4] for row in rows], caption)
    if not rows:
        raise HttpError(404, f"There is nothing in a system {system} in turn {result.turn}")
    fleet = [row[1:] for row in rows if row[0] == 1]
    nodes = [(row[1], row[2], row[4]) for row in rows if row[0] != 1]
    energy = sum(row[3] for row in fleet)
    caption = Caption(f"System {system:,}", f"{when} · {len(fleet):,} ships with {energy:,} energy")
    return await asyncio.to_thread(paint_system, fleet, nodes, caption)


@router.get(
    "/api/v1/picture.png", response_class=Response, responses={404: {"description": "No such system"}}
)
async def picture(request: Request) -> Response:
    """The map, or with `?system=N` a system, in the newest turn or in `&turn=N`, as a PNG of 1200 x 630 pixels."""
    gateway = gateway_of(request)
    client = client_of(request, gateway.may_ask(request))
    place = place_asked(request.query_params)
    pictures: Pictures = request.app.state.pictures
    found = pictures.find(place)
    if found is None:
        pictures.limit.spend(request)
        found = await pictures.paint(place, gateway, client)
    seconds = FRESH_SECONDS if place[1] is None else 86_400
    return Response(found, 200, {"Cache-Control": f"max-age={seconds:.0f}"}, "image/png")
