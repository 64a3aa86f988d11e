from pathlib import Path

from constructs_lib.slimming import SERVICES, slim


def test_only_the_services_that_the_functions_call_are_left(tmp_path: Path) -> None:
    data = tmp_path / "botocore" / "data"
    for service in (*SERVICES, "ec2", "lambda"):
        (data / service / "2020-01-01").mkdir(parents=True)
        (data / service / "2020-01-01" / "service-2.json.gz").write_bytes(b"model")
        (data / service / "2020-01-01" / "examples-1.json").write_bytes(b"text")
    (data / "endpoints.json").write_text("{}")
    (tmp_path / "boto3" / "data" / "s3").mkdir(parents=True)
    (tmp_path / "boto3" / "session.py").write_text("")
    slim(tmp_path)
    assert sorted(path.name for path in data.iterdir()) == sorted([*SERVICES, "endpoints.json"])
    assert {path.name for path in data.rglob("*.*") if path.is_file()} == {"endpoints.json", "service-2.json.gz"}
    assert [path.name for path in (tmp_path / "boto3").iterdir()] == ["session.py"]
