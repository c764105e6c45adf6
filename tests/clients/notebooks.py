"""Execute the notebooks in `examples/` and write them back, `make notebooks`: their outputs come from here."""

import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 120  # for one cell


def notebooks() -> list[Path]:
    """All of them."""
    return sorted(EXAMPLES.glob("*.ipynb"))


def execute(file: Path, folder: Path) -> Any:
    """The notebook after a run in a folder; an error in a cell is raised."""
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return notebook


def main() -> None:
    """Execute all, in folders that are gone afterwards."""
    for file in notebooks():
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(execute(file, Path(folder)), file)
        print(file.name)


if __name__ == "__main__":
    main()
