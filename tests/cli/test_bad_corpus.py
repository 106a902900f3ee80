"""Some 250 bad files, options and folders: each is refused in one line that names it, and nothing is written."""

# ruff: noqa: E501
# fmt: off
import json

import numpy as np
import pytest

from cmploss.retrieval import DenseIndex

TINY = "--model models/encoder --max_length 16 --max_steps 2 --use_cpu true --output_dir out"
READS = "train --model models/encoder --max_length 32 --stride 4 --use_cpu true --output_dir out --train_file"
EVALUATE = "retrieve evaluate --index index --feedback_passages 0,1 --output_dir out"
RETRIEVE = "--index index --documents docs.tsv --train_queries queries.tsv"
HEAD = "text,label\n"
JSON = '{"text": "a", "label": "x"}\n'


def line(**fields):
    """A question of the own form with some other fields; None removes one."""
    own = {"id": "1", "question": "Who?", "segments": [{"text": "Ann did."}], "answers": [{"text": "Ann"}]}
    return json.dumps({name: value for name, value in (own | fields).items() if value is not None})


def squad(**fields):
    own = {"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    qa = {name: value for name, value in (own | fields).items() if value is not None}
    return json.dumps({"data": [{"title": "t", "paragraphs": [{"context": "Ann did.", "qas": [qa]}]}]})


def hotpot(**fields):
    own = {"_id": "1", "question": "Who?", "answer": "Ann", "supporting_facts": [["T", 0]], "context": [["T", ["Ann."]]]}
    return json.dumps({name: value for name, value in (own | fields).items() if value is not None})


# file, command, contents: the message names the file
FILES = [
    ("d.csv", f"compare {TINY} --train_file d.csv", [
        "", " \n", "\x00", HEAD, "text\n", "label\na\n", "text,text,label\na,b,c\n", "words,mood\na,b\n", HEAD + "a\n",
        HEAD + "a,b,c\n", HEAD + '"a,b\n', HEAD + 'a,"b"c\n', HEAD + "a,x\n", HEAD + "a,x\nb,x\n", HEAD + ",x\na,y\n",
        HEAD + "a,\nb,y\n", HEAD + " ,x\nb,y\n", HEAD + "a,1.5\nb,2\n", HEAD + "a, x\nb,y\n", HEAD + "a,x\n\nb\n",
        "text;label\na;x\nb;y\n", "text\tlabel\na\tx\nb\ty\n", b"\xff\xfet\x00e\x00", b"text,label\n\xe9,x\n",
        b"PK\x03\x04rest", "text,label,label\na,x,y\n", HEAD + "a,x\nb,y", HEAD + "a,x\nb,y\nc,z\n",
    ]),
    ("d.tsv", f"compare {TINY} --train_file d.tsv", ["", "text\tlabel\n", "text\tlabel\na\n", 'text\tlabel\n"a\tx\n', "a\tb\nc\td\n"]),
    ("d.jsonl", f"compare {TINY} --train_file d.jsonl", [
        "", "null", "[]", "1", '"a"', "{", "{}", "[1]", JSON + "{", JSON + "[]", '{"text": "a"}', '{"label": "x"}',
        '{"text": 1, "label": "x"}', '{"text": null, "label": "x"}', '{"text": ["a"], "label": "x"}', JSON,
        '{"text": "a", "label": 1.5}\n' + JSON, '{"text": "a", "label": ["x"]}\n' + JSON, '{"text": "\\ud800", "label": "x"}\n' + JSON,
        '{"text": "a", "label": {}}\n' + JSON, '{"text": "a", "label": null}\n' + JSON, "[" * 50_000, '{"text": ' * 20_000,
        '{"text": "a", "label": NaN}\n' + JSON, b'{"text": "\xff"}',
    ]),
    ("d.parquet", f"compare {TINY} --train_file d.parquet", ["", "text", b"PAR1", b"PAR1" + b"\0" * 40 + b"PAR1"]),
    ("d.csv", "predict --model models/classifier --test_file d.csv", ["", HEAD, "words\na\n", "text\n \n", b"text\n\xff\n", "text\na,b\n"]),
    ("d.csv", "evaluate --model models/classifier --test_file d.csv", ["", HEAD, "text\na\n", HEAD + "a,ugly\n", HEAD + "a,\n", HEAD + "a\n"]),
    ("d.csv", f"compare {TINY} --task regression --train_file d.csv", [HEAD + "a,x\nb,y\n", HEAD + "a,nan\nb,1\n", HEAD + "a,inf\nb,1\n", HEAD + "a,1e999\nb,2\n"]),
    ("q.jsonl", f"{READS} q.jsonl --task question_answering", [
        "", "[]", "{}", "1", line(id=None), line(id=1), line(id=""), line(question=""), line(question=None), line(question=3),
        line(segments=None), line(segments=[]), line(segments=["Ann"]), line(segments=[{"text": ""}]), line(segments={"text": "a"}),
        line(segments=[{"title": "T"}]), line(segments=[{"text": "Ann", "evidence": 1}]), line(answers=None), line(answers=["Ann"]),
        line(answers={"text": ["Ann"]}), line(answers=[{"text": ""}]), line(answers=[{"text": "Ann", "start": 0}]),
        line(answers=[{"text": "Ann", "segment": 9}]), line(answers=[{"text": "Ann", "segment": -1}]),
        line(answers=[{"text": "Ann", "segment": True}]), line(answers=[{"text": "Ann", "segment": 0, "start": 3}]),
        line(answers=[{"text": "Bob", "segment": 0}]), line(answers=[{"text": "Ann", "answer_start": 0}]),
        line(answer="Ann", answers=None), line(is_supporting=True), line(paragraphs=[]),
        line(segments=[{"paragraph_text": "Ann"}]), line(segments=[{"text": "Ann", "is_supporting": True}]),
        line() + "\n" + line(), line() + "\n{", line(question="\ud800"),
    ]),
    ("q.json", f"{READS} q.json --task squad", [
        "", "{}", "[]", '{"data": 1}', '{"data": []}', '{"data": [{}]}', '{"data": [{"paragraphs": [{"qas": []}]}]}', squad(id=None),
        squad(question=""), squad(answers=[]), squad(answers=[{"text": "Ann"}]), squad(answers=[{"text": "Ann", "answer_start": 1}]),
        squad(answers=[{"text": "Ann", "answer_start": "0"}]), squad(answers=[{"text": "Ann", "answer_start": -1}]),
        squad(answers=None), squad(is_impossible="yes"), squad(is_impossible=True), '{"data": [{"title": 1, "paragraphs": []}]}',
        '{"context": "Ann", "question": "Who?", "id": "1", "answers": {"text": ["Ann"], "answer_start": []}}', '{"data": [',
    ]),
    ("q.json", f"{READS} q.json --task hotpotqa", [
        "", "{}", hotpot(_id=None), hotpot(answer=""), hotpot(context=[]), hotpot(context=[["T"]]), hotpot(context=[["T", "Ann."]]),
        hotpot(supporting_facts=None), hotpot(supporting_facts=[["Other", 0]]), hotpot(supporting_facts=["T"]), hotpot(context="T"),
        '{"question_text": "Who?", "question_id": "1", "contexts": [], "answers_objects": []}',
    ]),
    ("d.txt", "retrieve index --documents d.txt --output_dir out --model models/encoder --pooling cls", [
        "", "words\n", "a\tb\tc\n", "a\tb\na\tc\n", "\tb\n", "a b\tc\n", b"a\t\xff\n", "{", "[]", "{}", '{"_id": "a"}', '{"text": "a"}',
        '{"_id": null, "text": "a"}', '{"_id": "a", "text": null}', '{"_id": "a", "text": ["b"]}', '{"_id": true, "text": "b"}',
        '{"_id": "a", "text": "\\ud800"}', "<DOC>\nx\n</DOC>\n", "<DOC>\n<DOCNO>1</DOCNO>\n", "<DOC>\n<DOCNO>1</DOCNO>\n</DOC>\nlost\n",
        "<html>", b"\x1f\x8bno gzip", b"\x1f\x8b", '{"_id": ' + "[" * 50_000,
    ]),
    ("q.txt", f"{EVALUATE} --queries queries.tsv --qrels q.txt", [
        "", "x\n", "q1 d1 1\n", "q1 0 d1\n", "q1 0 d1 1 1\n", "q1 0 d1 high\n", "q1 0 d1 1.5\n", "q1 0 d1 1\nq1 0 d1 1\n", "q9 0 d1 1\n",
        "q1 0 d99 1\n", "q1 1410 0 0\n", "q1 0 d1 99999999999\n", "query-id\tcorpus-id\tscore\nq1\td1\n", b"q1 0 \xff 1\n",
    ]),
    ("r.txt", f"{EVALUATE} --queries queries.tsv --qrels qrels.txt --run_files r.txt", [
        "", "q1 d1 1\n", "q1 Q0 d1 1 2.0\n", "q1 Q0 d1 1 high x\n", "q1 Q0 d1 1 nan x\n", "q1 Q0 d1 1 inf x\n", "q9 Q0 d1 1 1 x\n",
        "q1 Q0 d1 1 1 x\nq1 Q0 d1 2 1 x\n", b"\xff\n",
    ]),
    ("r.txt", f"{EVALUATE} --queries queries.tsv --qrels qrels.txt --first_run r.txt", ["", "q1 d1 1\n", "q1 Q0 d99 1 1 x\n", "q1 Q0 d1 1 1 x\n"]),
    ("v.jsonl", f"{EVALUATE} --queries queries.tsv --qrels qrels.txt --query_vectors v.jsonl", [
        "", "{}", '{"id": "q1"}', '{"id": "q1", "vector": []}', '{"id": "q1", "vector": "x"}', '{"id": "q1", "vector": [true, 1]}',
        '{"id": "q1", "vector": {"a": 1}}', '{"id": "q9", "vector": [1, 2]}',
    ]),
    ("d.csv", f"compare {TINY} --train_file d.csv --task multi_label", ["", "text,labels\n", "text,labels\na,\n", "text,labels\na,x||y\nb,x\n", "text,labels\na,x|x\nb,y\n", "words,labels\na,x\n"]),
    ("d.conll", f"compare {TINY} --train_file d.conll --task tags", [
        "", "\n\n", "-DOCSTART- O\n", "EU\n", "EU O\nis\n", "EU O\n\nis O\n", "EU B\n", "EU B-\n", "EU X-ORG\n", "EU NNP B-ORG\nis O\n", b"\xff O\n", "\ud800 B-X\n",
    ]),
    ("d.jsonl", f"compare {TINY} --train_file d.jsonl --task tags", [
        '{"tokens": [], "tags": []}', '{"tokens": ["a"], "tags": []}', '{"tokens": "a", "tags": "O"}', '{"tokens": [1], "tags": ["O"]}', '{"tokens": ["a"], "tags": [null]}',
        '{"tokens": ["a"], "tags": ["O"]}', '{"tokens": ["a"]}', '{"tags": ["O"]}', '{"tokens": [""], "tags": ["B-X"]}', '{"tokens": null, "tags": null}',
    ]),
    ("d.jsonl", f"compare {TINY} --train_file d.jsonl --task multiple_choice", [
        '{"context": "a", "choices": ["b"], "label": 0}', '{"context": "a", "choices": ["b", "c"], "label": 2}', '{"context": "a", "choices": ["b", "c"], "label": -1}',
        '{"context": "a", "choices": ["b", "c"], "label": 1.5}', '{"context": "a", "choices": ["b", "c"], "label": true}', '{"context": "a", "choices": ["b", "b"], "label": "z"}',
        '{"context": "a", "choices": "bc", "label": 0}', '{"context": "a", "choices": ["b", ""], "label": 0}', '{"context": "", "choices": ["b", "c"], "label": 0}',
        '{"context": 1, "choices": ["b", "c"], "label": 0}', '{"choices": ["b", "c"], "label": 0}', '{"context": "a", "label": 0}', '{"context": "a", "choices": ["b", "c"]}',
        '{"context": "a", "choices": ["b", "c"], "label": %s}' % ("9" * 5000), '{"context": "a", "choices": {"0": "b"}, "label": 0}',
    ]),
    ("d.csv", f"compare {TINY} --train_file d.csv", [HEAD + "the lamp\x1f" * 3, "﻿﻿text,label\na,x\n", HEAD + "a,x\rb", "text, label\na,x\n", "Text,Label\na,x\n", HEAD.upper() + "a,x\n", '"text,label"\na,x\n', "a|b\n1|2\n"]),
    ("d.txt", f"compare {TINY} --train_file d.txt", ["text,label\na,x\n"]),
    ("d.xlsx", f"compare {TINY} --train_file d.xlsx", [b"PK\x03\x04"]),
    ("d.csv", f"compare {TINY} --train_file train.csv --test_file d.csv", ["", HEAD + "a,ugly\n", "words,label\na,good\n", HEAD + ",good\n", HEAD]),
    ("d.csv", f"compare {TINY} --train_file train.csv --also_test more=d.csv", ["", HEAD + "a,ugly\n", "text\na\n"]),
    ("train.tsv", f"compare {TINY} --task cola --data_dir .", ["", "a\t1\n", "a\t1\tx\n", "a\tx\t\tHe is.\n" * 9, "a\t1\t\t\n" * 9, "a\t2\t\tHe is.\n" * 9]),
    ("v.npy", "retrieve index --documents docs.tsv --output_dir out --vectors v.npy", ["", "x", b"\x93NUMPY", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }" + b" " * 57 + b"\n"]),
    ("v.npz", "retrieve index --documents docs.tsv --output_dir out --vectors v.npz", ["", "x", b"PK\x05\x06" + b"\0" * 18]),
    ("v.faiss", "retrieve index --documents docs.tsv --output_dir out --vectors v.faiss", ["", "x", b"IxFI" + b"\xff" * 40, b"IxFI\2\0\0\0\4" + b"\0" * 100]),
    ("v.jsonl", "retrieve index --documents docs.tsv --output_dir out --vectors v.jsonl", ["", "[]", '{"id": "d0", "vector": [1]}', '{"id": "d0", "vector": [1e999]}', '{"id": "d0", "vector": {"x": 1}}']),
    ("s.yaml", "train s.yaml", ["learning_rate: 1e", "max_steps: [1, 2]", "seed: x", "output_dir: 1\nseed: null\nzzz: 1"]),
    ("q.tsv", "retrieve search --index index --queries q.tsv", ["", "q1\n", "q1\t\n", "q1\ta\nq1\tb\n", "q 1\ta\n", b"q\t\xff\n", '{"_id": "a"}\n', "<top>\n", "<top>\n<num> 1\n</top>\n"]),
    ("s.yaml", "compare s.yaml", [
        "", "- a", "a", "1: 2", "seeds: [", "seeds: many", "seeds: 1\nseeds: 2\n", "seeeds: 1", "task: !!python/object:os.system x",
        "a: &a [*a]", "\t", "task: x\n bad: y\n", b"task: \xff", "{" * 2000, "task: '", "objectives: []", "? [a]\n: b", "task: \x00",
    ]),
]

# command, a word of the message
OPTIONS = [
    *((f"compare {TINY} --train_file train.csv {option} {value}", option) for option, value in (
        ("--seeds", "0"), ("--seeds", "-1"), ("--seeds", "1.5"), ("--seeds", "x"), ("--few_shot", "0"), ("--few_shot", "1,x"), ("--few_shot", "999"),
        ("--steps", "0"), ("--jobs", "0"), ("--jobs", "x"), ("--noise", "x"), ("--noise", "label:2"), ("--noise", "label:x"), ("--task", "sst3"),
        ("--objectives", "x"), ("--objectives", "supervised,supervised"), ("--objectives", "comparative(n_drop=x)"), ("--objectives", "comparative("),
        ("--objectives", "comparative(nope=1)"), ("--objectives", "nowhere:Mine"), ("--objectives", ","), ("--label_column", "nope"),
        ("--text_column", "nope"), ("--text_column", "text,text,text"), ("--max_train_samples", "0"), ("--max_train_samples", "x"), ("--pooling", "max"),
        ("--head_init", "x"), ("--freeze", "x"), ("--freeze", "99"), ("--reinit_layers", "99"), ("--reinit_layers", "-1"), ("--max_length", "0"),
        ("--max_length", "999"), ("--max_length", "x"), ("--folds", "1"), ("--folds", "x"), ("--group_column", "nope"), ("--measures", "nope"),
        ("--dropout_power", "x"), ("--dropout_p", "2"), ("--search_trials", "x"), ("--model", "./nowhere"), ("--no_such_option", "1"), ("--train_file", "nowhere.csv"),
        ("--test_file", "nowhere.csv"), ("--validation_file", "."), ("--learning_rate", "fast"), ("--bf16", "perhaps"), ("--eval_strategy", "sometimes"),
        ("--per_device_train_batch_size", "0"), ("--num_train_epochs", "0"), ("--vary", "nope=1,2"), ("--vary", "seeds"), ("--n_drop", "-1"),
    )),
    *((f"predict --model models/classifier --test_file train.csv {option} {value}", option) for option, value in (
        ("--batch_size", "0"), ("--max_length", "999"), ("--text_column", "nope"), ("--output_file", "train.csv"), ("--null_odds_file", "x"), ("--model", "."),
    )),
    *((f"{EVALUATE} --queries queries.tsv --qrels qrels.txt {option} {value}", option) for option, value in (
        ("--feedback", "x"), ("--rocchio", "x"), ("--rocchio", "1"), ("--rocchio", "-1,0"), ("--rocchio", "nan,1"), ("--feedback_passages", "x"), ("--feedback_passages", "-1"), ("--feedback_passages", "99"), ("--depth", "0"),
        ("--relevance_level", "0"), ("--relevance_level", "9"), ("--qrels_form", "x"), ("--run_form", "x"), ("--approximate", "x"), ("--reformulator", "nowhere --documents docs.tsv"),
        ("--queries", "nowhere"), ("--qrels", "nowhere"), ("--index", "nowhere"), ("--query_vectors", "nowhere.npy"), ("--first_run", "nowhere"),
    )),
    *((f"retrieve train {RETRIEVE} --train_qrels qrels.txt --output_dir out {option} {value}", option) for option, value in (
        ("--max_feedback", "-1"), ("--revisions", "x"), ("--score_scale", "0"), ("--first_pass_depth", "0"), ("--test_queries", "queries.tsv"), ("--input_length", "2"),
    )),
    *((f"retrieve index --documents docs.tsv --output_dir out {option} {value}", option) for option, value in (
        ("--batch_size", "0"), ("--jobs", "0"), ("--kind", "x"), ("--max_terms", "1"), ("--pooling", "max"), ("--vectors", "nowhere.npy"), ("--documents", "nowhere"),
    )),
    *((f"train {TINY} --train_file train.csv --objective comparative {option} {value}", option) for option, value in (
        ("--objective", "x"), ("--objective", "supervised,comparative"), ("--few_shot", "0"), ("--few_shot", "5000"), ("--noise", "typo:2"), ("--noise", "back_translation:0"),
        ("--seed", "x"), ("--n_crop", "1"), ("--dropout_p", "-0.1"), ("--warmup_steps", "x"), ("--optim", "sgdx"), ("--lr_scheduler_type", "x"), ("--max_grad_norm", "x"),
        ("--class_weights", "x"), ("--early_stopping_patience", "0"), ("--metric_for_best_model", "bleu"), ("--label_smoothing_factor", "x"), ("--model", "models/classifier/config.json"),
    )),
    *((f"evaluate --model models/classifier --test_file train.csv {option} {value}", option) for option, value in (
        ("--dropout_power", "-1"), ("--dropout_power", "9" * 5000), ("--context_size", "2"), ("--batch_size", "x"), ("--max_length", "-1"), ("--output_dir", "train.csv"), ("--model", "nowhere/x/y"),
        ("--distractors", "2"), ("--task", "sst9"), ("--model", "models/encoder"), ("--dropout_p", "7"),
    )),
    *((f"retrieve search --queries queries.tsv {option}", word) for option, word in (
        ("", "--index"), ("--index index --documents docs.tsv", "--index"), ("--index index --k 0", "--k"), ("--index index --k x", "--k"), ("--documents docs.tsv --k1 -1", "--k1"), ("--documents docs.tsv --b 2", "--b"), ("--documents docs.tsv --b nan", "--b"), ("--index nowhere", "nowhere"),
        ("--index index --feedback_passages 3", "--feedback_passages"), ("--index index --reformulator x", "--reformulator"), ("--documents nowhere", "nowhere"),
        ("--index index --output_file train.csv", "--output_file"), ("--index index --approximate tree", "--approximate"), ("--index index --query_vectors docs.tsv", "docs.tsv"),
    )),
    *((f"retrieve convert {option}", word) for option, word in (("", "--checkpoint"), ("--checkpoint x --index index --output_dir out", "x"), ("--checkpoint . --index index --output_dir out", "model.pt"), ("--checkpoint x --index index --output_dir index", "index"))),
    *((f"report {option}", word) for option, word in (("index", "record.json"), (". .", "--output_file"), ("index --format pdf", "--format"), ("index --margin 0", "--margin"), ("index --margin x", "--margin"), ("train.csv", "train.csv"), ("index --baseline x --zzz 1", "--zzz"))),
    *((f"inspect {option}", word) for option, word in (("models/encoder --n_drop x", "--n_drop"), ("train.csv", "train.csv"), ("models/encoder --zzz 1", "--zzz"))),
    *((f"recipes {option}", word) for option, word in (("shw", "shw"), ("show", "NAME"), ("show nope", "nope"), ("run nope", "nope"), ("run", "NAME"), ("list nope", "nope"), ("run squad/../x", "squad/../x"))),
    ("x", "'x'"), ("retrieve", "retrieve"), ("retrieve x", "retrieve"), ("report", "folder"), ("report nowhere", "nowhere"),
    ("inspect ./nowhere", "nowhere"), ("compare --seeds", "--seeds"), ("compare nowhere.yaml", "nowhere.yaml"), ("compare train.csv", "train.csv"),
]

# what a folder holds, command, a word of the message
FOLDERS = [
    ({"index.json": "{"}, "retrieve search --index f --queries queries.tsv", "index.json"),
    ({"index.json": "{}"}, "retrieve search --index f --queries queries.tsv", "index.json"),
    ({"index.json": "[]"}, "retrieve search --index f --queries queries.tsv", "index.json"),
    ({}, "retrieve search --index f --queries queries.tsv", "contains no index"),
    ({"thesis.txt": "x"}, "retrieve index --documents docs.tsv --output_dir f --model models/encoder --pooling cls", "not empty"),
    ({"thesis.txt": "x"}, f"compare {TINY.replace(' out', ' f')} --train_file train.csv", "not empty"),
    ({"thesis.txt": "x"}, f"train {TINY.replace(' out', ' f')} --train_file train.csv", "not empty"),
    ({}, "report f", "f"),
    ({"record.json": "{"}, "report f", "record.json"),
    ({"record.json": "[]"}, "report f", "record.json"),
    ({"record.json": '{"schema": 99}'}, "report f", "99"),
    ({"config.json": "{"}, "predict --model f --test_file train.csv", "model f"),
    ({"config.json": "{}"}, "predict --model f --test_file train.csv", "model f"),
    ({"config.json": "[]"}, "inspect f", "model f"),
    ({}, "inspect f", "model f"),
    ({"config.json": '{"architectures": 1, "model_type": "bert"}'}, "evaluate --model f --test_file train.csv", "model f"),
    ({"config.json": '{"architectures": ["X"], "model_type": "nope"}'}, "predict --model f --test_file train.csv", "model f"),
    ({"config.json": '{"model_type": "bert", "hidden_size": "a"}'}, f"train {TINY.replace('models/encoder', 'f')} --train_file train.csv", "model f"),
    ({"modules.json": "{}"}, f"train {TINY.replace('models/encoder', 'f')} --train_file train.csv", "model f"),
    ({"modules.json": "[1]"}, f"compare {TINY.replace('models/encoder', 'f')} --train_file train.csv", "model f"),
    ({"study.json": "[" * 5000}, f"compare {TINY.replace(' out', ' f')} --train_file train.csv", "--output_dir f"),
    ({"settings.json": "[]"}, f"train {TINY.replace(' out', ' f')} --train_file train.csv", "--output_dir f"),
    ({"settings.json": "3"}, f"train {TINY.replace(' out', ' f')} --train_file train.csv", "settings.json"),
    ({"settings.json": '{"training": 3}'}, f"train {TINY.replace(' out', ' f')} --train_file train.csv", "--output_dir f"),
    ({"index.json": '{"kind": "x", "documents": 1, "width": 1, "encoded": 1, "model": "m", "settings": {}}'}, "retrieve search --index f --queries queries.tsv", "f"),
    ({"index.json": '{"kind": "dense", "documents": -1, "width": 1, "encoded": 0, "model": "m", "settings": {}}'}, "retrieve search --index f --queries queries.tsv", "f"),
    ({"reformulator.json": "{}"}, f"{EVALUATE} --queries queries.tsv --qrels qrels.txt --documents docs.tsv --reformulator f", "--reformulator f"),
    ({"record.json": "{"}, f"{EVALUATE} --queries queries.tsv --qrels qrels.txt --documents docs.tsv --reformulator f", "record.json"),
]


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collection")
    DenseIndex(np.eye(4, dtype=np.float16), [f"d{row}" for row in range(4)], "by hand").save(folder / "index")
    (folder / "docs.tsv").write_text("".join(f"d{row}\tthe lamp\n" for row in range(4)))
    (folder / "queries.tsv").write_text("q1\tlamp\nq2\tdoor\n")
    (folder / "qrels.txt").write_text("q1 0 d1 1\nq2 0 d2 1\n")
    return folder


@pytest.fixture
def faults(collection, workplace, cmploss, contents):
    """What a command did that it should not: a list of sentences."""
    for path in collection.iterdir():
        (workplace / path.name).symlink_to(path)

    def check(command, *words):
        before = contents()
        try:
            status, _, error = cmploss(command)
        except BaseException as caught:
            return [f"{command}: {type(caught).__name__}: {caught}"]
        error = error.lstrip("\n")  # of a progress bar
        told = status == 2 and error.startswith("error: ") and error.count("\n") == 1 and any(word in error for word in words)
        return ([] if told else [f"{command}: {status} {error[:300]!r}"]) + ([] if contents() == before else [f"{command}: wrote"])

    return check


@pytest.mark.parametrize("number", range(len(FILES)))
def test_bad_files(number, faults, workplace):
    name, command, all_contents = FILES[number]
    found = []
    for content in all_contents:
        (workplace / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        found += [f"{content[:80]!r} {fault}" for fault in faults(command, name, *(["--"] if name == "s.yaml" else []))]
    assert found == [], "\n".join(found)


def test_bad_options(faults):
    found = [fault for command, word in OPTIONS for fault in faults(command, word, word[2:].rstrip("s"), command.split()[-1])]
    assert found == [], "\n".join(found)


def test_bad_folders(faults, workplace):
    found = []
    for held, command, word in FOLDERS:
        folder = workplace / "f"
        folder.mkdir()
        for name, content in held.items():
            (folder / name).write_text(content)
        found += [f"{held} {fault}" for fault in faults(command, word)]
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert found == [], "\n".join(found)


def test_there_are_200_of_them():
    assert sum(len(contents) for _, _, contents in FILES) + len(OPTIONS) + len(FOLDERS) >= 300
