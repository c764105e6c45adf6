"""The notebooks in `examples/` run without an error, and show what was committed."""

import re
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))
OF_A_MACHINE = re.compile(r"/(tmp|home|root|work|Users)/|\d{4}-\d\d-\d\dT\d\d:\d\d")


def outputs(notebook):
    """`{cell: [output as text]}` of the cells that show something."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.outputs:
            found[cell.id] = [each.get("data", {}).get("text/plain", each.get("text", "")) for each in cell.outputs]
    return found


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_notebook(file, library, tmp_path):
    for name in ("nbclient", "ipykernel"):
        library(name, what=f"examples/{file.name}")
    import nbformat

    from .notebooks import execute

    committed = nbformat.read(file, as_version=4)
    found = execute(file, tmp_path)
    before, now = outputs(committed), outputs(found)
    assert len(before) > 5
    assert before.keys() == now.keys()
    assert not OF_A_MACHINE.search(file.read_text(encoding="utf-8"))
    tables = [cell.id for cell in found.cells if "pivot_table" in cell.source]
    assert len(tables) == 1
    if file.stem == "compare_solvers":  # nothing in it is trained: the gaps are those of the committed file
        assert now[tables[0]] == before[tables[0]]


def test_progress_is_one_output_for_each_run(library):
    """What `dtbench.run` shows while it runs is replaced, not repeated, and nothing goes to stderr."""
    library("nbformat", what="outputs of the notebooks in examples/")
    import nbformat

    for file in EXAMPLES:
        cells = [cell for cell in nbformat.read(file, as_version=4).cells if "dtbench.run(" in cell.source]
        for cell in (cell for cell in cells if cell.cell_type == "code"):
            shown = [each for each in cell.outputs if each.output_type == "display_data"]
            assert len(shown) == (2 if "for problem in" in cell.source else 1)
            assert all("<progress" in each["data"]["text/html"] for each in shown)
            assert not any(each.output_type == "stream" for each in cell.outputs)
