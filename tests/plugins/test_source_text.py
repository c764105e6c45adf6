"""Classes are read as they are written; nothing is run."""

import ast
import textwrap

import pytest

from dtbench.plugins.source_text import ClassText, Elsewhere, ModuleText, read


def module(text):
    return ModuleText.of(ast.parse(textwrap.dedent(text)))


def test_imports_are_followed_to_where_a_class_is_made():
    """``dtbench`` itself takes ``Solver`` from ``dtbench.solver``."""
    text = module("from dtbench import Solver as Base\nclass A(Base): pass\n")
    assert text.find("Base").node.name == "Solver"
    value, where = text.find("A").member("Options")
    assert ast.unparse(value) == "Options"
    assert where.find("Options").node.name == "Options"


def test_fields_are_those_of_bases_first_and_a_declaration_anew_keeps_its_place():
    text = module(
        """
        from dtbench.learning.options import LearningOptions
        class Middle(LearningOptions):
            KIND: ClassVar[str] = "x"
            step: float = 1.0
            episodes: int = 3
        class Last(Middle):
            more: bool = False
        """
    )
    fields = text.find("Last").fields()
    assert list(fields)[:2] == ["preset", "episodes"]
    assert list(fields)[-2:] == ["step", "more"]
    assert ast.unparse(fields["episodes"].value) == "3"
    assert not {"KIND", "OUTSIDE_TRAINING"} & set(fields)


def test_members_are_found_in_bases_and_inside_of_the_class():
    text = module("class A:\n    x = 1\nclass B(A):\n    class Options: pass\n    y: int = X\nX = {'a': [2]}\n")
    own = ClassText(text.classes["B"], text)
    assert ast.unparse(own.member("x")[0]) == "1"
    assert own.member("Options")[0].name == "Options"
    assert text.literal(own.member("y")[0]) == {"a": [2]}
    assert own.member("z") is None


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import Base\nclass A(Base): pass\n",
        "from .near import Base\nclass A(Base): pass\n",
        "class A(Unknown): pass\n",
        "from dtbench.no_such_module import Base\nclass A(Base): pass\n",
        "from dtbench.errors import no_such_class as Base\nclass A(Base): pass\n",
        "import dtbench\nclass A(dtbench.core.Problem): pass\n",
    ],
)
def test_what_cannot_be_read_is_elsewhere(text):
    with pytest.raises(Elsewhere):
        module(text).find("A").member("x")


def test_what_is_computed_is_no_literal():
    text = module("X = 1 + f(2)\n")
    with pytest.raises(Elsewhere):
        text.literal(ast.Name("X"))


def test_modules_are_files_or_packages():
    assert "Options" in read("dtbench.params").classes
    assert "Solver" in read("dtbench").imports
    with pytest.raises(Elsewhere):
        read("dtbench.nothing")


def test_dicts_of_names_are_put_together():
    """Names made here or imported, unpacked and overridden, as Python does it."""
    tree = ast.parse(
        "from dtbench.learning.qlearning.presets import TUNED_DNT\nHERE = {'hidden': 8}\n"
        "ALL = {'tuned': {'a': {**TUNED_DNT, 'hidden': 7}, 'b': HERE}}"
    )
    found = ModuleText.of(tree).literal(ast.Name("ALL"))
    assert found["tuned"]["a"]["hidden"] == 7
    assert found["tuned"]["a"]["gamma"] == 0.7
    assert found["tuned"]["b"] == {"hidden": 8}


def test_lines_of_rules_have_no_markup():
    """They are shown in terminals and pages as they are."""
    from dtbench.plugins.discovery import discover

    lines = [line for entry in discover().values() for line in (entry.summary, *entry.rules.values())]
    assert len(lines) > 30
    assert not [line for line in lines if "``" in line or ":`" in line]
