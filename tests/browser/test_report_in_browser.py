"""What a reader of the report sees and can do, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from sensorctl.report.model import Device
from sensorctl.report.render import render
from tests.browser.report_page import Open
from tests.browser.report_sample import ALERT, HOSTILE, READINGS, WORST, boiler, report

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def chart(page: Page, device: str, metric: str) -> Locator:
    """The chart, scrolled to and drawn."""
    found = page.locator(f'[data-chart][aria-label^="{metric} of {device}:"]')
    found.scroll_into_view_if_needed()
    expect(found).to_have_attribute("data-drawn", "")
    return found


def drawn(found: Locator) -> dict[str, Any]:
    """What Plotly holds of a chart: its traces by name, its shapes and its axis."""
    held: dict[str, Any] = found.evaluate(
        """chart => ({
            traces: Object.fromEntries(chart.data.map(({name, x, y}) => [name, x.map((at, place) => [at, y[place]])])),
            shapes: chart.layout.shapes.map(({type, name, x0, x1, y0}) => ({type, name, x0, x1, y0})),
            labels: chart.layout.annotations.map(({text}) => text),
        })"""
    )
    return held


def the_alert(page: Page) -> Locator:
    return page.locator("details.alert", has_text=ALERT)


def open_all(page: Page) -> None:
    page.evaluate("() => document.querySelectorAll('details').forEach(details => { details.open = true })")


def test_it_opens_without_an_error_and_asks_for_nothing_but_itself(open_report: Open, file: Path) -> None:
    opened = open_report()
    open_all(opened.page)
    chart(opened.page, "boiler-7", "temperature")
    chart(opened.page, "press-06", "temperature")
    assert opened.complaints == []
    assert opened.requests == [file.as_uri()]


def test_a_chart_holds_every_point_and_marks_those_past_a_limit(open_report: Open) -> None:
    held = drawn(chart(open_report().page, "boiler-7", "temperature"))
    values = [boiler(step) for step in range(READINGS)]
    assert [value for _, value in held["traces"]["value"]] == values
    assert held["traces"]["value"][0][0] == "2026-11-22 12:00:00"
    assert held["traces"]["value"][-1][0] == "2026-11-22 12:09:55"
    assert [value for _, value in held["traces"]["warning"]] == [value for value in values if 70 < value <= 85]
    assert [value for _, value in held["traces"]["critical"]] == [value for value in values if value > 85]


def test_a_chart_shows_its_limits_and_the_span_of_its_alert(open_report: Open) -> None:
    held = drawn(chart(open_report().page, "boiler-7", "temperature"))
    lines = {(shape["name"], shape["y0"]) for shape in held["shapes"] if shape["type"] == "line"}
    assert lines == {("critical", 85), ("warning", 70), ("clear", 65)}
    assert held["labels"] == ["critical &gt; 85", "warning &gt; 70", "clear &lt; 65"]
    spans = [(shape["x0"], shape["x1"]) for shape in held["shapes"] if shape["type"] == "rect"]
    assert spans == [("2026-11-22 12:03:00", "2026-11-22 12:08:00")]


def test_an_alert_that_goes_on_is_shaded_to_the_last_reading(open_report: Open) -> None:
    held = drawn(chart(open_report().page, "pump-3", "temperature"))
    spans = [(shape["x0"], shape["x1"]) for shape in held["shapes"] if shape["type"] == "rect"]
    assert spans == [("2026-11-22 12:00:05", "2026-11-22 12:09:55")]


def test_a_click_on_an_alert_shows_its_trace_in_place(open_report: Open) -> None:
    alert = the_alert(open_report().page)
    expect(alert.locator(".waterfall").first).to_be_hidden()
    alert.locator("summary").click()
    expect(alert.locator(".trace")).to_contain_text(WORST)
    expect(alert.locator(".waterfall").first.locator("li")).to_have_count(11)
    expect(alert.locator(".waterfall").first).to_be_visible()


def test_the_keyboard_does_the_same(open_report: Open) -> None:
    page = open_report().page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the alerts")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Alerts")).to_be_focused()
    page.evaluate("new Promise((done) => setTimeout(done))")  # the page answers to the link's hash first
    for _ in range(3):
        page.keyboard.press("Tab")
    alert = the_alert(page)
    expect(alert.locator("summary")).to_be_focused()
    assert alert.locator("summary").evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(alert.locator(".waterfall").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(alert.locator(".waterfall").first).to_be_hidden()


def test_links_lead_from_a_mail_to_its_alert_and_on_to_its_chart(open_report: Open) -> None:
    page = open_report().page
    mail = page.locator("details.mail").first
    mail.locator("summary").click()
    mail.get_by_role("link", name="its alert").click()
    expect(the_alert(page).locator("summary")).to_be_focused()
    the_alert(page).get_by_role("link", name="its chart").click()
    expect(chart(page, "boiler-7", "temperature")).to_be_in_viewport()


def test_a_phone_begins_with_the_alerts_and_need_not_scroll_sideways(open_report: Open) -> None:
    page = open_report(**PHONE).page
    open_all(page)
    expect(page.locator(".device").first).to_be_hidden()
    page.get_by_role("button", name="Devices").click()
    chart(page, "boiler-7", "temperature")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_dark_scheme_changes_page_and_charts(open_report: Open) -> None:
    page = open_report(color_scheme="light").page
    seen = chart(page, "boiler-7", "temperature")
    background = "getComputedStyle(document.body).backgroundColor"
    line = "plot => plot.data[0].line.color"
    light = page.evaluate(background), seen.evaluate(line)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(background), seen.evaluate(line)
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_times_are_the_readers_own_with_day_and_offset_given_once(open_report: Open) -> None:
    page = open_report(timezone_id="Asia/Kolkata").page
    expect(the_alert(page).locator("time").first).to_have_text("17:33:00")
    expect(page.locator("header time").first).to_have_text("2026-11-22 17:41:00 UTC+05:30")
    expect(the_alert(page).locator("time").first).to_have_attribute("title", "2026-11-22 12:03:00 UTC")
    assert drawn(chart(page, "boiler-7", "temperature"))["traces"]["value"][0][0] == "2026-11-22 17:30:00"


def test_what_devices_write_is_text_and_nothing_else(open_report: Open) -> None:
    opened = open_report()
    open_all(opened.page)
    expect(opened.page.locator(".device summary b", has_text=HOSTILE)).to_have_text(HOSTILE)
    expect(opened.page.locator("td code", has_text=HOSTILE)).to_be_visible()
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.locator("img").count() == 0


def test_a_script_that_slipped_in_would_not_run(open_report: Open, file: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    slip = "<script>window.hacked = 1</script><img src='https://example.com/x.png'></main>"
    spoilt.write_text(file.read_text(encoding="utf-8").replace("</main>", slip), encoding="utf-8")
    opened = open_report(spoilt)
    assert opened.page.evaluate("window.hacked") is None
    assert sum("Content Security Policy" in complaint for complaint in opened.complaints) == 2
    chart(opened.page, "boiler-7", "temperature")


def test_the_verdict_is_first_and_leads_to_the_worst_open_alert(open_report: Open) -> None:
    page = open_report().page
    expect(page.locator("main .verdict")).to_have_text("1 alert open; 1 device silent; 1 event could not be handled.")
    link = page.locator(".next").get_by_role("link", name="pump-3 temperature")
    link.click()
    expect(page.locator("details.alert", has_text="pump-3").first).to_have_attribute("open", "")


def test_equal_alerts_of_many_devices_are_one_row_until_it_is_opened(open_report: Open, tmp_path: Path) -> None:
    storm = tmp_path / "storm.html"
    (alert,) = [alert for alert in report().alerts if alert.device_id == "boiler-7"]
    cells = tuple(replace(alert, device_id=f"cell-{number}", alert_id=f"{number:012}") for number in range(16))
    storm.write_text(render(replace(report(), alerts=cells)), encoding="utf-8")
    page = open_report(storm).page
    group = page.locator("details.group")
    expect(group.locator("> summary")).to_contain_text("16 devices")
    expect(page.locator("details.alert:visible")).to_have_count(1)
    group.locator("> summary").click()
    expect(page.locator("details.alert:visible")).to_have_count(17)


def test_a_silence_breaks_the_line_and_is_shaded(open_report: Open, tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    (boiler_7,) = [device for device in report().devices if device.device_id == "boiler-7"]
    points = boiler_7.charts[0].points
    begin, end = points[20].at, points[60].at
    charts = tuple(replace(chart, points=(*chart.points[:21], *chart.points[60:])) for chart in boiler_7.charts)
    silent = replace(boiler_7, charts=charts, gaps=((begin, end),))
    broken.write_text(render(replace(report(), devices=(silent,))), encoding="utf-8")
    seen = chart(open_report(broken).page, "boiler-7", "temperature")
    assert seen.evaluate("holder => holder.data[0].y.filter((value) => value === null).length") == 1
    assert seen.evaluate("holder => holder.layout.shapes.filter((shape) => shape.name === 'gap').length") == 1


def test_on_paper_everything_is_open_and_every_chart_is_drawn(open_report: Open) -> None:
    page = open_report().page
    page.pdf()
    assert page.locator("[data-chart]:not([data-drawn])").count() == 0
    expect(page.locator("details[open]")).not_to_have_count(page.locator("details").count())


def test_the_filter_leaves_the_devices_that_match(open_report: Open) -> None:
    page = open_report().page
    page.get_by_label("Show devices with").fill("PRESS-0")
    expect(page.locator(".device:visible")).to_have_count(6)
    expect(page.get_by_role("status")).to_have_text("6 of 11")


def test_of_many_charts_only_those_near_the_screen_are_drawn(open_report: Open, tmp_path: Path) -> None:
    many = tmp_path / "many.html"
    (device,) = [device for device in report().devices if device.device_id == "pump-3"]
    devices: list[Device] = [replace(device, device_id=f"pump-{number:03}") for number in range(200)]
    many.write_text(render(replace(report(), devices=tuple(devices))), encoding="utf-8")
    page = open_report(many).page
    open_all(page)
    chart(page, "pump-000", "temperature")
    assert 2 <= page.locator("[data-drawn]").count() < 40
    chart(page, "pump-199", "vibration")
    expect(page.locator('[aria-label^="temperature of pump-000:"]')).not_to_have_attribute("data-drawn", "")
    assert page.locator(".js-plotly-plot .main-svg").count() < 120
