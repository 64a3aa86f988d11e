from typing import Any

from sensorctl.embedded.trace_join import join
from sensorctl.traces.documents import spans

UPLOAD, INGEST, ALERT = "1-00000001-" + "a" * 24, "1-00000002-" + "b" * 24, "1-00000003-" + "c" * 24
OBJECT = {"object_key": "incoming/a.json", "version_id": "v1"}


def part(name: str, *, trace: str, parent: str, ident: str, at: float, **more: Any) -> dict[str, Any]:
    return {
        "type": "subsegment",
        "name": name,
        "trace_id": trace,
        "parent_id": parent,
        "id": ident,
        "start_time": at,
        "end_time": at + 1,
        **more,
    }


def documents() -> list[dict[str, Any]]:
    return [
        part("emit", trace=INGEST, parent="i1", ident="e1", at=2.5),
        part("alert", trace=ALERT, parent="f2", ident="a1", at=4, annotations={"origin_trace_id": INGEST}),
        {"name": "upload", "trace_id": UPLOAD, "id": "u1", "start_time": 1, "end_time": 2, "annotations": OBJECT},
        part("ingest", trace=INGEST, parent="f1", ident="i1", at=2, annotations=OBJECT),
    ]


def test_upload_ingest_and_alert_become_one_trace_under_the_id_that_events_name() -> None:
    assert {segment["trace_id"] for segment in join(documents())} == {INGEST}


def test_the_joined_trace_reads_from_upload_to_alert() -> None:
    lines = [(span.depth, span.name) for span in spans(join(documents()))]
    assert lines == [
        (0, "upload"),
        (1, "lambdas/ingest"),
        (2, "ingest"),
        (3, "emit"),
        (4, "lambdas/alert"),
        (5, "alert"),
    ]


def test_the_function_segment_spans_its_subsegments_and_carries_the_id_they_name_as_parent() -> None:
    (segment,) = join(
        [
            part("ingest", trace=INGEST, parent="f1", ident="i1", at=2, annotations=OBJECT),
            part("ingest", trace=INGEST, parent="f1", ident="i2", at=7, annotations={"object_key": "incoming/b"}),
        ]
    )
    assert (segment["id"], segment["start_time"], segment["end_time"]) == ("f1", 2, 8)
    assert "parent_id" not in segment


def test_a_fault_in_any_phase_marks_the_function_segment() -> None:
    (segment,) = join([part("ingest", trace=INGEST, parent="f1", ident="i1", at=2, fault=True)])
    assert segment["fault"] is True


def test_a_second_delivery_of_an_object_keeps_its_own_trace() -> None:
    again = part("ingest", trace=ALERT, parent="f9", ident="i9", at=9, annotations=OBJECT)
    traces = {segment["id"]: segment["trace_id"] for segment in join([*documents(), again])}
    assert traces["f9"] == ALERT
    assert traces["u1"] == INGEST


def test_what_belongs_to_nothing_stays_as_it_is() -> None:
    lonely = {"name": "upload", "trace_id": UPLOAD, "id": "u1", "start_time": 1, "end_time": 2, "annotations": OBJECT}
    assert join([lonely]) == [lonely]


def test_a_phase_of_an_invocation_that_still_runs_waits_for_it() -> None:
    assert join([part("fetch", trace=INGEST, parent="i1", ident="x1", at=2)]) == []
