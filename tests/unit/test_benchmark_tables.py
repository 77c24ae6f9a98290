"""Tables of benchmarks find their places in a page."""

import json
from pathlib import Path

from benchmarks.tables import PAGE, PLACE, fill, markdown, publish

TEXT = "before\n<!-- table one -->\nold\n<!-- end -->\n<!-- table two -->\nkept\n<!-- end -->\n"


def test_a_table_replaces_what_stood_in_its_place_alone() -> None:
    table = markdown(["a", "b"], [(1, 2)])
    filled = fill(TEXT, {"one": table, "three": "nowhere"})
    assert "old" not in filled
    assert filled.count("| a | b |\n| --- | --- |\n| 1 | 2 |") == 1
    assert "<!-- table two -->\nkept\n<!-- end -->" in filled
    assert fill(filled, {"one": table}) == filled


def test_a_machine_that_the_page_names_above_is_not_named_again() -> None:
    table, machine = markdown(["a", "b"], [(1, 2)]), "2 cores, some processor."
    tables = {"one": f"{table}\n\n{machine}"}
    named = fill(f"On {machine}\n{TEXT}", tables)
    assert f"{table}\n\n<!-- end -->" in named
    assert named.count(machine) == 1
    assert f"{table}\n\n{machine}\n\n<!-- end -->" in fill(TEXT, tables)


def test_numbers_lie_beside_their_table_with_the_facts_of_the_machine(tmp_path: Path) -> None:
    publish(tmp_path / "one.json", {"seconds": 1.5}, "| a |")
    found = json.loads((tmp_path / "one.json").read_text())
    assert found["seconds"] == 1.5
    assert found["machine"]["cores"] >= 1
    text = (tmp_path / "one.md").read_text()
    assert text.startswith("| a |\n\n")
    assert found["machine"]["processor"] in text


def test_every_place_of_the_page_is_of_a_benchmark_that_make_runs() -> None:
    makefile = PAGE.parent.with_name("Makefile").read_text()
    run = next(line for line in makefile.splitlines() if line.startswith("BENCHMARKS"))
    places = {name for _, name, _ in PLACE.findall(PAGE.read_text())}
    assert places
    assert places - {"scale"} == set(run.partition(":=")[2].split())
