"""Who calls whom in traces, how often, how long, and how often it failed: X-Ray's service map as a tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from rich.tree import Tree

from lambdas.alert.mail.formatting import counted
from lambdas.shared.printable import printable
from sensorctl.traces.documents import Document, by_start, walk


@dataclass(kw_only=True)
class Service:
    """One service as its callers see it; `seconds` is the sum over its segments, `through` the phase that calls it."""

    name: str
    through: str | None = None
    calls: int = 0
    failed: int = 0
    seconds: float = 0.0
    below: dict[tuple[str, str | None], Service] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it, and what it calls, for a program."""
        return {
            "name": self.name,
            "through": self.through,
            "calls": self.calls,
            "failed": self.failed,
            "mean_ms": round(1000 * self.seconds / self.calls, 3) if self.calls else None,
            "calls_to": [service.to_json() for service in self.below.values()],
        }


def service_map(traces: Iterable[Iterable[Document]]) -> list[Service]:
    """Return the services where traces begin, each with those that it calls; segments of one name and way are one."""
    top: dict[tuple[str, str | None], Service] = {}
    for documents in traces:
        segments = by_start(documents)
        homes = {node["id"]: (segment["id"], node) for segment in segments for node in walk(segment)}
        placed: dict[str, Service] = {}
        waiting = segments
        while waiting:
            # A segment is placed once its caller is; one without its caller begins a tree of its own.
            callers = [homes.get(segment.get("parent_id", ""), (None,))[0] for segment in waiting]
            ready = [s for s, by in zip(waiting, callers, strict=True) if by is None or by in placed] or waiting[:1]
            for segment in ready:
                placed[segment["id"]] = _count(segment, homes, placed, top)
            waiting = [segment for segment in waiting if segment["id"] not in placed]
    return list(top.values())


def tree(services: Iterable[Service], *, title: str) -> Tree:
    """Return the map as a tree."""
    shown = Tree(Text(title), hide_root=False)
    for service in services:
        _grow(shown, service)
    return shown


def _count(
    segment: Document,
    homes: dict[str, tuple[str, Document]],
    placed: dict[str, Service],
    top: dict[tuple[str, str | None], Service],
) -> Service:
    home = homes.get(segment.get("parent_id", ""))
    caller = placed.get(home[0]) if home is not None else None
    through = home[1]["name"] if home is not None and home[0] != home[1]["id"] else None
    siblings = caller.below if caller is not None else top
    service = siblings.setdefault((segment["name"], through), Service(name=segment["name"], through=through))
    start = float(segment["start_time"])
    service.calls += 1
    service.failed += bool(segment.get("fault") or segment.get("error"))
    service.seconds += float(segment.get("end_time") or start) - start
    return service


def _grow(shown: Tree, service: Service) -> None:
    line = Text(printable(service.name), style="bold")
    if service.through is not None:
        line.append(f" (through {printable(service.through)})", style="not bold dim")
    line.append(
        f"  {counted(service.calls, 'call')}, {1000 * service.seconds / service.calls:.0f} ms on average",
        style="not bold",
    )
    if service.failed:
        line.append(f", {service.failed} failed", style="not bold red")
    branch = shown.add(line)
    for called in service.below.values():
        _grow(branch, called)
