"""``make bench``: no script left out, no failure lost, and a page that can be read."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    """Import a module of the benchmarks by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def script(folder: Path, name: str, body: str) -> str:
    """Write a script and give its path, as a job names it."""
    path = folder / name
    path.write_text(f"import sys\nsys.path.insert(0, {str(FOLDER)!r})\n{body}")
    return str(path)


def test_no_script_is_left_out(bench):
    jobs = bench("_jobs")
    assert not jobs.left_out()
    for job in jobs.JOBS:
        assert (FOLDER / job.script).exists(), job.script
    assert len({job.name for job in jobs.JOBS}) == len(jobs.JOBS)
    assert {job.script for job in jobs.JOBS}.isdisjoint(jobs.NO_BENCHMARK)
    # What is timed at a reduced size, or tells less, says so.
    assert all(job.note or job.tables for job in jobs.JOBS if not job.speed)


def test_the_makefile_runs_all_of_them_in_one_go():
    text = (ROOT / "Makefile").read_text()
    rule = text.partition("\nbench:")[2].partition("\n\n")[0]
    assert "benchmarks/run_all.py" in rule


def test_one_failed_job_does_not_lose_the_others(bench, tmp_path, capsys):
    run_all, jobs = bench("run_all"), bench("_jobs")
    rows = "from _bench import absent, record\n"
    good = rows + (
        "record('a job', peer='peer 1.0', ratios=[2.0, 1.0, 4.0], ours='3 a second',"
        " clock='CPU', score='accuracy', score_ours=0.9, score_peer=0.8, target=3.0)\n"
        "absent('a job', 'pyxem', 'it needs an environment of its own')\n"
    )
    bad = rows + "record('half', ours='1 s')\nraise SystemExit('out of luck')\n"
    found = [
        jobs.Job("good", "Good one", script(tmp_path, "good.py", good)),
        jobs.Job("bad", "Bad one", script(tmp_path, "bad.py", bad)),
        jobs.Job(
            "slow",
            "Slow one",
            script(tmp_path, "slow.py", "import time; time.sleep(60)"),
            minutes=0.02,
            speed=False,
            note="nothing",
        ),
        jobs.Job("gone", "No script", str(tmp_path / "gone.py")),
    ]
    page = tmp_path / "docs" / "page.md"
    arguments = ["--page", str(page), "--build", str(tmp_path / "build")]
    assert run_all.main(arguments, found) == 1
    text = page.read_text()
    assert "2.00 (1.00 to 4.00), 3 rounds; target 3: missed" in text
    assert "0.900 / 0.800 (accuracy)" in text
    assert "pyxem: absent, it needs an environment of its own" in text
    assert "**FAILED**: it ended with status 1" in text
    assert "half" in text  # what it had found before
    assert "did not end within 0.02 minutes" in text
    assert "**Failed in this run: bad, slow, gone.**" in text
    assert "out of luck" not in text
    assert "out of luck" in capsys.readouterr().out
    # The page again, without running; and a run of one keeps the rows of the others.
    assert run_all.main([*arguments, "--report"], found[:1]) == 0
    assert run_all.main([*arguments, "--only", "bad"], found) == 1
    assert "3 a second" in page.read_text()


