import json

import pytest

pytest.importorskip("torch")

SMALL = ("dnt-spectrum", "--size", "tiny", "--world", 6)
QUICK = ("--option", "trajectories=30", "--option", "epochs=1", "--option", "units=4")


def test_a_predictor_is_trained_and_measured(dtbench, tmp_path):
    result = dtbench("train-predictor", *SMALL, *QUICK, "--seed", 3, "-o", tmp_path, "--json")
    assert result.code == 0
    (found,) = json.loads(result.out)
    assert found["case"] == "tiny, world 6"
    assert found["file"] == str(tmp_path / "gru-world6-m3-u5.safetensors")
    assert found["header"]["trained_for"]["world"] == 6
    assert {found["header"]["options"][name] for name in ("seed", "trajectories", "epochs", "units")} == {3, 30, 1, 4}
    assert "1/1 tiny, world 6: error" in result.err

    measured = dtbench("predictor-error", *SMALL, "--count", 3, "--weights", tmp_path, "--json")
    assert measured.code == 0
    facts = json.loads(measured.out)
    assert facts["trajectories"] == 3
    assert [e["predictor"] for e in facts["errors"]] == ["hold", "drift", "gru"]
    for each in facts["errors"]:
        assert list(each["error"]) == ["1", "5", "20"]
        assert len(each["1 ahead, by user"]) == 5
        assert sum(each["1 ahead, by user"]) / 5 == pytest.approx(each["error"]["1"])


def test_tables(dtbench, tmp_path):
    result = dtbench("train-predictor", *SMALL, *QUICK, "--world", 7, "-o", tmp_path)
    assert result.code == 0
    assert "gru-world7-m3-u5.safetensors" in result.out
    assert "1/2 tiny, world 6" in result.err
    assert "left" in result.err
    result = dtbench("predictor-error", *SMALL, "--count", 2, "--weights", tmp_path)
    assert [word in result.out for word in ("20 ahead", "greatest user", "0.188, 0.075 and 0.320")] == [True] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train-predictor", "stin-deployment"), "has no learned predictor. Problems that have one: dnt-spectrum"),
        (("train-predictor", *SMALL, "--option", "epoch=3"), "unknown option 'epoch'. Did you mean 'epochs'"),
        (("train-predictor", *SMALL, "--option", "seed=3"), "use --seed"),
        (("train-predictor", *SMALL, "--set", "predictor=drift"), "predictor is 'drift', which is not trained"),
        (("predictor-error", "dnt-spectrum", "--size", "huge"), "unknown size 'huge'"),
        (("predictor-error", *SMALL), "no predictor weights 'gru-world6-m3-u5.safetensors'"),
    ],
)  # fmt: skip
def test_mistakes(dtbench, arguments, words):
    result = dtbench(*arguments)
    assert result.code == 2
    assert words in result.err
