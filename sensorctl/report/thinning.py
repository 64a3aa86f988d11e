"""Reduces points to few that draw the same picture: extremes and breaches stay."""

from __future__ import annotations

from collections.abc import Sequence

from sensorctl.report.model import Point

# A chart is some 700 pixels wide: more columns than pixels draw nothing more.
_PER_COLUMN = 2
_FEWEST = 40


def thin(points: Sequence[Point], *, most: int) -> tuple[Point, ...]:
    """Return at most about `most` of the points, in their order.

    Half of them are for breaches, which all stay if they fit; else, as for the points within bounds, the lowest and
    the highest of each stretch of time stay. The first and the last point always do.
    """
    most = max(most, _FEWEST)
    if len(points) <= most:
        return tuple(points)
    places = list(range(len(points)))
    breaching = [place for place in places if points[place].severity is not None]
    quiet = [place for place in places if points[place].severity is None]
    kept = {0, len(points) - 1}
    if len(breaching) > most // 2:
        critical = [place for place in breaching if points[place].severity == "critical"]
        warning = [place for place in breaching if points[place].severity == "warning"]
        kept |= _extremes(critical, points=points, most=most // 4)
        kept |= _extremes(warning, points=points, most=most // 4)
    else:
        kept |= set(breaching)
    kept |= _extremes(quiet, points=points, most=most - min(len(kept), most // 2))
    return tuple(points[place] for place in sorted(kept))


def _extremes(places: list[int], *, points: Sequence[Point], most: int) -> set[int]:
    """Return the places of the lowest and the highest point in each of `most / 2` stretches of equal duration."""
    if len(places) <= most:
        return set(places)
    columns = max(most // _PER_COLUMN, 1)
    begin, end = points[places[0]].at, points[places[-1]].at
    width = (end - begin) / columns
    stretches: dict[int, list[int]] = {}
    for place in places:
        number = min(int((points[place].at - begin) / width), columns - 1) if width else 0
        stretches.setdefault(number, []).append(place)

    def value(place: int) -> float:
        return points[place].value

    return {chosen(stretch, key=value) for stretch in stretches.values() for chosen in (min, max)}
