"""Who calls whom in traces, how often, how long, and how often it failed: X-Ray's service map as a tree. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from rich.tree import Tree

from lambdas.shared.printable import printable
from sensorctl.traces import Document


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
            "calls_to": [each.to_json() for each in self.below.values()],
        }


def service_map(traces: Iterable[Iterable[Document]]) -> list[Service]:
    """Return the services where traces begin, each with those that it calls; segments of one name and way are one."""
    top: dict[tuple[str, str | None], Service] = {}
    for documents in traces:
        segments = sorted(documents, key=lambda document: float(document["start_time"]))
        homes = {node["id"]: (segment["id"], node) for segment in segments for node in _walk(segment)}
        placed: dict[str, Service] = {}
        waiting = segments
        while waiting:
            # A segment is placed once its caller is; one whose caller is not here begins a tree of its own.
            ready = [one for one in waiting if _caller(one, homes) in (None, *placed)] or waiting[:1]
            for segment in ready:
                placed[segment["id"]] = _count(segment, homes, placed, top)
            waiting = [one for one in waiting if one["id"] not in placed]
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


def _caller(segment: Document, homes: dict[str, tuple[str, Document]]) -> str | None:
    home = homes.get(segment.get("parent_id", ""))
    return home[0] if home is not None else None


def _walk(document: Document) -> Iterator[Document]:
    yield document
    for child in document.get("subsegments", ()):
        yield from _walk(child)


def _grow(shown: Tree, service: Service) -> None:
    line = Text(printable(service.name), style="bold")
    if service.through is not None:
        line.append(f" (through {printable(service.through)})", style="not bold dim")
    line.append(
        f"  {service.calls} calls, {1000 * service.seconds / service.calls:.0f} ms on average", style="not bold"
    )
    if service.failed:
        line.append(f", {service.failed} failed", style="not bold red")
    branch = shown.add(line)
    for each in service.below.values():
        _grow(branch, each)
