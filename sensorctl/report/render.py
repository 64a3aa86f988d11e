"""Renders a report as one HTML file that needs no network. Pure but for reading the files beside it.

What comes from devices (ids, records, the words of e-mails) is hostile until escaped. Jinja escapes all of it, the data
of the charts is in a JSON element that cannot be closed from within, and a Content-Security-Policy lets only the
scripts run that it lists by their hash, so that even a mistake in escaping would run nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from lambdas.alert.mail.formatting import duration_text
from lambdas.shared.printable import printable
from sensorctl.report.model import Chart, Device, Mail, Report, Totals
from sensorctl.report.verdict import folded, verdict
from sensorctl.traces.documents import Span

_HERE = Path(__file__).parent
# So many devices are open when the page is; charts of the others are drawn when they are opened.
_OPEN = 8
_SIGNIFICANT = 6
# How people write what SenML (RFC 8428, "SenML Units Registry") abbreviates.
_UNITS = {"Cel": "°C", "%RH": "% RH", "%EL": "%", "m/s2": "m/s²", "m2": "m²", "m3": "m³", "Ohm": "Ω"}
_LEVELS = {None: 0, "warning": 1, "critical": 2}


def render(report: Report) -> str:
    """Return the page."""
    style = (_HERE / "style.css").read_text()
    scripts = [get_plotlyjs(), (_HERE / "report.js").read_text()]
    alerted = {alert.device_id for alert in report.alerts}
    charts = chart_data(report)
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            style=Markup(style),  # noqa: S704 a file of this package
            scripts=[Markup(script) for script in scripts],  # noqa: S704 files of packages
            policy=policy(scripts),
            verdict=verdict(report),
            groups=folded(report.alerts),
            is_drawable=lambda number: len(charts[number]["x"]) > 1,
            charts=htmlsafe_json_dumps(charts, separators=(",", ":"), allow_nan=False),
            device_number={device.device_id: number for number, device in enumerate(report.devices)},
            chart_number=_chart_numbers(report),
            alert_number={alert.alert_id: number for number, alert in enumerate(report.alerts) if alert.alert_id},
            opened={
                device.device_id
                for device in report.devices[:_OPEN]
                if device.device_id in alerted and device.readings > 1
            },
            totals=totals(report.totals),
            reasons=Counter(reject.reason for reject in report.rejects).most_common(),
        )
    )


def policy(scripts: list[str]) -> str:
    """Return the Content-Security-Policy: these scripts, inline styles (Plotly sets some), and nothing else at all."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def totals(found: Totals) -> list[dict[str, Any]]:
    """Return the figures on top: label, count, and in a few words how bad it is; troubles only where there are any."""
    figures = (
        ("device", "devices", found.devices, "", "", True),
        ("reading", "readings", found.readings, "", "", True),
        ("value past a limit", "values past a limit", found.breaches, "", "warning", True),
        ("alert", "alerts", found.alerts, f"{found.running or 'none'} open", "critical" if found.running else "", True),
        ("e-mail", "e-mails", found.mails, "", "", True),
        ("record rejected", "records rejected", found.rejected, "", "warning", False),
        ("single value rejected", "single values rejected", found.bad_values, "", "warning", False),
        ("failed trace", "failed traces", found.faults, "", "critical", False),
        ("event in failure queues", "events in failure queues", found.waiting, "", "critical", False),
    )
    return [
        {"label": one if count == 1 else several, "count": count, "note": note, "level": level if count else ""}
        for one, several, count, note, level, always in figures
        if count or always
    ]


def chart_data(report: Report) -> list[dict[str, Any]]:
    """Return what the script draws, a chart after the other in the order of the page; no text but levels and bounds.

    `t0` is in milliseconds since 1970 and `x` in milliseconds after it; `s` is 0, 1 (warning) or 2 (critical).
    """
    return [_chart_data(report, device, chart) for device in report.devices for chart in device.charts]


def _chart_data(report: Report, device: Device, chart: Chart) -> dict[str, Any]:
    first = chart.points[0].at
    spans = [
        [_milliseconds(alert.since), _milliseconds(alert.until) if alert.until else None, alert.severity or "warning"]
        for alert in report.alerts
        if (alert.device_id, alert.metric) == (device.device_id, chart.metric) and alert.since is not None
    ]
    return {
        "t0": _milliseconds(first),
        "x": [_milliseconds(point.at) - _milliseconds(first) for point in chart.points],
        "y": [float(f"{point.value:.{_SIGNIFICANT}g}") for point in chart.points],
        "s": [_LEVELS[point.severity] for point in chart.points],
        "limits": [[limit.level, limit.bound, limit.value] for limit in chart.limits],
        "spans": spans,
        "gaps": [[_milliseconds(begin), _milliseconds(end)] for begin, end in device.gaps],
        "range": [chart.lowest, chart.highest],
    }


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _chart_numbers(report: Report) -> dict[tuple[str, str], int]:
    keys = [(device.device_id, chart.metric) for device in report.devices for chart in device.charts]
    return {key: number for number, key in enumerate(keys)}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": printable,
        "lines": _lines,
        "time": _time,
        "number": _number,
        "seconds": _seconds,
        "lasted": _lasted,
        "bar": _bar,
        "unit": lambda unit: _UNITS.get(unit, unit),
        "severity": _mail_severity,
        "words": lambda device: " ".join((device.device_id, *device.tags, *device.tags.values())),
    }
    return environment


def _lines(text: str) -> str:
    """Return a text of several lines without what could reorder them."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _time(at: datetime) -> Markup:
    """Return an element that says UTC; the script makes it the reader's own time with its offset."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"), utc.strftime("%Y-%m-%d %H:%M:%S UTC")
    )


def _mail_severity(mail: Mail) -> str:
    """Return the colour of an e-mail in the inbox, by the label of its subject."""
    return next((level for level in ("critical", "warning") if f"[{level.upper()}]" in mail.subject), "none")


def _number(value: float) -> str:
    return f"{value:,.{_SIGNIFICANT}g}" if abs(value) < 10**_SIGNIFICANT else f"{value:.4g}"


def _seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds * 1000:,.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else duration_text(timedelta(seconds=seconds))


def _lasted(begin: datetime, end: datetime) -> str:
    return duration_text(end - begin)


def _bar(span: Span, total: float) -> Markup:
    """Return the place of a span in its waterfall, in percent of the trace."""
    whole = total or 1.0
    left = min(max(span.start / whole, 0.0), 0.995) * 100
    width = min(max(span.duration / whole, 0.005) * 100, 100 - left)
    return escape(f"left:{left:.2f}%;width:{width:.2f}%")
