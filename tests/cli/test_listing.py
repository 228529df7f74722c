"""`scotopic list`: the table for people, the one for the docs, and what may be used commercially."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scotopic.pipeline.registry import enhancer_info, list_enhancers

from .conftest import Outcome

Command = Callable[..., Outcome]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def test_markdown_table_says_everything_of_every_enhancer(scotopic: Command) -> None:
    done = scotopic("list", "--markdown")
    assert done.status == 0
    head, rule, *rows = done.out.splitlines()
    assert len(rows) == len(list_enhancers())
    assert set(rule) <= set("|- ")
    table = {
        row["enhancer"].strip("`"): row for row in (dict(zip(cells(head), cells(row), strict=True)) for row in rows)
    }
    assert sorted(table) == list_enhancers()
    for name, row in table.items():
        info = enhancer_info(name)
        assert row["kind"] == info.kind
        assert row["paper"] == (info.paper or info.summary)
        assert row["year"] == str(info.year or "")
        assert row["cost"] == info.cost
        assert row["needs weights"] == ("yes" if info.needs_weights else "no")
    assert table["enlightengan"]["parameters"] == "8,636,675"
    assert table["zero_dce"]["commercial use"] == "no"
    assert table["retinexnet"]["commercial use"] == "unknown"
    assert table["mbllen"]["licence of the weights"] == "Apache-2.0"


def test_the_table_in_the_docs_is_this_one(scotopic: Command) -> None:
    docs = Path(__file__).parents[2] / "docs" / "enhancers.md"
    assert scotopic("list", "--markdown").out in docs.read_text(encoding="utf-8")


def test_commercial_leaves_out_what_may_not_or_is_unknown(scotopic: Command) -> None:
    done = scotopic("list", "--markdown", "--commercial")
    names = [cells(row)[0].strip("`") for row in done.out.splitlines()[2:]]
    assert names == list_enhancers(commercial=True)
    assert {"gamma", "sci", "mbllen"} <= set(names)
    assert not {"zero_dce", "sgz", "retinexnet", "kind"} & set(names)


def test_commercial_names_the_weights_that_make_an_enhancer_so(scotopic: Command) -> None:
    done = scotopic("list", "sgz", "--commercial")
    assert "0 enhancers" in done.out
    assert "weights sgz-official for sgz (MIT)" in done.out
    assert "weights sgz for sgz" not in done.out


def test_pattern_and_weights(scotopic: Command) -> None:
    done = scotopic("list", "*dce*")
    assert "2 enhancers" in done.out
    assert "weights zero_dce-official for zero_dce" in done.out
    assert "sci" not in done.out.split()