def test_the_page_becomes_restructured_text(bench, tmp_path):
    report, jobs = bench("_report"), bench("_jobs")
    growth = [
        {
            "name": "fit",
            "what": "images",
            "against": "a loop",
            "ours": [[10, 0.1], [100, 1.0]],
            "peer": [[10, 0.2], [100, 1.5]],
            "exponent": {"ours": 1.0, "peer": 0.9},
        }
    ]
    facts = {
        "growth": growth,
        "limits": {"GEMM, torch, GFLOP/s": 80.0, "triad, GB/s": 10.0},
        "jobs": [["fit of a net", 3.0]],
        "profiles": [
            {
                "name": "fit of a net",
                "seconds": 3.0,
                "by": "operators of torch",
                "share": 0.2,
                "in_torch": 0.9,
                "arithmetic": 0.5,
                "gflops": 40.0,
                "gflops_inside": 80.0,
                "gbytes": 5.0,
                "lines": [["aten::mm", 0.5]],
            }
        ],
    }
    rows = [{"fact": name, "value": value} for name, value in facts.items()]
    job = jobs.Job("growth", "How cost grows", "growth.py")
    answer = {"job": "growth", "failed": "", "command": "python x", "rows": rows}
    path = tmp_path / "page.md"
    report.write_report(path, {"growth": job}, [answer])
    text = path.read_text()
    assert "50 % of the matrix product's 80" in text
    assert "| 0.1 s at 10, 1 s at 100 | n^1.00 | a loop: n^0.90 |" in text
    name = "skastro_docs_markdown"
    source = ROOT / "docs" / "_ext" / "skastro_docs" / "markdown.py"
    pytest.importorskip("sphinx", reason="the documentation's tools are not installed")
    spec = importlib.util.spec_from_file_location(name, source)
    markdown = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(markdown)
    lines = markdown.to_rst(text)
    assert "   * - fit" in lines
    assert ".. image:: _static/benchmarks_growth.png" in lines
    assert not [line for line in lines if line.startswith("|")]


def test_pairs_take_turns_and_every_other_round_goes_backwards(bench):
    paired = bench("_bench").paired
    order = []
    works = {who: lambda who=who: order.append(who) or who for who in ("a", "b", "c")}
    turns = paired(works, 2, clock="wall")
    assert "".join(order) == "cba" + "abc" + "cba"
    assert turns.results["b"] == ["b", "b"]
    assert len(turns.ratios("b")) == 2
    assert set(turns.first) == {"a", "b", "c"}
    assert turns.clock == "wall"


def test_rows_are_recorded_only_where_a_file_is_named(bench, tmp_path, monkeypatch):
    module = bench("_bench")
    monkeypatch.delenv(module.ROWS, raising=False)
    module.record("nothing", ours="1 s")
    path = tmp_path / "rows.jsonl"
    monkeypatch.setenv(module.ROWS, str(path))
    module.record("a", ratios=np.float64([1, 2]), score_ours=0.5)
    module.record_fact("b", [1])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("job") for line in lines] == ["a", None]
    assert lines[0]["ratios"] == [1.0, 2.0]
    assert not [value for value in module.machine().values() if str(ROOT) in value]


def test_pages_of_a_run_can_go_elsewhere(bench, tmp_path, monkeypatch, capsys):
    page = bench("_page").Page
    monkeypatch.setenv("SKASTRO_BENCH_PAGES", str(tmp_path / "pages"))
    page(tmp_path / "docs" / "x.rst", "Title").table("T", [{"a": 1}])
    assert not (tmp_path / "docs").exists()
    assert "* - a" in (tmp_path / "pages" / "x.rst").read_text()
    assert "Title" in capsys.readouterr().out


def test_exponents_of_growth(bench):
    growth = bench("growth")
    n = np.array([10, 100, 1000, 10000])
    points = np.stack([n, 3.0 * n**1.5], axis=1).tolist()
    assert growth.exponent(points) == pytest.approx(1.5)
    assert growth.exponent(points[:1]) is None


@pytest.mark.parametrize("words", ["ResolutionDegrader", "VoxelSummary"])
def test_growth_is_measured_and_drawn(bench, tmp_path, words):
    growth = bench("growth")
    case = next(c for c in growth.CASES if c.name == words)
    found = growth.measure(case, 1, 600)
    assert all(seconds > 0 for _, seconds in found["ours"])
    growth.draw([found], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.stress
def test_every_job_runs_at_sizes_that_tell_nothing(bench, tmp_path):
    run_all = bench("run_all")
    arguments = ["--scale", "smoke", "--build", str(tmp_path)]
    assert run_all.main(arguments) == 0
    assert not list(tmp_path.glob("*.tmp"))
    assert sys.modules["run_all"] is run_all
