"""Varied settings: each combination has a row for each objective, in one table and one family of tests."""

import pytest
from hypothesis import given, strategies as st

from cmploss.errors import UserError
from cmploss.experiment import read_references
from cmploss.experiment.spec import parse_objectives
from cmploss.model_config import ModelConfig
from cmploss.options import as_arguments, parse_arguments
from cmploss.studies import RunConfig, StudyConfig, compare
from cmploss.studies.vary import parse_vary, rows_of
from tests.local_model import reviews, save_encoder

ROWS = [
    "supervised · pooling=cls · learning_rate=0.001",
    "comparative · pooling=cls · learning_rate=0.001",
    "supervised · pooling=cls · learning_rate=0.003",
    "comparative · pooling=cls · learning_rate=0.003",
    "supervised · pooling=mean · learning_rate=0.001",
    "comparative · pooling=mean · learning_rate=0.001",
    "supervised · pooling=mean · learning_rate=0.003",
    "comparative · pooling=mean · learning_rate=0.003",
]
BASE = RunConfig(parse_objectives("supervised")[0])
OPTIONS = {"objectives": ["supervised", "comparative"], "max_steps": 2, "max_length": 16, "use_cpu": True}


@pytest.fixture(scope="module")
def study(encoder, tmp_path_factory):
    varied = {"pooling": ["cls", "mean"], "learning_rate": [1e-3, 3e-3]}
    folder = tmp_path_factory.mktemp("vary") / "study"
    return compare(reviews(40), model=encoder, output_dir=str(folder), seeds=3, vary=varied, **OPTIONS)


def test_one_table_has_a_row_for_each_objective_and_combination(study):
    table = study.table()
    assert [row.objective for row in table.rows] == ROWS
    assert table.baseline == ROWS[0]
    assert list(table.family.comparisons) == sorted(ROWS[1:]) or set(table.family.comparisons) == set(ROWS[1:])
    assert len(study.conditions) == 1


def test_records_hold_the_row_as_data(study):
    for record in study.records():
        assert record.objective["name"] == record.objective["kind"] in ("supervised", "comparative")
        varied = record.objective["varied"]
        assert record.settings["training"]["learning_rate"] == varied["learning_rate"]
        assert record.settings["pooling"] == varied["pooling"]
    assert (study.folder / "supervised_pooling=cls_learning_rate=0.001" / "seed-0" / "record.json").is_file()


def test_simple_models_follow_the_encoding_alone(study):
    names = [record.name for record in read_references(study.folder) if record.seed == 0]
    assert sorted(names) == ["probe · pooling=cls", "probe · pooling=mean", "tfidf"]
    report = (study.folder / "report.md").read_text()
    assert report.count("| *probe · pooling=mean* |") == 1
    assert "probe: logistic or ridge regression on the frozen encoder; tfidf:" in report


def test_the_same_command_runs_nothing_again(study, encoder):
    before = [path.stat().st_mtime_ns for path in sorted(study.folder.rglob("record.json"))]
    varied = ["pooling=cls,mean", "learning_rate=1e-3,3e-3"]
    again = compare(reviews(40), model=encoder, output_dir=str(study.folder), seeds=3, vary=varied, **OPTIONS)
    assert [path.stat().st_mtime_ns for path in sorted(again.folder.rglob("record.json"))] == before


def test_models_are_rows(encoder, tmp_path):
    other = save_encoder(tmp_path / "wide", hidden_size=32)
    study = compare(
        reviews(40),
        vary={"model": [encoder, other]},
        seeds=1,
        output_dir=str(tmp_path / "study"),
        **{**OPTIONS, "objectives": "supervised"},
    )
    assert [row.objective for row in study.table().rows] == ["supervised · model=encoder", "supervised · model=wide"]
    assert [study.tasks.of(run.config).model for run in study.runs] == [encoder, other]


