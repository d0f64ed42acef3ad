"""``s1card demo``: what it prints is what it measured, and it replaces nothing but itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end_to_end import call_s1card, run_s1card


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("demo") / "demo"
    done = run_s1card("demo", "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_demo_measures_within_the_promised_bounds(demo: tuple[Path, str]) -> None:
    out, _ = demo
    report = json.loads((out / "accuracy.json").read_text())
    assert set(report["targets"]) == {"VV", "VH"}
    for errors in report["targets"].values():
        assert len(errors) == 16
        assert max(error["pixels"] for error in errors) <= 0.05
    for classes in report["classes"].values():
        assert len(classes) == 11
        assert min(one["samples"] for one in classes) >= 10_000
        assert all(
            abs(one["mean"] - one["truth"]) <= 0.007 * one["truth"] + 3 * one["standard_error"]
            for one in classes
        )


def test_demo_tells_what_it_made(demo: tuple[Path, str]) -> None:
    out, text = demo
    report = json.loads((out / "accuracy.json").read_text())
    worst = max(error["pixels"] for error in report["targets"]["VV"])
    assert f"{worst:.3f} pixel" in text
    (picture,) = out.glob("cards/*/*.png")
    assert str(picture) in text
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_demo_again_replaces_the_first_but_no_other_folder(demo: tuple[Path, str], tmp_path: Path) -> None:
    out, _ = demo
    before = {path.relative_to(out): path.stat().st_size for path in out.rglob("*.tif*")}
    assert call_s1card("demo", "--out", out).returncode == 0
    assert {path.relative_to(out): path.stat().st_size for path in out.rglob("*.tif*")} == before
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    refused = call_s1card("demo", "--out", tmp_path)
    assert refused.returncode == 2
    assert "not the folder of a demo" in refused.stderr
    assert precious.read_text() == "mine"
