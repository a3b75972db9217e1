"""The benchmarks measure what they say: their helpers on tiny sizes, and the page made of results."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import common  # noqa: E402
import graph  # noqa: E402
import hnsw  # noqa: E402
import latency  # noqa: E402
import report  # noqa: E402
from simwidget.neighbors import exact_neighbors  # noqa: E402
from simwidget.session import Session  # noqa: E402

if TYPE_CHECKING:
    import pytest


def test_works_take_turns_and_may_report_what_they_timed_themselves() -> None:
    order: list[str] = []

    def theirs() -> common.Seconds:
        order.append("theirs")
        return common.Seconds(4.0, 3.0)

    taken = common.interleaved({"ours": lambda: order.append("ours"), "theirs": theirs}, 2)

    assert order == ["ours", "theirs", "theirs", "ours"]
    assert taken["theirs"] == [common.Seconds(4.0, 3.0)] * 2
    assert all(0 <= seconds.wall < 4 for seconds in taken["ours"])


def test_ratio_is_the_median_over_rounds() -> None:
    ours = [common.Seconds(wall, 1.0) for wall in (1.0, 2.0, 9.0)]
    theirs = [common.Seconds(2.0, 4.0)] * 3
    assert common.ratio(ours, theirs) == (1.0, 0.25)


def test_recall_is_one_for_exact_neighbors_and_falls_with_wrong_ones() -> None:
    vectors = graph.clustered(3_000, 16)
    found, _ = exact_neighbors(vectors, 10)
    assert graph.recall(vectors, found) == (1.0, 1.0)
    wrong = (np.arange(3_000, dtype=np.int32)[:, None] + np.arange(1_000, 1_010, dtype=np.int32)) % 3_000
    assert graph.recall(vectors, np.where(np.arange(3_000)[:, None] < 1_500, found, wrong))[1] < 0.6


def test_without_self_drops_one_column() -> None:
    found = np.array([[0, 1, 2], [0, 1, 2], [0, 1, -1]], dtype=np.int32)
    assert hnsw.without_self(found).tolist() == [[1, 2], [0, 2], [0, 1]]


def test_a_brush_of_the_stand_in_filters_and_sorts() -> None:
    session = Session(latency.Items(2_000))  # type: ignore[arg-type]
    session.set_filters({"Uniqueness": (0, 0.3)})
    values = session.project.metrics["Uniqueness"]
    assert session.count == np.count_nonzero(values <= np.float32(0.3))
    assert (np.diff(values[session.rows_in_view]) >= 0).all()


def test_vectors_for_queries_are_unit_rows_and_memory_mapped(tmp_path: Path) -> None:
    vectors = latency.write_vectors(tmp_path / "vectors.npy", 300, 8)
    assert isinstance(vectors, np.memmap)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_page_holds_what_was_recorded_and_names_what_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    rows = [common.Row("A", "≤ 1 s", "2 s", np.bool_(False), "peer 1.0"), common.Row("B", "", "3 | 4")]
    common.record("latency.py", rows, [common.Table("Sizes", ["n"], [["1,000"]])])
    recorded = json.loads((tmp_path / "latency.json").read_text(encoding="utf-8"))

    page = report.page({"latency": recorded}, {"peer": "1.0"})

    assert "| A | ≤ 1 s | 2 s | **no** | peer 1.0 | `latency.py` |\n" in page
    assert "| B |  | 3 \\| 4 |  |  | `latency.py` |\n" in page
    assert "## Sizes\n\n| n |\n| --- |\n| 1,000 |\n" in page
    assert common.machine() in page
    assert "Not measured here: `startup.py`" in page
