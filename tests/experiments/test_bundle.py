"""Bundles: the same bytes again, whole submissions honest and dishonest, damaged and hostile archives."""

import contextlib
import hashlib
import io
import json
import lzma
import tarfile
from pathlib import Path

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import bundle_file
from dtbench.experiments.bundle import merge, pack
from dtbench.experiments.bundle_file import HEAD, archive, head_of, to_json, unpack
from dtbench.experiments.store import Store
from dtbench.experiments.verify import verify

BOARD = sorted((Path(__file__).parents[2] / "results").glob("*.tar.xz"))


@pytest.mark.parametrize("file", BOARD, ids=[file.name for file in BOARD])
def test_bundles_of_the_board_hold(file, tmp_path):
    """What pull requests add to ``results/`` is scored again, decision by decision."""
    assert merge(file, tmp_path / "board")
    assert verify(tmp_path / "board").ok


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A folder of results of two rules and what was packed of it."""
    import os

    folder = tmp_path_factory.mktemp("sent")
    os.environ.setdefault("DTBENCH_CACHE", str(folder / "cache"))
    from dtbench.experiments.run import run
    from dtbench.experiments.session import prepare

    plan, store = prepare(
        "quick", folder / "results", instances="stin-deployment/tiny-00[01]", solvers=["greedy", "random"]
    )
    run(plan, store, workers=1)
    file = folder / "mine.tar.xz"
    pack(store.folder, file, who="A. Name", code="https://example.org/1")
    return folder, file


def contents(file):
    with tarfile.open(file) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def rewritten(file, place, change):
    """A bundle whose files were changed and whose head was made to fit."""
    found = contents(file)
    head = json.loads(found.pop(HEAD))
    change(found)
    head["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in found.items()}
    place.write_bytes(archive({HEAD: json.dumps(head).encode()} | found))
    return place


def test_the_same_results_give_the_same_bytes(sent, tmp_path):
    folder, file = sent
    again = tmp_path / "again.tar.xz"
    head = pack(folder / "results", again, who="A. Name", code="https://example.org/1")
    assert again.read_bytes() == file.read_bytes()
    assert head_of(again) == head
    assert head.records == head.planned == 4
    assert {(m.label, m.sees, m.cells) for m in head.methods} == {
        ("greedy", ("global",), 2),
        ("random", ("global",), 2),
    }
    assert sum(machine.cells for machine in head.machines) == 4
    assert all(machine.speed for machine in head.machines)


def test_an_honest_submission_is_taken_in_whole(sent, tmp_path):
    folder, file = sent
    done = merge(file, tmp_path / "board")
    assert (len(done.taken), done.known, done.refused) == (4, [], {})
    report = verify(tmp_path / "board")
    assert report.ok
    assert not report.lacking
    here, there = Store(tmp_path / "board"), Store(folder / "results")
    assert here.stems() == there.stems()
    assert all(here.content(stem) == there.content(stem) for stem in here.stems())
    again = merge(file, tmp_path / "board")
    assert (again.taken, len(again.known), again.refused) == ([], 4, {})
    assert [f.name for f in (tmp_path / "board" / "bundles").iterdir()] == [f"{done.head.sha256[:16]}.json"]


def test_a_part_is_joined_with_the_rest(sent, tmp_path):
    folder, file = sent
    part = tmp_path / "greedy.tar.xz"
    head = pack(folder / "results", part, who="x", solvers=["greedy"])
    assert head.records == 2
    merge(part, tmp_path / "board")
    done = merge(file, tmp_path / "board")
    assert (len(done.taken), len(done.known)) == (2, 2)
    assert len(verify(tmp_path / "board").plan.cells) == 4


def better(found):
    """A record that claims half of its objective, sealed again."""
    name = next(n for n in found if "--random--" in n and n.endswith(".json"))
    record = Store("/").parse("x", found[name])
    slots = record.slots.model_copy(update={"objective": [v / 2 for v in record.slots.objective]})
    made = record.model_copy(update={"slots": slots, "objective": slots.mean}).sealed()
    found[name] = json.dumps(made.model_dump(mode="json")).encode()
    return name


def swapped(found):
    """Decisions of greedy beside a record of random, whose checksum was made to fit."""
    name = next(n for n in found if "--random--" in n and n.endswith(".json"))
    other = next(n for n in found if "--greedy--" in n and n.endswith(".nc") and name.split("--")[1] in n)
    found[name.replace(".json", ".nc")] = found[other]
    record = Store("/").parse("x", found[name])
    made = record.model_copy(update={"decisions_sha256": hashlib.sha256(found[other]).hexdigest()}).sealed()
    found[name] = json.dumps(made.model_dump(mode="json")).encode()
    return name


@pytest.mark.parametrize("cheat", [better, swapped])
def test_a_record_that_does_not_hold_is_refused_and_the_others_are_taken(sent, tmp_path, cheat):
    _, file = sent
    names = []
    bad = rewritten(file, tmp_path / "bad.tar.xz", lambda found: names.append(cheat(found)))
    done = merge(bad, tmp_path / "board")
    stem = names[0].removeprefix("records/").removesuffix(".json")
    assert list(done.refused) == [stem]
    assert "objective" in done.refused[stem]
    assert len(done.taken) == 3
    report = verify(tmp_path / "board")
    assert report.ok
    assert [each.cell.stem for each in report.lacking] == [stem]


def test_what_was_left_out_counts_as_not_run(sent, tmp_path):
    def forget(found):
        for name in [n for n in found if "--random--s0" in n]:
            del found[name]

    _, file = sent
    done = merge(rewritten(file, tmp_path / "part.tar.xz", forget), tmp_path / "board")
    assert len(done.taken) < 4
    assert {each.lack for each in verify(tmp_path / "board").lacking} == {"not run"}


def test_a_plan_that_was_changed_is_refused(sent, tmp_path):
    def shorten(found):
        found["plan.json"] = found["plan.json"].replace(b'"seed": 0', b'"seed": 7')

    _, file = sent
    with pytest.raises(DtbenchError, match="plan does not hold: the plan was changed"):
        merge(rewritten(file, tmp_path / "bad.tar.xz", shorten), tmp_path / "board")
    assert not Store(tmp_path / "board").stems()
    assert sorted(p.name for p in (tmp_path / "board").iterdir()) == [".lock"]


def test_a_suite_of_the_same_name_with_another_text_is_refused(sent, tmp_path):
    from dtbench.experiments import plan_file
    from dtbench.experiments.bundle import sealed

    _, file = sent
    merge(file, tmp_path / "board")
    store = Store(tmp_path / "board")
    plan = plan_file.read(store)
    suite = plan.suites[0]
    text = suite.text + "\n# edited\n"
    edited = suite.model_copy(update={"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()})
    store.plan_file.write_text(plan_file.to_json(sealed(plan.model_copy(update={"suites": (edited,)}))))
    with pytest.raises(DtbenchError, match="has another text than the one"):
        merge(file, tmp_path / "board")


def test_damaged_archives_are_named(sent, tmp_path):
    _, file = sent
    whole = file.read_bytes()
    bad = tmp_path / "bad.tar.xz"
    for data in (b"", b"no archive", whole[: len(whole) // 2], bytes(1000), lzma.compress(b"x" * 10_000)):
        bad.write_bytes(data)
        with pytest.raises(DtbenchError, match=r"bad\.tar\.xz"):
            unpack(bad, tmp_path / "out")
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(DtbenchError):  # a byte may mean nothing; nothing else may be raised
            unpack(bad, tmp_path / f"out{place}")
    with pytest.raises(DtbenchError, match="does not exist"):
        merge(tmp_path / "none.tar.xz", tmp_path / "board")


@pytest.mark.parametrize(
    "name", ["../evil.json", "records/../../evil.json", "/etc/passwd", "solvers/x/y.py", "more.json"]
)
def test_names_lead_nowhere_else(sent, tmp_path, name):
    _, file = sent
    bad = rewritten(file, tmp_path / "bad.tar.xz", lambda found: found.update({name: b"{}"}))
    with pytest.raises(DtbenchError, match="no name of a file in a bundle"):
        unpack(bad, tmp_path / "out")
    assert not list(tmp_path.rglob("evil*"))


def test_links_are_refused(sent, tmp_path):
    _, file = sent
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        head = to_json(head_of(file))
        facts = tarfile.TarInfo(HEAD)
        facts.size = len(head)
        tar.addfile(facts, io.BytesIO(head))
        link = tarfile.TarInfo("plan.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    bad = tmp_path / "bad.tar.xz"
    bad.write_bytes(lzma.compress(raw.getvalue()))
    with pytest.raises(DtbenchError, match="no plain file"):
        unpack(bad, tmp_path / "out")


def test_sizes_are_bounded(sent, tmp_path, monkeypatch):
    _, file = sent
    monkeypatch.setattr(bundle_file, "MOST_BYTES", 1000)
    with pytest.raises(DtbenchError, match="larger than a bundle may be"):
        unpack(file, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"who": " "}, "--who is"),
        ({"who": "a\nb"}, "--who is"),
        ({"code": "x" * 501}, "--code is"),
        ({"solvers": ["magic"]}, "solver 'magic' is not planned"),
        ({"suites": ["large"]}, "suite 'large' is not planned"),
    ],
)
def test_what_cannot_be_packed(sent, tmp_path, changes, message):
    folder, _ = sent
    with pytest.raises(DtbenchError, match=message):
        pack(folder / "results", tmp_path / "x.tar.xz", **{"who": "x"} | changes)
    assert not (tmp_path / "x.tar.xz").exists()


def test_a_name_that_is_no_bundles(sent, tmp_path):
    with pytest.raises(DtbenchError, match=r"expected NAME\.tar\.xz"):
        pack(sent[0] / "results", tmp_path / "x.zip", who="x")


def test_results_that_do_not_hold_are_not_packed(sent, tmp_path):
    _, file = sent
    merge(file, tmp_path / "board")
    record = next((tmp_path / "board" / "records").glob("*random*.json"))
    record.write_text(record.read_text().replace('"status": "ok"', '"status": "error"'))
    with pytest.raises(DtbenchError, match="does not hold"):
        pack(tmp_path / "board", tmp_path / "x.tar.xz", who="x")
