"""The site in a real browser: no error, sorting, filters, tabs, marks, names that attack, accessibility, widths.

The browser is the system's Chromium. Without it, or without Playwright, the tests are skipped and say so;
``DTBENCH_CLIENTS=all`` makes that a failure.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dtbench.reports.site import build

ATTACK = "\"><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
PAGES = ("index.html", "results.html", "solvers.html", "instances.html", "reading.html", "claims.html", "frontier.html",
         "problem/stin-deployment.html", "solver/vdn.html", "instance/stin-deployment--tiny-000.html")  # fmt: skip


RUN_AXE = """axe.run({preload: false}).then(
    result => result.violations.map(each => [each.id, each.nodes.length, each.nodes[0].html.slice(0, 300)]))"""


def absent(reason):
    if os.environ.get("DTBENCH_CLIENTS") == "all":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if program is None:
        absent("no Chromium is installed; try: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("Playwright is not installed; try: make setup-dev")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(make_site, some, tmp_path_factory):
    """Twelve methods on two sizes, one of them named by an attacker, and a claim."""
    claims = tmp_path_factory.mktemp("claims")
    (claims / "claims.csv").write_text(
        f'paper,figure,claimed,verdict\ntao,4,"{ATTACK.replace(chr(34), chr(39))}",holds\n'
    )
    frontier = tmp_path_factory.mktemp("frontier")
    (frontier / "frontier-limits.csv").write_text(
        "problem,limit,proven_up_to,best\nstin-deployment,0.05,160,5: exact; 10: exact; 20: imitation; 40: greedy\n"
    )
    row = "stin-deployment,{},local-search with a long name and options,search,3,1.0125,1.0,1.025,0.5,0.0125,0.2,100.25"
    head = "problem,size,method,kind,instances,ratio,low,high,proven,seconds,seconds_most,memory_mib"
    (frontier / "frontier.csv").write_text("\n".join([head, *(row.format(5 * 2**k) for k in range(8))]) + "\n")
    best = {f"stin-deployment/{size}-{k:03d}": 1.0 for size in ("tiny", "paper") for k in range(3)}
    records = []
    for size in ("tiny", "paper"):
        for number in range(12):
            label = ATTACK if number == 11 else "vdn" if number == 3 else f"rule-{number:02d}, with options"
            sees = "local" if label == "vdn" else "future" if number == 5 else "global"
            records += [
                some(label, k, 1.0 + number**2 * (k + 1) / 20, size=size, sees=sees, seconds=10.0 ** (-number / 3),
                     train_seconds=0.5 if label == "vdn" else None)
                for k in range(3)
            ]  # fmt: skip
    folder = tmp_path_factory.mktemp("site") / "out"
    build.write(folder, make_site(records, best, claims=claims, frontier=frontier))
    return folder


@pytest.fixture
def visit(browser, site):
    """Opens a page at a width; fails at the end if anything went wrong on it."""
    said, contexts = [], []

    def go(name, width=1200, scheme="light", **more):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
        path, _, anchor = name.partition("#")
        page.goto((site / path).as_uri() + (f"#{anchor}" if anchor else ""))
        return page

    yield go
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("light", 390)])
def test_no_page_has_an_accessibility_violation(visit, site, scheme, width):
    import axe_playwright_python

    source = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
    page = visit(PAGES[0], width, scheme, bypass_csp=True)
    wrong = {}
    for name in PAGES:
        page.goto((site / name).as_uri())
        page.evaluate(source)
        if found := page.evaluate(RUN_AXE):
            wrong[name] = found
    assert wrong == {}


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_cut(visit, width):
    """No page is wider than the window, and at 1200 pixels no table either."""
    for name in PAGES:
        page = visit(name, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        wide = page.evaluate(
            "Array.from(document.querySelectorAll('.scroll'))"
            ".filter(e => e.querySelector('.board, .best') && e.scrollWidth > e.clientWidth + 1).length"
        )
        assert wide == 0, name


def test_sorting(visit):
    page = visit("problem/stin-deployment.html#tiny")
    table = page.locator("#table-tiny")
    gaps = "rows => rows.map(row => Number(row.querySelector('.gap').dataset.sort))"
    heading = table.locator("thead th.gap")
    heading.locator("button").click()
    rising = table.locator("tbody tr").evaluate_all(gaps)
    assert rising == sorted(rising)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").press("Enter")
    assert table.locator("tbody tr").evaluate_all(gaps) == sorted(rising, reverse=True)


def test_filters(visit):
    page = visit("results.html")
    rows = page.locator("#all tbody tr:visible")
    assert rows.count() == 24
    page.select_option("select[name=size]", "tiny")
    assert rows.count() == 12
    page.select_option("select[name=learned]", "learned")
    assert rows.count() == 1
    assert page.locator("output").inner_text() == "1 of 24 rows"
    page.select_option("select[name=learned]", "")
    page.select_option("select[name=sees]", "future")
    assert rows.count() == 1
    page.select_option("select[name=sees]", "")
    page.fill("input[name=text]", "RULE-0")
    assert rows.count() == 9


def test_tabs_follow_the_address(visit):
    page = visit("problem/stin-deployment.html")
    assert page.locator("#paper").is_visible()
    assert not page.locator("#tiny").is_visible()
    page.get_by_role("button", name="tiny").click()
    assert page.locator("#tiny").is_visible()
    page.goto(page.url.split("#")[0] + "#paper")
    assert page.locator("#paper").is_visible()


def test_mine_is_kept(visit, site):
    page = visit("results.html")
    page.get_by_role("button", name="Mark vdn as mine").first.click()
    page.check("input[name=mine]")
    assert page.locator("#all tbody tr:visible").count() == 2
    page.goto((site / "problem/stin-deployment.html").as_uri())
    assert page.locator("#paper .charts .series.mine").count() >= 3
    assert page.locator("#paper tr.mine").count() >= 1


def test_attacks_stay_words(visit):
    for name in PAGES:
        page = visit(name)
        assert page.evaluate("window.hit") is None
        assert page.locator("img").count() == 0
    assert page.locator("tr", has_text="window.hit").count() == 1


def test_paper_shows_all_sizes(visit):
    page = visit("problem/stin-deployment.html")
    page.emulate_media(media="print")
    assert page.locator("#tiny").is_visible()
    assert not page.locator(".tabs").is_visible()


def test_the_keyboard_reaches_the_content_first(visit):
    page = visit("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
