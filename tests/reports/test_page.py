"""The HTML page: escaping, policy, structure."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from dtbench.reports.leaderboard import build
from dtbench.reports.page import html

ATTACK = "\"><script>alert(1)</script><img src=x onerror='alert(2)'> {{ 7 * 7 }}"


class Page(HTMLParser):
    """Elements with their attributes, and the text of each kind of element."""

    VOID = ("meta", "link", "br", "img", "line", "circle")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def attacked(facts, make_record):
    """Every word that comes from a file is an attack."""
    names = {"label": ATTACK, "instance": ATTACK, "size": ATTACK, "solver": ATTACK}
    origin = {"cpu": ATTACK, "suite": ATTACK, "dtbench": ATTACK, "commit": ATTACK, "python": ATTACK}
    records = [
        make_record("a", 0, 1.9, cell=names, origin=origin),
        make_record("a", 0, 2.0, cell=names | {"label": "b"}, seed=1),
        make_record("a", 0, cell=names, seed=1, status="crash", reason=ATTACK),
        make_record("a", 0, cell=names, seed=2, status="skipped", reason=ATTACK),
    ]
    return Page(html(build(records, {ATTACK: 2.0}, facts)))


def test_nothing_from_files_becomes_markup(attacked):
    assert len(attacked.all("script")) == 1
    assert attacked.all("img") == []
    assert "alert" not in "".join(attacked.texts["script"])
    assert not any(name.startswith("on") or name == "style" for _, a in attacked.elements for name in a)
    assert sum(ATTACK in text for text in attacked.texts["td"]) >= 5
    assert attacked.open == []


def test_policy_allows_the_own_style_and_script_only(attacked):
    (policy,) = (m["content"] for m in attacked.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    for kind in ("style", "script"):
        digest = hashlib.sha256("".join(attacked.texts[kind]).encode()).digest()
        assert f"{kind}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_no_network(attacked):
    """Links lead to the page itself or the table beside it; nothing is loaded."""
    targets = {a["href"] for a in attacked.all("a")}
    assert all(target.startswith("#") or target in ("cells.csv", "instances.csv") for target in targets)
    ids = {a["id"] for _, a in attacked.elements if "id" in a}
    assert {target[1:] for target in targets if target.startswith("#")} <= ids
    assert attacked.all("link") == []
    assert not any("src" in a for _, a in attacked.elements)


def test_columns_are_buttons_with_a_state(attacked):
    headings = attacked.all("th")
    assert len(attacked.all("button")) == len(headings)
    assert [h["aria-sort"] for h in headings[:11]] == ["ascending"] + ["none"] * 10


def test_cells_carry_raw_numbers(facts, make_record):
    records = [make_record(label, 0, x) for label, x in (("a", 2.5), ("b", 2.0))]
    page = Page(html(build(records, {"lights/tiny-000": 2.0}, facts)))
    cells = page.all("td")
    assert [float(cells[row * 12 + 3]["data-sort"]) for row in range(2)] == [0.0, 0.25]
    assert "data-sort" not in cells[6]  # proven slots: nothing to say, so it is sorted last


def test_counts_are_sorted_by_share(facts, make_record):
    """1 of 2 comes before 1 of 1."""
    records = [make_record("a", 0), make_record("b", 0), make_record("b", 0, seed=1, status="crash")]
    cells = Page(html(build(records, {}, facts))).all("td")
    assert [float(cells[row * 13 + 10]["data-sort"]) for row in range(2)] == [1.0, 0.5]


def test_bars_share_one_axis(facts, make_record):
    """Gaps -0.5 and 0.5 lie at the ends of an axis of length 200, zero in its middle; one run has no interval."""
    records = [make_record(label, 0, x) for label, x in (("a", 1.0), ("b", 3.0))]
    page = Page(html(build(records, {"lights/tiny-000": 2.0}, facts)))
    assert [float(c["cx"]) for c in page.all("circle")] == [0.0, 200.0]
    assert {float(a["x1"]) for a in page.all("line") if a["class"] == "zero"} == {100.0}


def test_no_bars_where_all_gaps_are_zero(facts, make_record):
    page = Page(html(build([make_record("a", 0, 2.0)], {"lights/tiny-000": 2.0}, facts)))
    assert page.all("svg") == []


def test_failures_only_where_there_are_any(facts, make_record):
    fine = html(build([make_record("a")], {}, facts))
    failed = html(build([make_record("a", status="crash", reason="it broke")], {}, facts))
    assert "it broke" in failed
    assert not re.search("<h2>Failures", fine)
    assert re.search("<h2>Failures", failed)
