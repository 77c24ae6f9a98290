"""Write the report of a data set: one HTML file that needs nothing else."""

from pathlib import Path

from bandprobe.base.files import write_text
from bandprobe.report.page import render_page
from bandprobe.report.sources import read_explorer, read_results
from bandprobe.store.provenance import provenance
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the report."""
    parser = argument_parser(__doc__)
    parser.add_argument("--results", required=True, type=Path, help="folder of the data set")
    parser.add_argument("--tables", required=True, nargs="+", help="names of its summaries")
    parser.add_argument("--figures", nargs="*", default=[], help="names of its figures")
    parser.add_argument("--explorer", nargs="*", default=[], help="its images, if it may show any")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    folder = arguments.results
    results = read_results(folder, folder.name, arguments.tables, arguments.figures)
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    explorer = next((read_explorer(Path(path)) for path in arguments.explorer), None)
    page = render_page(results, config, provenance(arguments.code, {}), explorer)
    write_text(arguments.output, page)


if __name__ == "__main__":
    run(main)
