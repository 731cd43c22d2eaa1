"""The console: it asks what is typed, shows all of the answer, and marks what is wrong."""

from __future__ import annotations

import re

import pyarrow as pa
from playwright.sync_api import Locator, Page, expect

from .server import Server
from .visit import Visit

REFUSED = "the server responded with a status of 4"
ROWS = 100_000


def sql(page: Page) -> Locator:
    """The field in which statements are written."""
    return page.get_by_role("textbox", name="SQL", exact=True)


def cells(page: Page) -> Locator:
    """The cells of the result that are in the document, by rows."""
    return page.locator(".grid-row:not([hidden]) [role=gridcell]")


def test_a_query_is_answered_with_a_table_and_its_turn_and_can_be_shared(visit: Visit) -> None:
    page = visit.open()
    page.keyboard.press("c")
    sql(page).fill("""select kind, count(*) as entities, null as nothing, 18446744073709551615::ubigint as n
from entity where kind < ? group by kind order by kind""")
    page.get_by_label("? 1").fill("3")
    sql(page).press("Control+Enter")
    heads = page.locator(".grid").get_by_role("columnheader")
    expect(heads).to_have_text(["#", "kind", "entities", "nothing", "n"])
    expect(cells(page)).to_have_count(8)
    expect(cells(page).nth(2)).to_have_text("null")
    expect(cells(page).nth(3)).to_have_text("18446744073709551615")
    expect(page.locator("#sheet-console")).to_contain_text(re.compile(r"2 rows · \d+ B · .+ · turn [\d,]+"))
    heads.filter(has_text="kind").get_by_role("button").click()
    expect(cells(page).first).to_have_text("2")
    page.wait_for_url(re.compile(r"sheet=console&sql=select%20kind.*&args=%5B3%5D"))
    page.get_by_role("button", name="History", exact=True).click()
    expect(page.get_by_label("History", exact=True)).to_contain_text("18446744073709551615::ubigint")
    page.reload()
    visit.await_live()
    expect(sql(page)).to_contain_text("select kind, count(*)")
    expect(page.get_by_label("? 1")).to_have_value("3")
    visit.await_turns(1)
    expect(page.locator(".grid")).to_have_count(0)


def test_an_error_is_marked_at_its_place(visit: Visit) -> None:
    visit.excused.append(REFUSED)
    page = visit.open("#/?sheet=console")
    sql(page).fill("select eid,\n  energyy from entity")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="energyy")).to_be_visible()
    expect(page.locator(".cm-lintRange-error")).to_have_text("energyy")
    sql(page).fill("select eid from entity")
    sql(page).press("Control+Enter")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    expect(page.locator(".verdict.refused")).to_be_hidden()
    sql(page).press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#sheet-console")).to_be_hidden()


def test_names_are_completed_from_the_schema_and_the_functions(visit: Visit) -> None:
    page = visit.open("#/?sheet=console")
    visit.await_turns(1)
    sql(page).fill("")
    sql(page).focus()
    page.keyboard.type("select dec")
    expect(page.locator(".cm-tooltip-autocomplete li", has_text="decode_plan")).to_be_visible()
    page.keyboard.type("ode_p")
    page.keyboard.press("Enter")
    page.keyboard.type("last_")
    expect(page.locator(".cm-tooltip-autocomplete li", has_text="last_plan")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    expect(page.locator("#sheet-console")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("select e.harv from entity e")
    for _ in range(len(" from entity e")):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-tooltip-autocomplete li", has_text="harvesters")).to_be_visible()


def test_a_live_query_follows_the_turns(visit: Visit) -> None:
    page = visit.open("#/?sheet=console")
    sql(page).fill("select max(tid) as turn from turns;")
    page.locator("#sheet-console").get_by_role("button", name="Live", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
    first = int(cells(page).first.inner_text())
    expect(cells(page).first).not_to_have_text(str(first))
    page.locator("#sheet-console").get_by_role("button", name="Live", exact=True).click()
    stopped = cells(page).first.inner_text()
    visit.await_turns(2)
    expect(cells(page).first).to_have_text(stopped)


def test_a_hundred_thousand_rows_scroll_and_are_saved_as_files(visit: Visit) -> None:
    visit.excused.append(REFUSED)  # the turn of the table may be gone when the file is asked for
    page = visit.open("#/?sheet=console")
    sql(page).fill("select i as number, 'row ' || i as name from range(?) r(i)")
    page.get_by_label("? 1").fill(str(ROWS))
    page.get_by_label("? 1").press("Enter")
    grid = page.locator(".grid")
    expect(grid).to_have_attribute("aria-rowcount", str(ROWS + 1))
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.get_by_role("gridcell", name=f"row {ROWS - 1}")).to_be_visible()
    assert page.locator(".grid-row").count() < 100
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Control+c")
    expect(page.get_by_text("Copied 4 cells.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{ROWS - 2}\trow {ROWS - 2}\n{ROWS - 1}\trow {ROWS - 1}"
    with page.expect_download(timeout=60_000) as csv:
        page.get_by_role("button", name="CSV", exact=True).click()
    assert re.fullmatch(r"wasmverse-turn-\d+\.csv", csv.value.suggested_filename)
    lines = csv.value.path().read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (
        ROWS + 1,
        '"number","name"',
        f'{ROWS - 1},"row {ROWS - 1}"',
    )
    with page.expect_download(timeout=60_000) as arrow:
        page.get_by_role("button", name="Arrow", exact=True).click()
    table = pa.ipc.open_stream(arrow.value.path().read_bytes()).read_all()
    assert (table.num_rows, table.column_names) == (ROWS, ["number", "name"])


def test_a_result_is_drawn_in_one_click(visit: Visit) -> None:
    page = visit.open("#/?sheet=console")
    visit.await_turns(2)
    page.get_by_role("button", name="Energy over the last turns").click()
    expect(page.locator(".grid")).to_be_visible()
    page.get_by_role("button", name="Chart", exact=True).click()
    chart = page.get_by_role("img", name=re.compile("Chart with lines: .*strategy_default.* by tid"))
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart.locator(".u-legend")).to_contain_text("strategy_default")


def test_cells_of_ships_and_systems_lead_there(visit: Visit, server: Server) -> None:
    ship = server.query("select eid, sid from entity where kind = 1 order by eid limit 1")[0]
    page = visit.open("#/?sheet=console")
    sql(page).fill("select min(eid) as eid from entity where kind = 1 and sid = ?")
    page.get_by_label("? 1").fill(str(ship["sid"]))
    sql(page).press("Control+Enter")
    found = int(cells(page).first.inner_text())
    page.get_by_title(f"Fly to entity {found}").locator(".lead").click()
    page.wait_for_url(re.compile(rf"#/system/{ship['sid']}/entity/{found}\b"))
    expect(page.locator("#entity h3")).to_have_text(str(found))
