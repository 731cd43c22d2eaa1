"""What the map tells beside its stars: layers with their legend, and where a system is among the others."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .server import Server
from .visit import Visit


def test_layers_and_where_a_system_is(visit: Visit, server: Server) -> None:
    page = visit.open("#/?layer=energy")
    choice = page.get_by_label("The map shows")
    expect(choice).to_have_value("energy")
    legend = page.locator("#layer-legend")
    expect(legend).to_contain_text(re.compile(r"Most: [\d,]+ energy in system \d+"))
    page.keyboard.press("h")
    expect(page).to_have_url(re.compile(r"layer=battles"))
    expect(legend).to_contain_text("most battles")
    choice.select_option("")
    expect(page).to_have_url(re.compile(r"#/$"))
    expect(legend).to_be_hidden()

    nearest = server.query(
        "select o.sid from solar_system o, solar_system s where s.sid = 5 and o.sid <> 5 "
        "order by (o.x::int - s.x) ** 2 + (o.y::int - s.y) ** 2, o.sid limit 4"
    )
    page.goto(f"{visit.url}/#/system/5")
    neighbours = page.get_by_role("list", name="Nearest systems").get_by_role("button")
    expect(neighbours).to_have_count(4, timeout=60_000)  # asked for at every sixth turn
    names = [name.split()[:2] for name in neighbours.all_inner_texts()]
    assert names == [["System", str(row["sid"])] for row in nearest]
    expect(choice).to_be_hidden()
    neighbours.first.click()
    expect(page).to_have_url(re.compile(rf"#/system/{nearest[0]['sid']}$"))
