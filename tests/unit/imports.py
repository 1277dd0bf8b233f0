"""Which module of learnfold imports which, read from the source: imports for type checkers and those within functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "learnfold"


def modules(source: Path = SOURCE) -> dict[str, Path]:
    """Every module below ``source`` by its dotted name; a package is the module of its ``__init__``."""
    found = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(file: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules of ``known`` that a file imports; ``from package import module`` is an import of the module alone.

    What a package's ``__init__`` imports of its own package within a function isn't counted: it is the choice of an
    implementation, made when it is asked for (``open_engine``, ``open_storage``).
    """
    tree = ast.parse(file.read_text("utf-8"))
    package = ".".join(file.relative_to(SOURCE.parent).parts[:-1]) if file.name == "__init__.py" else None
    chosen = {
        node
        for function in ast.walk(tree)
        if package and isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file} has a relative import"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else str(node.module) for name in members]
        for name in names:
            if name in known and not (node in chosen and name.startswith(f"{package}.")):
                yield name


def graph(source: Path = SOURCE) -> dict[str, set[str]]:
    """By module, the modules of learnfold that it imports."""
    known = modules(source)
    return {name: set(imported(file, known)) - {name} for name, file in known.items()}


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other in a circle, each sorted (strongly connected components, by Tarjan)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        path.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in path:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            group = path[path.index(node) :]
            del path[path.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in number:
            visit(node)
    return found
