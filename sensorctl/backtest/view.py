"""A trial as people read it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lambdas.alert.mail.formatting import amount, counted
from sensorctl import terminal
from sensorctl.backtest.comparison import MailedAlert, by_time
from sensorctl.backtest.trial import Trial

# Lines of each list; --json has them all.
_MOST = 20


def show(trial: Trial, *, console: Console) -> None:
    """Print how many e-mails each document would have sent, by device and by kind, and the alerts that differ."""
    comparison = trial.comparison
    of = f"{counted(trial.readings, 'reading')} of {counted(trial.devices, 'device')}"
    span = f"{trial.first_at:%Y-%m-%d %H:%M} to {trial.last_at:%Y-%m-%d %H:%M} UTC"
    read = f"; {counted(math.ceil(trial.read_units), 'read unit')}" if trial.read_units else ""
    console.print(f"{of}, {span}{read}.", highlight=False)
    if not comparison.devices:
        console.print("Neither the present thresholds nor the new ones would have sent an e-mail.", highlight=False)
        return
    numbers = ("now", "new")
    changed = comparison.most_changed
    rows = [(device_id, f"{now:,}", f"{new:,}") for device_id, now, new in changed[:_MOST]]
    console.print()
    console.print(terminal.table(("device", *numbers), rows, right=numbers))
    _say_rest(len(changed), "devices", console=console)
    kinds = [*comparison.kinds, ("all e-mails", comparison.now.total(), comparison.new.total())]
    console.print()
    console.print(
        terminal.table(("kind", *numbers), ((kind, f"{now:,}", f"{new:,}") for kind, now, new in kinds), right=numbers)
    )
    _alerts("The new thresholds would add", by_time(comparison.added), console=console)
    _alerts("No longer there", by_time(comparison.gone), console=console)
    console.print(
        "\nBefore the first reading no alert is open. E-mails are counted one by one, without budget and digests.",
        highlight=False,
    )


def _alerts(what: str, alerts: Sequence[MailedAlert], *, console: Console) -> None:
    console.print(f"\n{what}: {counted(len(alerts), 'alert')}.", highlight=False)
    if not alerts:
        return

    def row(alert: MailedAlert) -> list[str | Text]:
        lasted = terminal.brief(alert.ended_at - alert.opened_at) if alert.ended_at is not None else "goes on"
        worst = alert.worst
        return [
            alert.device_id,
            alert.metric or "silent",
            Text(alert.severity or "-", style=terminal.SEVERITY_STYLES.get(alert.severity or "", "")),
            f"{alert.opened_at:%Y-%m-%d %H:%M}",
            lasted,
            f"{amount(worst.value, worst.unit)} {worst.bound} {worst.limit:.10g}" if worst is not None else "-",
        ]

    columns = ("device", "metric", "severity", "mailed (UTC)", "lasted", "worst")
    console.print(terminal.table(columns, map(row, alerts[:_MOST]), whole=columns[2:5]))
    _say_rest(len(alerts), "alerts", console=console)


def _say_rest(count: int, what: str, *, console: Console) -> None:
    if count > _MOST:
        console.print(f"and {count - _MOST:,} more {what}: --json lists all", highlight=False)
