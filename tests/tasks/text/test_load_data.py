"""Own files, GLUE's published forms, the hub (replaced by data in memory) and the bundled helpdesk."""

from dataclasses import replace

import datasets
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from cmploss.errors import UserError
from cmploss.measures import MEASURES
from cmploss.tasks.text import TASKS, DataConfig, load_data


def write(folder, **files):
    """Write files given as ``name__suffix`` and return their folder as a string."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return str(folder)


def examples(part):
    return list(zip(*(part[name] for name in part.column_names), strict=True))


def test_own_files_of_two_forms_with_named_columns(tmp_path):
    write(tmp_path, tickets__csv="body,kind,id\na,x,1\nb,y,2\n", dev__jsonl='{"body": "c", "kind": "y"}\n')
    config = DataConfig(
        train_file=str(tmp_path / "tickets.csv"),
        validation_file=str(tmp_path / "dev.jsonl"),
        text_column="body",
        label_column="kind",
    )
    data = load_data(config)
    assert (data.name, data.kind, data.label_names) == ("tickets", "classification", ("x", "y"))
    assert (examples(data.train), examples(data.validation)) == ([("a", 0), ("b", 1)], [("c", 1)])


def test_own_files_of_numbers(tmp_path):
    write(tmp_path, similar__tsv="sentence1\tsentence2\tscore\na\tb\t2.5\nc\td\t0\n", dev__tsv="")
    train = str(tmp_path / "similar.tsv")
    data = load_data(DataConfig(task="regression", train_file=train, validation_file=train))
    assert examples(data.train) == [("a", "b", 2.5), ("c", "d", 0.0)]
    with pytest.raises(UserError, match=r"similar.tsv, line 2, column 'score': .* set --task regression"):
        load_data(DataConfig(train_file=train, validation_file=train))


def test_faults_in_own_files_name_file_and_line(tmp_path):
    write(tmp_path, train__csv="text,label\na,x\nb,y\n", dev__csv='text,label\n"c\nd",x\ne,z\n')
    with pytest.raises(UserError, match=r"dev.csv, line 4, column 'label': .*'z' is unknown; known labels: 'x', 'y'"):
        load_data(DataConfig(train_file=str(tmp_path / "train.csv"), validation_file=str(tmp_path / "dev.csv")))


def test_sample_limits_are_stratified_and_noted(tmp_path):
    lines = "".join(f"text {i},{'x' if i % 4 else 'y'}\n" for i in range(200))
    write(tmp_path, all__csv="text,label\n" + lines)
    path = tmp_path / "all.csv"
    data = load_data(DataConfig(train_file=str(path), max_train_samples=40, max_eval_samples=10))
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 10, 10)
    assert sum(data.train["label"]) == 10  # a quarter of 40 is y
    assert data.notes == (
        f"{path} was split into 140 training + 20 validation + 40 test examples (stratified by label, seed 0).",
        "40 of 140 training examples were drawn (stratified by label, seed 0).",
        "10 of 20 validation examples were drawn (stratified by label, seed 0).",
        "10 of 40 test examples were drawn (stratified by label, seed 0).",
    )
    again = load_data(DataConfig(train_file=str(path), max_train_samples=40, max_eval_samples=10))
    assert again.fingerprints() == data.fingerprints()


MNLI_HEADER = "index\tsentence1\tsentence2\tlabel1\tgold_label\n"

PUBLISHED = {
    "cola": ("gj04\t1\t\tHe goes.\ngj04\t0\t*\tHe go.\n", [("He goes.", 1), ("He go.", 0)]),
    "sst2": ("sentence\tlabel\ngood \t1\nbad\t0\n", [("good ", 1), ("bad", 0)]),
    "mrpc": (
        '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\t" a\tb\n0\t3\t4\tc\td "\n',
        [('" a', "b", 1), ("c", 'd "', 0)],
    ),
    "stsb": ("index\tsentence1\tsentence2\tscore\n0\ta\tb\t5.000\n1\tc\td\t.5\n", [("a", "b", 5.0), ("c", "d", 0.5)]),
    "qqp": (
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t1\t2\ta?\tb?\t1\n2\t3\t4\tc?\td?\t0\n",
        [("a?", "b?", 1), ("c?", "d?", 0)],
    ),
    "mnli": (
        MNLI_HEADER + "0\ta\tb\tneutral\tcontradiction\n1\tc\td\tneutral\tentailment\n",
        [("a", "b", 2), ("c", "d", 0)],
    ),
    "qnli": (
        "index\tquestion\tsentence\tlabel\n0\ta\tb\tentailment\n1\tc\td\tnot_entailment\n",
        [("a", "b", 0), ("c", "d", 1)],
    ),
    "rte": (
        "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tnot_entailment\n1\tc\td\tentailment\n",
        [("a", "b", 1), ("c", "d", 0)],
    ),
    "wnli": ("index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n1\tc\td\t0\n", [("a", "b", 1), ("c", "d", 0)]),
}


def test_every_glue_task_has_its_published_form_below():
    assert {*PUBLISHED, "helpdesk"} == set(TASKS)
    assert all(set(task.measures) <= set(MEASURES) for task in TASKS.values())


@pytest.mark.parametrize("task", PUBLISHED)
def test_original_files(tmp_path, task):
    content, expected = PUBLISHED[task]
    dev = "dev_matched__tsv" if task == "mnli" else "dev__tsv"
    folder = write(tmp_path, train__tsv=content, **{dev: content}, test__tsv="index\tsentence\n0\tunlabelled\n")
    data = load_data(DataConfig(task=task, data_dir=folder))
    assert (data.name, data.kind, data.label_names) == (task, TASKS[task].kind, TASKS[task].label_names)
    assert examples(data.train) == examples(data.validation) == expected
    assert data.test is None
    assert data.measures == TASKS[task].measures


@pytest.mark.parametrize("task", [task for task in PUBLISHED if task != "stsb"])
def test_labels_are_accepted_as_names_and_as_ids(tmp_path, task):
    columns = TASKS[task].columns[0]
    texts = "".join(f'"{column}": "x", ' for column in columns.texts)
    names = TASKS[task].label_names
    lines = [f'{{{texts}"{columns.label}": {label}}}\n' for i, name in enumerate(names) for label in (f'"{name}"', i)]
    path = tmp_path / "d.jsonl"
    path.write_text("".join(lines))
    data = load_data(DataConfig(task=task, train_file=str(path), validation_file=str(path)))
    assert data.train["label"][:] == [i for i in range(len(names)) for _ in range(2)]


def test_labelled_test_parts(tmp_path):
    sst2 = PUBLISHED["sst2"][0]
    (tmp_path / "test-labeled.tsv").write_text("sentence\tlabel\nfine\t1\n")
    folder = write(tmp_path, train__tsv=sst2, dev__tsv=sst2)
    assert examples(load_data(DataConfig(task="sst2", data_dir=folder)).test) == [("fine", 1)]
    mrpc = PUBLISHED["mrpc"][0]
    folder = write(tmp_path, train__tsv=mrpc, dev__tsv=mrpc, msr_paraphrase_test__txt=mrpc)
    assert examples(load_data(DataConfig(task="mrpc", data_dir=folder)).test) == PUBLISHED["mrpc"][1]


def test_a_folder_with_a_development_file_only_is_split(tmp_path):
    lines = "".join(f'{{"premise": "p{i}", "hypothesis": "h", "label": {i % 3}}}\n' for i in range(30))
    folder = write(tmp_path, dev_matched__jsonl=lines)
    data = load_data(DataConfig(task="mnli", data_dir=folder))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [21, 3, 6]
    path = tmp_path / "dev_matched.jsonl"
    assert data.notes == (
        f"{path} is the only labelled file of mnli in its folder.",
        f"{path} was split into 21 training + 3 validation + 6 test examples (stratified by label, seed 0).",
    )


def test_a_file_without_header_is_read_by_position(tmp_path):
    lines = "".join(f"{i}\t1\t2\tq{i}?\tr{i}?\t{i % 2}\n" for i in range(20))
    write(tmp_path, subset__tsv=lines, glued__tsv="0\t1\t2\tq?\tr? 1\n" + lines)
    data = load_data(DataConfig(task="qqp", train_file=str(tmp_path / "subset.tsv")))
    assert len(data.train) + len(data.validation) + len(data.test) == 20
    with pytest.raises(UserError, match=r"glued.tsv, line 1: expected 6 fields \('id', 'qid1', .*\), found 5"):
        load_data(DataConfig(task="qqp", train_file=str(tmp_path / "glued.tsv")))


def test_what_was_looked_for_is_named(tmp_path):
    message = "no original file of mnli to train on; looked for train.tsv, train.jsonl, dev_matched.tsv, dev_matched.js"
    with pytest.raises(UserError, match=message):
        load_data(DataConfig(task="mnli", data_dir=str(tmp_path)))
    with pytest.raises(UserError, match=r"looked for train.tsv"):
        load_data(DataConfig(task="sst2", data_dir=str(tmp_path / "none")))


def test_a_glue_file_with_other_columns_lists_them(tmp_path):
    write(tmp_path, d__tsv="text\tlabel\na\t1\nb\t0\n")
    with pytest.raises(UserError, match=r"d.tsv: has no column 'sentence'; its columns are 'text', 'label'"):
        load_data(DataConfig(task="sst2", train_file=str(tmp_path / "d.tsv")))


def hub(task, *texts, labels=(0, 1, 1)):
    names = TASKS[task].label_names
    features = {column: Value("string") for column in TASKS[task].columns[0].texts}
    features["label"] = ClassLabel(names=list(names)) if names else Value("float32")
    rows = {column: [f"{text} {column}" if text else "" for text in texts] for column in features if column != "label"}
    train = Dataset.from_dict(rows | {"label": list(labels)}, features=Features(features))
    unlabelled = Dataset.from_dict(rows | {"label": [-1] * len(labels)}, features=Features(features))
    return DatasetDict({"train": train, TASKS[task].hub_validation: train.select([1]), "test": unlabelled})


@pytest.mark.parametrize("task", PUBLISHED)
def test_the_hub_is_asked_without_files(monkeypatch, task):
    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *name: asked.append(name) or hub(task, "a", "b", "c"))
    data = load_data(DataConfig(task=task))
    assert asked == [("nyu-mll/glue", task)]
    assert data.train["label"][:] == [0, 1, 1]
    assert data.validation["label"][:] == [1]
    assert data.test is None
    assert data.train["text"][:] == [f"{text} {TASKS[task].columns[0].texts[0]}" for text in "abc"]


def test_empty_questions_of_the_hub_are_dropped_and_noted(monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: hub("qqp", "a", "b", ""))
    data = load_data(DataConfig(task="qqp"))
    assert data.train["label"][:] == [0, 1]
    assert data.notes[0] == "Examples of nyu-mll/glue qqp train dropped for an empty text: 1."


def test_an_unreachable_hub_points_to_data_dir(monkeypatch):
    def offline(*_):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    message = r"^--task rte: nyu-mll/glue cannot be loaded \(ConnectionError: no route\); give --data_dir with the orig"
    with pytest.raises(UserError, match=message) as error:
        load_data(DataConfig(task="rte"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("org/qqp", (("org/qqp",), {})),
        ("org/set:qqp", (("org/set", "qqp"), {})),
        ("org/qqp@v1", (("org/qqp",), {"revision": "v1"})),
    ],
)
def test_any_data_set_of_the_hub_is_read_like_a_file(monkeypatch, name, asked):
    calls = []
    rows = hub("qqp", "a", "b", "c")
    monkeypatch.setattr(datasets, "load_dataset", lambda *where, **how: calls.append((where, how)) or rows)
    data = load_data(DataConfig(dataset=name))
    assert calls == [asked]
    assert (data.label_names, data.sizes) == (("not_duplicate", "duplicate"), {"train": 3, "validation": 1})
    assert data.train["text_pair"][:] == ["a question2", "b question2", "c question2"]
    assert data.notes[0] == f"The test split of {name} has no labels and is not used."
    rows["test"] = rows["train"].select([0, 1])
    assert load_data(DataConfig(dataset=name)).sizes == {"train": 3, "validation": 1, "test": 2}
    del rows["train"]
    with pytest.raises(UserError, match=f"--dataset {name}: .* cannot be loaded .* with a split called train"):
        load_data(DataConfig(dataset=name))


def test_helpdesk_comes_with_the_package():
    data = load_data(DataConfig(task="helpdesk"))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [128, 96, 336]
    assert data.label_names == tuple(sorted(data.label_names))
    assert data.measures == ("accuracy", "f1_macro")
    assert data.notes == ()


def test_mnli_has_mismatched_data_from_the_hub_and_from_files(monkeypatch, tmp_path):
    rows = hub("mnli", "a", "b", "c")
    rows["validation_mismatched"] = rows["train"].select([2, 0])
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: rows)
    data = load_data(DataConfig(task="mnli"))
    assert (data.sizes, data.also["mismatched"]["label"][:]) == ({"train": 3, "validation": 1}, [1, 0])
    lines = [
        f'{{"premise": "p{n}", "hypothesis": "h", "label": "{TASKS["mnli"].label_names[n % 3]}"}}\n' for n in range(6)
    ]
    for name, count in (("train", 6), ("dev_matched", 3), ("dev_mismatched", 2)):
        (tmp_path / f"{name}.jsonl").write_text("".join(lines[:count]))
    data = load_data(DataConfig(task="mnli", data_dir=str(tmp_path)))
    assert (data.sizes, data.also["mismatched"]["text"][:]) == ({"train": 6, "validation": 3}, ["p0", "p1"])
    assert data.also_fingerprints()["mismatched"] not in data.fingerprints().values()


def test_more_test_data_are_read_as_the_training_file_is(tmp_path):
    write(tmp_path, train__csv="body,label\n" + "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(20)))
    write(tmp_path, other__csv="body,label\nnew,b\n", wrong__csv="body,label\nnew,c\n")
    config = DataConfig(
        train_file=str(tmp_path / "train.csv"), text_column="body", also_test=f"other={tmp_path}/other.csv"
    )
    data = load_data(config)
    assert data.also["other"].to_dict() == {"text": ["new"], "label": [1]}
    again = load_data(replace(config, also_test=f"same={tmp_path}/train.csv", max_eval_samples=20 - 1))
    assert again.notes[1:] == (
        "19 of 20 examples of --also_test same were drawn (seed 0).",
        f"{len(again.train) - 1} texts of --also_test same also occur in the training split.",
    )
    for word, message in (
        (f"other={tmp_path}/wrong.csv", r"wrong.csv, line 2, column 'label'"),
        ("other", "--also_test other: write NAME=FILE"),
        (f"test={tmp_path}/other.csv", "none of train, validation, test"),
        (f"a={tmp_path}/other.csv,a={tmp_path}/other.csv", "each name once"),
    ):
        with pytest.raises(UserError, match=message):
            load_data(replace(config, also_test=word))
