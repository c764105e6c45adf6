import pytest

from dtbench.library import instances


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("stin-deploy", "tiny", "-o", "a.nc"), "unknown problem 'stin-deploy'. Did you mean 'stin-deployment'"),
        (("stin-deployment", "huge", "-o", "a.nc"), "unknown size 'huge'"),
        (("stin-deployment", "tiny", "-o", "a.csv"), "--output is 'a.csv'"),
        (("stin-deployment", "tiny", "-o", "a.nc", "--set", "n_users"), "--set is 'n_users'"),
        (("stin-deployment", "tiny", "-o", "a.nc", "--set", "n_users=0"), "parameter 'n_users' is 0"),
    ],
)
def test_mistakes_of_generate(dtbench, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = dtbench("generate", *arguments)
    assert result.code == 2
    assert words in result.err


def test_the_shipped_library_verifies(dtbench):
    result = dtbench("verify", "--instances")
    assert result.code == 0
    assert f"{len(instances.names())} checked, 0 wrong" in result.out