@given(st.integers(1, 3), st.lists(st.integers(2, 4), min_size=1, max_size=3))
def test_rows_are_the_product_with_the_first_values_first(objectives, sizes):
    names = ("warmup_steps", "weight_decay", "adam_beta1")
    varied = {name: tuple(i / 10 for i in range(size)) for name, size in zip(names, sizes, strict=False)}
    specs = parse_objectives(["supervised", "comparative", "rdrop"][:objectives])
    rows = rows_of(specs, RunConfig(specs[0]), varied)
    count = objectives
    for size in sizes:
        count *= size
    assert len({row.objective for row in rows}) == len(rows) == count
    assert [row.spec.name for row in rows[:objectives]] == [spec.name for spec in specs]
    assert all(value == 0 for value in rows[0].spec.varied.values())
    assert all(row.training == row.spec.varied for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["learning_rat=1,2"], "'learning_rat' is not a setting to vary; did you mean learning_rate"),
        (["learning_rate=1e-4"], "give at least two different values, as in learning_rate=A,B"),
        (["learning_rate=1e-4,1e-4"], "give at least two different values"),
        (["learning_rate=1e-4,fast"], "--vary learning_rate must be a number, got 'fast'"),
        (["pooling=cls,max"], "--vary pooling must be one of auto, head, cls, mean, got 'max'"),
        (["weight_decay=0,1"], "--weight_decay is given too; leave one out"),
        (["pooling=cls,mean", "pooling=cls,head"], "--pooling is given too"),
        (["max_steps=10,20"], "max_steps is not varied here; give --steps 100,400"),
        (["few_shot=10,20"], "few_shot is not varied here; give --few_shot 20,100"),
        (["lora+learning_rate=none,r=8+1e-3"], "'none' is no value of lora and learning_rate; write A[+]B"),
        (["pooling+weight_decay=cls+0,mean+1"], "--weight_decay is given too; leave one out"),
        (["pooling+learning_rat=cls+0,mean+1"], "'learning_rat' is not a setting to vary"),
        (["n_drop=1,2"], r"n_drop is not varied here; write objective\(n_drop=…\) in --objectives"),
    ],
)
def test_settings_that_cannot_be_varied(words, message):
    with pytest.raises(UserError, match=message):
        parse_vary(words, given=["weight_decay"])


def test_every_kind_of_value():
    words = ["max_length=auto,64", "bf16=true,false", "freeze=embeddings,2", "lr_scheduler_type=linear,cosine"]
    assert list(parse_vary(words).values()) == [("auto", 64), (True, False), ("embeddings", "2"), ("linear", "cosine")]


def test_settings_that_change_together():
    word = "lora+learning_rate+weight_decay=none+1e-4+0,(r=8,target_modules=query+value)+1e-3+0.1"
    varied = parse_vary([word, "pooling=cls,mean"])
    specs = parse_objectives("supervised")
    lora = "r=8,target_modules=query+value"
    rows = [(row.model_config.lora, row.training, row.model_config.pooling) for row in rows_of(specs, BASE, varied)]
    full, small = ({"learning_rate": rate, "weight_decay": decay} for rate, decay in ((1e-4, 0), (1e-3, 0.1)))
    assert rows == [(of, training, pool) for of, training in ((None, full), (lora, small)) for pool in ("cls", "mean")]
    names = [row.objective for row in rows_of(specs, BASE, parse_vary(["lora+learning_rate=none+1e-4,r=8+1e-3"]))]
    assert names == [
        "supervised · lora=none · learning_rate=0.0001",
        "supervised · lora=r=8 · learning_rate=0.001",
    ]


def test_two_models_of_one_name():
    specs = parse_objectives("supervised")
    with pytest.raises(UserError, match="two rows would be called supervised · model=bert"):
        rows_of(specs, RunConfig(specs[0]), {"model": ("a/bert", "b/bert")})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"vary": ["per_device_train_batch_size=8,16"], "num_train_epochs": 2},
            "give the length of all runs, as in --max_steps",
        ),
        ({"vary": ["learning_rate=1e-4,1e-3"], "learning_rate": 1e-4}, "--learning_rate is given too"),
        ({"vary": ["learning_rate=1e-4,1e-3"], "search_trials": 1}, "--search_trials finds the learning rate"),
    ],
)
def test_a_study_that_is_refused(encoder, tmp_path, options, message):
    fixed = {name: value for name, value in OPTIONS.items() if name != "max_steps"}
    with pytest.raises(UserError, match=message):
        compare(reviews(40), model=encoder, output_dir=str(tmp_path / "study"), seeds=1, **fixed, **options)
    assert not (tmp_path / "study").exists()


def test_forms_of_the_option():
    mapping = as_arguments({"vary": {"learning_rate": [1e-4, 5e-5], "model": "a,b"}})
    assert mapping == ["--vary", "learning_rate=0.0001,5e-05", "model=a,b"]
    assert as_arguments({"vary": {"lora": ["none", "r=8,alpha=8"]}}) == ["--vary", "lora=none,(r=8,alpha=8)"]
    assert parse_vary(["lora=none,(r=8,alpha=8)", "freeze=none,2"]) == {
        "lora": (None, "r=8,alpha=8"),
        "freeze": (None, "2"),
    }
    assert as_arguments({"vary": ["pooling=cls,mean", "bf16=true,false"]}) == [
        "--vary",
        "pooling=cls,mean",
        "bf16=true,false",
    ]
    options = parse_arguments([*mapping, "--seeds", "2"], (StudyConfig, ModelConfig), training=True)
    assert options[StudyConfig].vary == ("learning_rate=0.0001,5e-05", "model=a,b")
    assert options.given == {"vary", "seeds"}
