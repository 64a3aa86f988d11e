from typing import Any

from rich.console import Console

from sensorctl.traces.documents import spans, waterfall


def segment(ident: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"id": ident, "name": ident, "start_time": start, "end_time": end, **more}


DOCUMENTS = [
    segment("late", 103, 104, parent_id="child"),
    segment("root", 100, 101, subsegments=[segment("child", 100.5, 100.9, fault=True)]),
]


def test_a_trace_is_read_as_a_tree_across_documents() -> None:
    assert [(span.depth, span.name, round(span.start, 3), round(span.duration, 3)) for span in spans(DOCUMENTS)] == [
        (0, "root", 0, 1),
        (1, "child", 0.5, 0.4),
        (2, "late", 3, 1),
    ]


def test_a_segment_whose_parent_was_not_sampled_is_a_root() -> None:
    assert [span.depth for span in spans([segment("orphan", 1, 2, parent_id="unknown")])] == [0]


def test_segments_that_are_each_others_parents_are_shown_once() -> None:
    ring = [segment("a", 1, 2, parent_id="b"), segment("b", 2, 3, parent_id="a"), segment("c", 0, 1, parent_id="c")]
    assert [(span.depth, span.name) for span in spans(ring)] == [(0, "c"), (0, "a"), (1, "b")]


def test_a_chain_of_segments_may_be_of_any_length() -> None:
    chain = [segment(str(place), place, place + 1, parent_id=str(place - 1)) for place in range(3000)]
    assert [span.depth for span in spans(chain)] == list(range(3000))


def test_no_documents_are_no_trace() -> None:
    assert spans([]) == []


def test_the_waterfall_shows_each_segment_with_its_milliseconds() -> None:
    console = Console(width=100, record=True, force_terminal=False, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(waterfall(spans(DOCUMENTS), title="t"))
    lines = console.export_text().splitlines()
    assert any(line.strip().startswith("root") and " 1000 " in line for line in lines)
    assert any(line.strip().startswith("late") and line.rstrip().endswith("━") for line in lines)
