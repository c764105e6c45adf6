"""The site as files: equal bytes, escaping, policy, links, weight."""

from __future__ import annotations

import random
import re
from html.parser import HTMLParser
from pathlib import PurePosixPath

import pytest

from dtbench.errors import DtbenchError
from dtbench.reports.site import build

ATTACK = "\"><script>alert(1)</script><img src=x onerror='alert(2)'> {{ 7 * 7 }}"
VOID = ("meta", "link", "br", "img", "input")


class Html(HTMLParser):
    """Elements with their attributes, ids and words; every tag must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def pages(two_days):
    return {name: Html(content.decode()) for name, content in build.made(two_days) if name.endswith(".html")}


@pytest.fixture(scope="module")
def attacked(make_site, some):
    """Every word that comes from a file is an attack."""
    names = {"label": ATTACK, "instance": ATTACK, "size": ATTACK, "solver": ATTACK, "options": {ATTACK: ATTACK}}
    origin = {"cpu": ATTACK, "suite": ATTACK, "dtbench": ATTACK, "commit": ATTACK, "python": ATTACK}
    records = [
        some("a", 0, 1.9, cell=names, origin=origin),
        some("a", 0, 2.0, cell=names | {"label": "b"}, seed=1),
        some("a", 0, cell=names, seed=1, status="crash", reason=ATTACK, method={}),
        some("a", 0, cell=names, seed=2, status="skipped", reason=ATTACK, method={}),
    ]
    site = make_site(records, {ATTACK: 2.0})
    return {name: Html(content.decode()) for name, content in build.made(site) if name.endswith(".html")}


def test_a_page_for_everything(pages):
    assert set(pages) == {
        "index.html", "results.html", "solvers.html", "instances.html", "reading.html",
        "problem/stin-deployment.html", "solver/greedy.html", "solver/vdn.html",
        *(f"instance/stin-deployment--tiny-{k:03d}.html" for k in range(3)),
    }  # fmt: skip


def test_every_link_leads_somewhere(pages, two_days):
    names = {name for name, _ in build.made(two_days)}
    ids = {name: {a["id"] for _, a in page.elements if "id" in a} for name, page in pages.items()}
    for name, page in pages.items():
        targets = [a["href"] for tag in ("a", "link") for a in page.all(tag)] + [a["src"] for a in page.all("script")]
        for target in targets:
            path, _, anchor = target.partition("#")
            there = name if not path else str(PurePosixPath(name).parent / path)
            while "/../" in f"/{there}":
                there = re.sub(r"(^|/)[^/]+/\.\./", r"\1", there)
            assert there in names, (name, target)
            assert not anchor or anchor in ids[there], (name, target)


def test_equal_records_give_equal_bytes(make_site, some):
    best = {"stin-deployment/tiny-000": 1.0, "stin-deployment/tiny-001": 1.0}
    records = [some(label, k, 1.0 + k, seed=s) for label in ("a", "b") for k in range(2) for s in range(2)]
    one = dict(build.made(make_site(records, best)))
    random.Random(1).shuffle(records)
    assert dict(build.made(make_site(records, best))) == one


def test_nothing_from_files_becomes_markup(attacked):
    for name, page in attacked.items():
        assert len(page.all("script")) == 1, name
        assert page.all("img") == []
        assert not any(key.startswith("on") or key == "style" for _, a in page.elements for key in a)
    assert any("alert(1)" in word for word in attacked["results.html"].words)
    assert any("{{ 7 * 7 }}" in word for word in attacked["results.html"].words)
    assert all(re.fullmatch(r"[a-z0-9/._-]+", name) for name in attacked)


def test_the_policy_allows_the_own_files_only(pages):
    for page in pages.values():
        (policy,) = (m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none';")
        assert "unsafe" not in policy
        assert "http" not in policy


def test_every_picture_has_a_name(pages):
    for page in pages.values():
        for svg in page.all("svg"):
            assert svg.get("aria-hidden") == "true" or svg.get("aria-label") or svg.get("class") == "cut"


def test_columns_that_say_nothing_are_left_out(pages):
    headings = [a.get("class", "") for a in pages["results.html"].all("th") if a.get("scope") == "col"]
    assert any("gap" in each for each in headings)
    assert not any("failures" in each or "proven" in each for each in headings)


def test_claims_only_where_there_are_any(pages, make_site, some, tmp_path):
    assert "claims.html" not in pages
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "tao-fig4.png").write_bytes(b"\x89PNG\r\n\x1a\n...")
    (tmp_path / "figures" / "no.png").write_bytes(b"<script>")
    attack = ATTACK.replace('"', "")
    (tmp_path / "claims.csv").write_text(
        "paper,figure,claim,quote,claimed,measured,lower,upper,verdict,reason\n"
        "tao,4,x,<b>best,'+33 %,0.25,,,holds,\n"
        f"{attack},5,y,q,c,not run,,,odd,r\n"
    )
    made = dict(build.made(make_site([some("greedy")], claims=tmp_path)))
    page = Html(made["claims.html"].decode())
    assert made["claims/tao-fig4.png"].startswith(b"\x89PNG")
    assert "claims/no.png" not in made
    assert "0.25" in page.words
    assert "<b>best" in page.words
    assert "+33 %" in page.words  # without the apostrophe that guards it in the file
    assert len(page.all("script")) == 1


def test_the_frontier_only_where_there_is_one(pages, make_site, some, tmp_path):
    assert "frontier.html" not in pages
    attack = ATTACK.replace('"', "").replace(",", "")
    (tmp_path / "frontier-limits.csv").write_text(
        f"problem,limit,proven_up_to,best\nstin-deployment,0.05,0,5: greedy; 10: {attack}\n"
    )
    (tmp_path / "frontier.csv").write_text(
        "problem,size,method,kind,instances,ratio,low,high,proven,seconds,seconds_most,memory_mib\n"
        "stin-deployment,5,exact,exact,3,1.0,0.5,1.5,1.0,0.0125,0.2,100.25\n"
    )
    (tmp_path / "frontier.png").write_bytes(b"\x89PNG\r\n\x1a\n...")
    made = dict(build.made(make_site([some("greedy")], frontier=tmp_path)))
    page = Html(made["frontier.html"].decode())
    assert made["frontier/frontier.png"].startswith(b"\x89PNG")
    assert len(page.all("table")) == 2  # no growth was measured
    for words in ("0.05 s", "none", "0.5 to 1.5", "100 %", "0.0125", "100.2"):
        assert words in page.words
    assert len(page.all("script")) == 1
    assert ATTACK not in made["frontier.html"].decode()
    (tmp_path / "frontier.png").write_bytes(b"<svg>")
    assert "frontier/frontier.png" not in dict(build.made(make_site([some("greedy")], frontier=tmp_path)))


def test_a_second_site_replaces_the_first(make_site, some, tmp_path):
    folder = tmp_path / "site"
    build.write(folder, make_site([some("greedy"), some("old")]))
    build.write(folder, make_site([some("greedy")]))
    assert (folder / "solver/greedy.html").is_file()
    assert not (folder / "solver/old.html").exists()


def test_other_files_are_not_touched(make_site, some, tmp_path):
    mine = tmp_path / "thesis.txt"
    mine.write_text("mine")
    with pytest.raises(DtbenchError, match="other things"):
        build.write(tmp_path, make_site([some("greedy")]))
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_list_cannot_lead_outside(make_site, some, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / build.LIST).write_text(f"../outside.txt\n{outside}\n")
    build.write(folder, make_site([some("greedy")]))
    assert outside.read_text() == "mine"
