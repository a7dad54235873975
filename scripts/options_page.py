"""Write the tables of docs/options.md from the options themselves.

python scripts/options_page.py
"""

import ast
import dataclasses
import inspect
import textwrap
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import tyro

from jvst.app.options import StylizeConfig

PAGE = Path(__file__).resolve().parents[1] / "docs" / "options.md"
MARK = "<!-- What follows is written by scripts/options_page.py. -->\n"
BAR = r"\|"  # within a cell of a table


def main(output: Path = PAGE) -> None:
    output.write_text(page(PAGE.read_text("utf-8")), "utf-8")


def page(text: str) -> str:
    """Return the page with its tables written anew; what stands before them is kept."""
    head, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE} has no line {MARK.strip()!r}")
    return head + MARK + "".join(map(table, vars(StylizeConfig()).values()))


def table(group: Any) -> str:
    """Return the options of a group with their defaults and meanings."""
    kind = type(group)
    told = meanings(kind)
    title = (inspect.getdoc(kind) or "").rstrip(".")
    lines = [f"\n## {title}\n", "| option | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(kind):
        name = field.name.replace("_", "-")
        option = f"--no-{name}" if field.default is True else f"--{name}"
        if get_origin(field.type) is Literal:
            option += f" {'|'.join(map(str, get_args(field.type)))}"
        cells = (f"`{option}`", default(field.default), told[field.name])
        lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def meanings(kind: type) -> dict[str, str]:
    """Return what is written under each field of a dataclass, on one line."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def default(value: Any) -> str:
    """Return a default as it would be given on the command line; a dash where there is none."""
    if isinstance(value, bool) or value in {"", (), None}:
        return "–"
    return f"`{' '.join(map(str, value)) if isinstance(value, tuple) else value}`"


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
