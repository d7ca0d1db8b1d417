"""What import-linter cannot say: which parts of other packages a file may import, and when."""

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = {"numpy", "scipy", "sklearn", "joblib"}
MATHEMATICS = ("numpy", "scipy", "sklearn.base", "numba")


def modules(folder: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*.py"))


def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def foreign_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Full names imported from other packages, so `from sklearn import base` is `sklearn.base`."""
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.partition(".")[0] not in {"skdigits", *sys.stdlib_module_names}:
                yield name


@pytest.mark.parametrize("module", modules("skdigits/nn"))
def test_the_mathematics_imports_of_scikit_learn_only_its_base(module):
    allowed = tuple(f"{name}." for name in MATHEMATICS)
    names = foreign_names(ast.walk(tree(module)))
    assert [name for name in names if not f"{name}.".startswith(allowed)] == []


@pytest.mark.parametrize("module", modules("skdigits"))
def test_extras_are_imported_only_where_they_are_used(module):
    names = foreign_names(tree(module).body)
    assert [name for name in names if name.partition(".")[0] not in CORE] == []
