"""The recipes of LoL train two steps on tiny random retrievers, and the recipes of evaluation score what they wrote."""

import json

import pytest

from cmploss.cli.main import main
from cmploss.experiment import read_records
from cmploss.recipes.recipe import all_recipes
from tests.retrieval.world import documents_of, save_retriever

DOCUMENTS = documents_of(30)
NAMES = [name for name, recipe in all_recipes().items() if name.startswith("lol/") and recipe.command == "compare"]
EVALUATED = {"lol/ance-n0": "lol/ance-dl19", "lol/unicoil-n0": "lol/unicoil-dev"}
DATA = {
    **{"documents": "docs.tsv", "train_queries": "queries.tsv", "train_qrels": "qrels.txt"},
    **{"train_run_file": "first.run", "validation_queries": "queries.tsv", "validation_qrels": "qrels.txt"},
    **{"validation_run_file": "first.run", "test_queries": "queries.tsv", "test_qrels": "qrels.txt"},
    **{"test_run_file": "first.run"},
}
SHORT = "--fp16 false --use_cpu true --seeds 1 --max_steps 2 --eval_steps 2 --save_steps 2"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """MS MARCO's forms: id TAB text, TREC judgements and runs; a dense index, and token weights as of pyserini."""
    folder = tmp_path_factory.mktemp("made")
    rows = list(zip(DOCUMENTS.ids, DOCUMENTS.texts, strict=True))
    (folder / "docs.tsv").write_text("".join(f"{key}\t{text}\n" for key, text in rows))
    for name in ("queries.tsv", "topics.tsv"):  # the topics of pyserini have tokens, repeated by their weight
        (folder / name).write_text("".join(f"q{n}\t{rows[n][1]}\n" for n in range(8)))
    (folder / "qrels.txt").write_text("".join(f"q{n} 0 d{n} 2\n" for n in range(8)))
    run = (f"q{n} Q0 d{(n + 3 * m) % 30} 0 {-m} x\n" for n in range(8) for m in range(6))
    (folder / "first.run").write_text("".join(run))
    lines = (json.dumps({"id": key, "vector": dict.fromkeys(text.split(), 2)}) for key, text in rows)
    (folder / "weights.jsonl").write_text("\n".join(lines))
    retriever = save_retriever(folder / "model", pooling="cls", normalised=False)
    for kind, options in (
        ("dense", f"--model {retriever}"),
        ("sparse", f"--vectors {folder}/weights.jsonl --model {folder}/model/plain"),
    ):
        command = f"retrieve index --documents {folder}/docs.tsv --output_dir {folder}/{kind} {options}"
        assert main(command.split()) == 0
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kind_of(name):
    return "dense" if "ance" in name else "sparse"


def options_of(name):
    found = [f"--{option} {file}" for option, file in DATA.items()]
    found += [f"--index {kind_of(name)}", "--matrix_runs first.run:3,first.run:2"]
    return " ".join(found) + (" --model model/plain" if "model" in all_recipes()[name].options else "")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_of_lol_trains(name, place, capsys):
    """With its largest weight; the smaller ones are the same code."""
    objective = all_recipes()[name].options["objectives"][-1]
    sizes = "--per_device_train_batch_size 4 --input_length 32 --output_dir run"
    command = f"recipes run {name} {options_of(name)} {SHORT} {sizes}".split()
    assert main([*command, "--objectives", objective]) == 0, capsys.readouterr().err
    (record,) = read_records(place / "run")
    assert (record.name, record.cost["steps"]) == (objective, 2)
    assert record.settings["matrix"]["rows"] == len({(n + 3 * m) % 30 for n in range(8) for m in range(3)})
    if name in EVALUATED:
        evaluate(EVALUATED[name], kind_of(name), capsys)
        assert {each.name for each in read_records(place / "scores")} == {"none", "average", "rocchio", objective}


def evaluate(name, kind, capsys):
    data = f"--index {kind} --documents docs.tsv --queries queries.tsv --qrels qrels.txt --reformulator run/best"
    vectors = "--query_vectors topics.tsv" if "query_vectors" in all_recipes()[name].options else ""
    command = f"recipes run {name} {data} {vectors} --feedback_passages 0,1,2 --output_dir scores"
    assert main(command.split()) == 0, capsys.readouterr().err
