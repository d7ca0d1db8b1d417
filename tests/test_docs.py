"""The documentation says what the code does: its examples run, its links lead somewhere.

A fence marked ``python`` is run, in the order of its page and in the page's own namespace. A
``text`` fence right behind it is what it prints. A comment above it names what it needs, as pip
would: ``<!-- requires: scikit-learn>=1.9 rich -->``; where that is not installed, it is left out.
"""

import contextlib
import doctest
import inspect
import io
import pkgutil
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from sklearn.neural_network import MLPClassifier

import skdigits.digits
from skdigits import FromScratchMLPClassifier
from skdigits.nn.activations import ACTIVATIONS
from skdigits.nn.initializers import INITIALIZERS
from skdigits.nn.losses import LOSSES
from skdigits.nn.optimizers import SOLVERS
from skdigits.nn.schedules import SCHEDULES
from skdigits.parameters import ALLOWED

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
REGISTRIES = {**ACTIVATIONS, **LOSSES, **SOLVERS, **SCHEDULES}
COMPONENTS = sorted(set(REGISTRIES.values()), key=lambda kind: kind.__name__)

FENCE = re.compile(
    r"^(?:<!-- requires: (?P<needs>[^\n]+) -->\n)?```(?P<language>\w*)\n(?P<content>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
DEFINITION = re.compile(r"^    (\w[\w, ]*) : (.+)\n((?: {8}.+\n)+)", re.MULTILINE)
PRINTED = doctest.OutputChecker()
LENIENT = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


class Example(NamedTuple):
    code: str
    line: int
    needs: list[Requirement]
    output: str | None


def text(page):
    return page.read_text(encoding="utf-8")


def examples(page):
    found = []
    end = None
    for fence in FENCE.finditer(text(page)):
        if fence["language"] == "python":
            needs = [Requirement(need) for need in (fence["needs"] or "").split()]
            line = text(page).count("\n", 0, fence.start("content"))
            found.append(Example(fence["content"], line, needs, None))
        elif fence["language"] == "text" and not text(page)[end : fence.start()].strip():
            found[-1] = found[-1]._replace(output=fence["content"])
        end = fence.end() if fence["language"] == "python" else None
    return found


def installed(need):
    try:
        return need.specifier.contains(version(need.name), prereleases=True)
    except PackageNotFoundError:
        return False


def words(page):
    """Everything that the page sets as code, word by word."""
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", text(page)))))


def anchors(page):
    headings = HEADING.findall(FENCE.sub("", text(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def definitions(section):
    """Names, types and descriptions in a section of the classifier's docstring."""
    _, _, rest = FromScratchMLPClassifier.__doc__.partition(f"    {section}\n    ---")
    return DEFINITION.findall(re.split(r"\n    \w[\w ]+\n    ---", rest)[0])


def plain(words):
    """Words without what sets them as code or as a link, on one line."""
    return " ".join(re.sub(r":\w+:|`", "", words).split())


@each_page
def test_every_example_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for example in examples(page):
        if not all(installed(need) for need in example.needs):
            continue
        # The empty lines give a traceback the page's own line numbers.
        code = compile("\n" * example.line + example.code, str(page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, vars(module))
        if example.output is not None:
            got = printed.getvalue()
            assert PRINTED.check_output(example.output, got, LENIENT), f"line {example.line}: {got}"


@each_page
def test_every_link_within_the_project_leads_to_a_file_and_a_heading(page):
    dead = []
    for path, anchor in LINK.findall(FENCE.sub("", text(page))):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{path}#{anchor}")
    assert dead == []


def test_every_parameter_and_attribute_is_on_the_page_for_users_of_mlpclassifier():
    theirs = inspect.signature(MLPClassifier).parameters
    attributes = re.findall(r"^    (\w+_) : ", MLPClassifier.__doc__, re.MULTILINE)
    assert len(attributes) > 10
    expected = {*theirs, *attributes, *ALLOWED}
    assert expected - words(DOCS / "coming-from-mlpclassifier.md") == set()


def test_every_part_and_each_of_its_parameters_is_in_the_toolbox():
    expected = {*REGISTRIES, *INITIALIZERS}
    for kind in COMPONENTS:
        expected |= {kind.__name__, *kind().get_params()}
    assert expected - words(DOCS / "toolbox.md") == set()


def test_every_module_is_in_the_house_and_nothing_else():
    drawn = re.findall(r"\w+\.py", text(DOCS / "index.md"))
    modules = {path.name for path in (ROOT / "skdigits").rglob("*.py")} - {"__init__.py"}
    assert set(drawn) == modules


def test_every_public_name_is_in_the_reference():
    shown = set(re.findall(r"^::: (.+)$", text(DOCS / "api" / "reference.md"), re.MULTILINE))
    public = {f"skdigits.{name}" for name in skdigits.__all__}
    public |= {f"skdigits.digits.{name}" for name in skdigits.digits.__all__}
    elsewhere = {"skdigits.FromScratchMLPClassifier", "skdigits.__version__"}
    assert public - shown == elsewhere
    for name in shown:
        pkgutil.resolve_name(name)


def test_the_link_in_the_html_representation_leads_to_a_page():
    link = FromScratchMLPClassifier()._get_doc_link()
    _, _, path = link.partition("/stable/")
    assert (DOCS / path).with_suffix(".md").is_file()


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_the_reference_says_what_the_docstring_says(section):
    # A parameter's link in the HTML representation seeks its name with the type right behind it.
    page = plain(text(DOCS / "api" / "skdigits.FromScratchMLPClassifier.md"))
    found = [plain("**{}** *{}* {}".format(*definition)) for definition in definitions(section)]
    assert len(found) > 8
    assert [definition for definition in found if definition not in page] == []
