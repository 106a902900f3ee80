"""Whatever a user gets wrong: status 2, one line that names it, and nothing written."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from tests.local_model import csv_of, reviews

TINY = "--model models/encoder --max_length 16 --max_steps 2 --use_cpu true"
COMPARE = f"compare {TINY} --objectives supervised,comparative --seeds 1 --output_dir out"
TRAIN = f"train {TINY} --objective comparative --output_dir out"
OWN = "--train_file train.csv"
HEADER = b"text,label\n"

# file, its content, words of the message
FAULTY_FILES = {
    "empty": ("data.csv", b"", ["data.csv: is empty"]),
    "blank": ("data.tsv", b"\n \n", ["data.tsv: is empty"]),
    "header_only": ("data.csv", HEADER, ["data.csv: has no rows of data"]),
    "one_class": (
        "data.csv",
        HEADER + b"a lamp,bad\nthe hub,bad\n",
        ["data.csv", "every label is 'bad'", "two classes"],
    ),
    "not_utf8": ("data.csv", HEADER + b"a,bad\n\xe9t\xe9,good\n", ["data.csv, line 3", "0xe9 is not UTF-8"]),
    "too_few_fields": ("data.csv", HEADER + b"a,bad\nb\n", ["data.csv, line 3", "expected 2 fields", "found 1"]),
    "open_quote": ("data.csv", HEADER + b'a,bad\n"b,good\n', ["data.csv, line 3", "the quoting is broken"]),
    "missing_label": ("data.csv", HEADER + b"a,bad\nb,\n", ["data.csv, line 3, column 'label'"]),
    "empty_text": ("data.csv", HEADER + b"a,bad\n ,good\n", ["data.csv, line 3, column 'text'"]),
    "no_label_column": ("data.csv", b"text,mood\na,bad\nb,good\n", ["data.csv", "'text', 'mood'", "--label_column"]),
    "no_text_column": ("data.csv", b"words,label\na,bad\nb,good\n", ["data.csv", "'words'", "--text_column"]),
    "column_twice": ("data.csv", b"text,text,label\na,b,bad\n", ["data.csv", "two columns", "'text'"]),
    "numbers_as_classes": ("data.csv", HEADER + b"a,1.5\nb,2\n", ["line 2", "--task regression"]),
    "bad_json": ("data.jsonl", b'{"text": "a", "label": 1}\n{"text"\n', ["data.jsonl, line 2", "is not JSON"]),
    "key_twice": (
        "data.jsonl",
        b'{"text": "a", "label": "x"}\n{"text": "b", "label": "x", "label": "y"}\n',
        ["data.jsonl, line 2", "the key 'label' twice"],
    ),
    "half_pair": (
        "data.jsonl",
        b'{"text": "a", "label": "x"}\n{"text": "b", "label": "\\ud800"}\n',
        ["data.jsonl, line 2, column 'label'", "half a surrogate pair"],
    ),
    "suffix": ("data.xlsx", b"PK", ["data.xlsx", "'.xlsx'", ".csv"]),
    "missing": ("other.csv", b"", ["data.csv", "No such file"]),
}

# command, words of the message
FAULTY_COMMANDS = {
    "sum_the_wrong_way_round": (
        f"{TRAIN} {OWN} --objective scl+comparative",
        ["objective scl+comparative", "comparative cannot be added", "only scl, rdrop, label_smoothing"],
    ),
    "too_many_layers": (f"{TRAIN} {OWN} --reinit_layers 9", ["--reinit_layers must be from 0 to 2", "got 9"]),
    "contrastive_weight": (f"{TRAIN} {OWN} --objective scl --contrastive_weight 2", ["weight=2.0", "[0, 1]"]),
    "rdrop_without_dropout": (
        f"{TRAIN} {OWN} --objective rdrop --model models/undropped",
        ["R-Drop", "rate of the model is 0", "--dropout_p 0.1"],
    ),
    "pairs_of_one": (
        f"{TRAIN} {OWN} --objective scl --class_pairs true --per_device_train_batch_size 1",
        ["class pairs", "batch size >= 2, got 1"],
    ),
    "no_data": (COMPARE, ["--train_file or --task is missing", "--train_file"]),
    "unknown_task": (f"{COMPARE} --task helpdsk", ["--task 'helpdsk'", "did you mean helpdesk?"]),
    "missing_column": (f"{COMPARE} {OWN} --text_column body", ["train.csv", "no column 'body'", "'text', 'label'"]),
    "label_is_text": (f"{COMPARE} {OWN} --label_column text", ["--label_column 'text'"]),
    "test_file_alone": (f"{COMPARE} --test_file train.csv", ["--test_file", "--train_file"]),
    "unknown_objective": (f"{COMPARE} {OWN} --objectives supervised,contrastive", ["'contrastive'", "comparative"]),
    "objective_twice": (
        f"{COMPARE} {OWN} --objectives supervised,supervised",
        ["--objectives: supervised appears twice"],
    ),
    "unknown_train_objective": (
        f"{TRAIN} {OWN} --objective comparitive",
        ["objective 'comparitive'", "did you mean comparative?"],
    ),
    "unknown_target": (f"{COMPARE} {OWN} --target last", ["--target", "'last'", "ultra", "first", "best"]),
    "unknown_ranking": (f"{COMPARE} {OWN} --ranking sort", ["--ranking", "'sort'", "hinge", "listmle"]),
    "unknown_flag": (f"{COMPARE} {OWN} --objectivs supervised", ["--objectivs", "did you mean --objectives?"]),
    "unknown_hyphen_flag": (f"{COMPARE} {OWN} --learning-rates 1", ["--learning-rates", "--learning_rate?"]),
    "stray_word": (f"{COMPARE} {OWN} supervised", ["'supervised'", "--name value"]),
    "no_value": (f"{COMPARE} {OWN} --few_shot", ["--few_shot", "needs a value"]),
    "n_drop_negative": (f"{COMPARE} {OWN} --n_drop -1", ["n_drop=-1", "negative"]),
    "n_crop_negative": (f"{COMPARE} {OWN} --n_crop -1", ["n_crop=-1", "negative"]),
    "n_crop_without_segments": (
        f"{COMPARE} {OWN} --n_crop 1",
        ["--n_crop 1 drops segments", "texts have none", "--distractors"],
    ),
    "dropout_p_of_crops": (
        f"{COMPARE} {OWN} --n_drop 0 --n_crop 1 --dropout_p 0.1",
        ["dropout_p=0.1", "n_drop above 0"],
    ),
    "dropout_p_above_one": (f"{COMPARE} {OWN} --dropout_p 1.5", ["p=1.5", "[0, 1)"]),
    "temperature_zero": (f"{COMPARE} {OWN} --ranking_temperature 0", ["temperature=0", "positive"]),
    "no_dropout_model": (f"{COMPARE} {OWN} --model models/undropped", ["no active dropout", "--dropout_p"]),
    "no_dropout_train": (f"{TRAIN} {OWN} --model models/undropped", ["no active dropout", "--dropout_p"]),
    "seeds_no_number": (f"{COMPARE} {OWN} --seeds many", ["--seeds", "'many'"]),
    "seeds_zero": (f"{COMPARE} {OWN} --seeds 0", ["--seeds must be >= 1, got 0"]),
    "few_shot_too_small": (f"{COMPARE} {OWN} --few_shot 1", ["--few_shot 1", "2 to 14"]),
    "few_shot_too_large": (f"{COMPARE} {OWN} --few_shot 15", ["--few_shot 15", "2 to 14"]),
    "few_shot_train": (f"{TRAIN} {OWN} --few_shot 15", ["15", "2", "14"]),
    "few_shot_train_zero": (f"{TRAIN} {OWN} --few_shot 0", ["0", "2", "14"]),
    "few_shot_no_number": (f"{COMPARE} {OWN} --few_shot 4,many", ["--few_shot must be", "'4,many'"]),
    "steps_and_max_steps": (f"{COMPARE} {OWN} --steps 2,4", ["--steps and --max_steps exclude each other"]),
    "steps_no_number": (
        f"{COMPARE.replace('--max_steps 2 ', '')} {OWN} --steps 0,4",
        ["--steps must be whole numbers >= 1", "got '0,4'"],
    ),
    "unknown_noise": (f"{COMPARE} {OWN} --noise none,labels:0.1", ["--noise 'labels'", "label:RATE"]),
    "noise_without_rate": (f"{COMPARE} {OWN} --noise label", ["--noise label", "label:RATE"]),
    "noise_of_train": (f"{TRAIN} {OWN} --noise label:2", ["--noise label: the rate must be in (0, 1], got 2"]),
    "no_translation_models": (f"{COMPARE} {OWN} --noise back_translation:0.5", ["--back_translation_models"]),
    "one_translation_model": (
        f"{TRAIN} {OWN} --noise back_translation:0.5 --back_translation_models a/b",
        ["--back_translation_models must be two models", "got a/b"],
    ),
    "translation_model_out_of_reach": (
        f"{COMPARE} {OWN} --noise back_translation:0.5 --back_translation_models nobody/there,nobody/back",
        ["nobody/there", "cannot be loaded"],
    ),
    "jobs_zero": (f"{COMPARE} {OWN} --jobs 0", ["--jobs must be >= 1, got 0"]),
    "balanced_test_too_large": (f"{COMPARE} {OWN} --balanced_test 40", ["balanced test split of 40", "choose from 2"]),
    "embeddings_of_two_classes_of_few": (
        f"{COMPARE} {OWN} --test_file two.csv --embeddings true",
        ["--embeddings", "2 examples", "at least 4"],
    ),
    "then_without_a_study": (
        f"{COMPARE} {OWN} --init_from_study nowhere",
        ["--init_from_study nowhere", "no finished run of supervised"],
    ),
    "search_and_learning_rate": (
        f"{COMPARE} {OWN} --search_trials 2 --learning_rate 1e-3",
        ["--search_trials", "leave --learning_rate out"],
    ),
    "search_and_alpha": (
        f"{COMPARE} {OWN} --objectives supervised,rdrop --search_trials 2 --alpha 2",
        ["--search_trials finds alpha of rdrop", "leave --alpha 2.0 out", "(alpha=2.0)"],
    ),
    "seed_with_compare": (f"{COMPARE} {OWN} --seed 3", ["--seed", "--seeds N"]),
    "max_length": (f"{COMPARE} {OWN} --max_length 41", ["--max_length must be from 3 to 40", "got 41"]),
    "no_length": (f"{TRAIN} {OWN} --max_length 0", ["--max_length must be from 3 to 40", "got 0"]),
    "evaluate_no_length": (
        "evaluate --model models/classifier --test_file train.csv --max_length 0",
        ["--max_length must be from 3 to 40", "got 0"],
    ),
    "predict_no_length": (
        "predict --model models/classifier --test_file train.csv --max_length 0",
        ["--max_length must be from 3 to 40", "got 0"],
    ),
    "predict_negative_length": (
        "predict --model models/classifier --test_file train.csv --max_length -3",
        ["--max_length must be from 3 to 40", "got -3"],
    ),
    "max_train_samples": (f"{COMPARE} {OWN} --max_train_samples 0", ["--max_train_samples must be >= 1, got 0"]),
    "eval_strategy": (f"{COMPARE} {OWN} --eval_strategy sometimes", ["eval_strategy", "sometimes"]),
    "load_best": (f"{COMPARE} {OWN} --load_best_model_at_end true", ["load_best_model_at_end", "strategy"]),
    "load_best_train": (f"{TRAIN} {OWN} --load_best_model_at_end true", ["load_best_model_at_end", "strategy"]),
    "batch_size_zero": (f"{COMPARE} {OWN} --per_device_train_batch_size 0", ["per_device_train_batch_size", "0"]),
    "accumulation_zero": (f"{COMPARE} {OWN} --gradient_accumulation_steps 0", ["gradient_accumulation_steps", "0"]),
    "endless_epochs": (f"{COMPARE} {OWN} --num_train_epochs inf", ["--num_train_epochs must be a number, got 'inf'"]),
    "margin_is_nan": (f"{COMPARE} {OWN} --margin nan", ["--margin must be a number, got 'nan'"]),
    "seed_of_train": (f"{TRAIN} {OWN} --seed 5000000000", ["--seed 5000000000 is out of range", "to 4294967295"]),
    "seed_of_evaluate": (
        "evaluate --model models/classifier --test_file train.csv --dropout_power 1 --seed -3",
        ["--seed -3 is out of range", "to 4294967295"],
    ),
    "no_epochs": (f"{COMPARE} {OWN} --num_train_epochs 0", ["--num_train_epochs 0"]),
    "no_steps": (f"{TRAIN} {OWN} --max_steps 0", ["--max_steps 0"]),
    "load_best_never_saved": (
        f"{COMPARE} {OWN} --load_best_model_at_end true --eval_strategy epoch",
        ["load_best_model_at_end", "save"],
    ),
    "learning_rate": (f"{TRAIN} {OWN} --learning_rate fast", ["learning_rate", "'fast'"]),
    "bf16_no_boolean": (f"{TRAIN} {OWN} --bf16 perhaps", ["bf16", "perhaps"]),
    "no_model_folder": (f"{COMPARE} {OWN} --model ./nowhere", ["./nowhere", "no such folder"]),
    "model_without_config": (f"{COMPARE} {OWN} --model models", ["models", "cannot be loaded"]),
    "hub_out_of_reach": (f"{COMPARE} {OWN} --model nobody/nothing", ["nobody/nothing", "cannot be loaded"]),
    "missing_yaml": ("compare nowhere.yaml", ["nowhere.yaml", "no such file"]),
    "unknown_command": ("comparee --seeds 1", ["'comparee'", "compare"]),
    "stride_of_texts": (f"{TRAIN} {OWN} --stride 64", ["--stride is for --task squad, ", "leave it out"]),
    "distractors_of_texts": (f"{COMPARE} {OWN} --distractors 3", ["--distractors is for --task squad, "]),
    "index_of_texts": (f"{COMPARE} {OWN} --index foo --documents bar", ["--index is for --task prf; leave it out"]),
    "feedback_of_texts": (f"{COMPARE} {OWN} --max_feedback 3", ["--max_feedback is for --task prf"]),
    "train_feedback": (f"{TRAIN} --task prf", ["--task prf is for compare", "cmploss retrieve train"]),
    "train_no_translation": (
        f"{TRAIN} {OWN} --back_translation_models a,b",
        ["--back_translation_models is for --noise"],
    ),
    "compare_no_translation": (
        f"{COMPARE} {OWN} --noise typo:0.1 --back_translation_models a,b",
        ["--back_translation_models is for --noise"],
    ),
    **{
        f"evaluate_{option}": (f"evaluate --model models/classifier --test_file train.csv --{option}", [reason])
        for option, reason in {
            "task sst2": "--task sst2 does not apply to --test_file alone",
            "seed 3": "--seed does not apply to an evaluation without --dropout_power",
            "also_test x=train.csv": "--also_test is for training; leave it out",
            "group_column nope": "--group_column does not apply to --test_file alone",
            "max_train_samples 0": "--max_train_samples must be >= 1, got 0",
            "max_eval_samples 0": "--max_eval_samples must be >= 1, got 0",
            "task regression": "--task regression: the model is for classification of texts",
            "task prf": "--task prf: the model is for classification of texts",
            "task tags": "--task tags: the model is for classification of texts",
            "tag_names O,B-X": "--tag_names is for models of --task tags",
            "dataset a/b": "--dataset does not apply to --test_file alone",
        }.items()
    },
    "evaluate_no_model": ("evaluate --test_file train.csv", ["--model"]),
    "evaluate_no_data": ("evaluate --model models/classifier", ["--test_file is missing; give the file to score"]),
    "evaluate_no_head": (
        "evaluate --model models/encoder --test_file train.csv",
        ["models/encoder", "trained", "head"],
    ),
    "evaluate_no_folder": ("evaluate --model ./nowhere --test_file train.csv", ["./nowhere", "no such folder"]),
    "evaluate_other_task": ("evaluate --model models/classifier --task helpdesk", ["bad, good", "helpdesk", "refund"]),
    "evaluate_regressor": ("evaluate --model models/regressor --test_file train.csv", ["line 2", "'good'", "number"]),
    "evaluate_power": (
        "evaluate --model models/classifier --test_file train.csv --dropout_power 1,x",
        ["--dropout_power", "'1,x'"],
    ),
    "train_power": (
        f"{TRAIN} {OWN} --dropout_power 1,x",
        ["--dropout_power must be whole numbers >= 0", "got '1,x'"],
    ),
    "compare_power": (
        f"{COMPARE} {OWN} --dropout_power 0,-1",
        ["--dropout_power must be whole numbers >= 0", "got '0,-1'"],
    ),
    "power_without_dropout": (
        f"{COMPARE} {OWN} --model models/undropped --objectives supervised --dropout_power 0,1",
        ["model models/undropped", "no active dropout", "--dropout_p 0.1"],
    ),
    "evaluate_batch_size": (
        "evaluate --model models/classifier --test_file train.csv --max_length 16 --batch_size 0",
        ["--batch_size must be >= 1, got 0"],
    ),
    "predict_no_model": ("predict --test_file train.csv", ["--model"]),
    "predict_no_file": ("predict --model models/classifier", ["--test_file"]),
    "predict_no_head": ("predict --model models/encoder --test_file train.csv", ["models/encoder", "trained", "head"]),
    "predict_missing_file": ("predict --model models/classifier --test_file x.csv", ["x.csv", "No such file"]),
    "predict_missing_column": (
        "predict --model models/classifier --test_file train.csv --text_column body",
        ["train.csv", "no column 'body'", "'text', 'label'"],
    ),
    "predict_existing_output": (
        "predict --model models/classifier --test_file train.csv --output_file train.csv",
        ["--output_file train.csv", "exists already"],
    ),
    "predict_max_length": (
        "predict --model models/classifier --test_file train.csv --max_length 41",
        ["--max_length must be from 3 to 40", "got 41"],
    ),
    "predict_batch_size": (
        "predict --model models/classifier --test_file train.csv --max_length 16 --batch_size -1",
        ["--batch_size must be >= 1, got -1"],
    ),
    "inspect_no_model": ("inspect", ["model", "cmploss inspect MODEL"]),
    "inspect_no_folder": ("inspect ./nowhere", ["./nowhere", "no such folder"]),
    "inspect_n_drop": ("inspect models/encoder --n_drop -1", ["n_drop=-1", "negative"]),
}

TEXTS = ["broken lamp", "quick hub", "quick dead door", "the lamp"] * 5
LABELS = ["bad", "good", "bad|good", ""] * 5


def labelled(**changed):
    """20 rows of the task multi_label, with a value of the second row changed."""
    rows = [{"text": text, "labels": labels} for text, labels in zip(TEXTS, LABELS, strict=True)]
    return [rows[0], rows[1] | changed, *rows[2:]]


def tagged(**changed):
    """20 rows of the task tags, with a value of the second row changed."""
    rows = [{"tokens": ["the", "lamp"], "tags": ["O", "B-THING"]} for _ in range(20)]
    return [rows[0], rows[1] | changed, *rows[2:]]


def chosen(**changed):
    """20 rows of the task multiple_choice, with a value of the second row changed."""
    rows = [{"premise": "the lamp", "choice1": "is bad", "choice2": "is good", "label": 0} for _ in range(20)]
    return [rows[0], rows[1] | changed, *rows[2:]]


# task and options, rows, words of the message
FAULTY_ROWS = {
    "label_twice": ("multi_label", labelled(labels="good|good"), ["line 2, column 'labels'", "'good' is there twice"]),
    "labels_are_a_number": ("multi_label", labelled(labels=3), ["line 2", "3 is not a list of labels", "joined by |"]),
    "labels_are_null": ("multi_label", labelled(labels=None), ["line 2", "None is not a list of labels"]),
    "label_is_a_list": ("multi_label", labelled(labels=[["a"]]), ["line 2", "['a'] is neither a string nor"]),
    "label_with_space": ("multi_label", labelled(labels="good| bad"), ["line 2", "' bad' is empty, or has |"]),
    "text_of_labels_is_empty": ("multi_label", labelled(text=" "), ["line 2, column 'text': the text is empty"]),
    "one_label": ("multi_label", [{"text": "a", "labels": "x"}] * 9, ["has 1 different labels; give", "at least two"]),
    "two_rows": ("multi_label", labelled()[:2], ["has 2 examples; 3 splits need 3", "--validation_file"]),
    "group_of_labels": ("multi_label --group_column text", labelled(), ["--group_column is for texts with one label"]),
    "measures_of_labels": ("multi_label --measures accuracy", labelled(), ["--measures is for texts; leave it out"]),
    "noise_of_labels": ("multi_label --noise typo:0.1", labelled(), ["--noise typo:0.1 is for texts with labels"]),
    "pooling_of_labels": ("multi_label --pooling mean", labelled(), ["--pooling is for classifiers of texts"]),
    "crops_of_labels": ("multi_label --n_crop 1", labelled(), ["--n_crop 1 drops segments", "texts have none"]),
    "too_few_tags": ("tags", tagged(tags=["O"]), ["line 2, column 'tags'", "1 tags for 2 tokens"]),
    "tags_are_numbers": ("tags", tagged(tags=[0, 1]), ["line 2", "the tag 0 is a number", "--tag_names"]),
    "tag_without_prefix": ("tags", tagged(tags=["O", "PER"]), ["line 2", "the tag 'PER' is not O, or B-", "B-PER"]),
    "tokens_are_text": ("tags", tagged(tokens="the lamp"), ["line 2", "'the lamp' is not a list of tokens"]),
    "no_tokens": ("tags", tagged(tokens=[]), ["line 2, column 'tokens'", "[] is not a list of tokens"]),
    "empty_token": ("tags", tagged(tokens=["the", " "]), ["line 2", "the token ' ' is not a string with"]),
    "no_tags": ("tags", [{"tokens": ["a"]}] * 20, ["has no column 'tags'; its columns are 'tokens'"]),
    "all_tags_are_o": ("tags", [{"tokens": ["a"], "tags": ["O"]}] * 20, ["every tag is O", "B-PER"]),
    "label_beyond_choices": (
        "multiple_choice",
        chosen(label=2),
        ["line 2", "the label 2 is not", "from 0 to 1", "begin at 0"],
    ),
    "label_is_no_choice": ("multiple_choice", chosen(label="C"), ["line 2, column 'label'", "the label 'C' is not"]),
    "choice_is_missing": ("multiple_choice", chosen(choice2=None), ["line 2", "the choice None is not a text"]),
    "choices_are_text": ("multiple_choice", chosen(choices="a"), ["'choices'", "None is not a list of choices"]),
    "unequal_choices": (
        "multiple_choice",
        [{"question": "why", "options": ["a", "b", "c"][: 3 - index // 10], "answer": "A"} for index in range(20)],
        ["line 11, column 'options'", "there are 2 choices; give 3 in every row"],
    ),
    "no_choices": ("multiple_choice", [{"premise": "a", "label": 0}] * 20, ["has no column of choices", "ending0"]),
    "no_context": (
        "multiple_choice",
        [{"choices": ["a", "b"], "label": 0}] * 20,
        ["--text_column", "article,question"],
    ),
    "few_labels": ("multi_label --few_shot 15", labelled(), ["--few_shot 15", "choose from 1 to 14"]),
}

FAULTY_YAML = {
    "syntax": ("seeds: 1\nobjectives: [supervised\nn_drop: 2\n", ["study.yaml, line 3", "not valid YAML"]),
    "list": ("- seeds\n", ["study.yaml", "name: value"]),
    "empty": ("", ["study.yaml", "name: value"]),
    "unknown_option": ("seeeds: 1\n", ["seeeds", "did you mean --seeds?"]),
    "wrong_type": ("seeds: many\n", ["--seeds", "'many'"]),
    "bad_training_option": ("train_file: train.csv\neval_strategy: sometimes\n", ["eval_strategy", "sometimes"]),
}


@pytest.mark.parametrize("name", FAULTY_FILES)
def test_faulty_file(refused, workplace, name):
    file, content, words = FAULTY_FILES[name]
    (workplace / file).write_bytes(content)
    suffix = "csv" if name == "missing" else file.partition(".")[2]
    assert refused(f"{COMPARE} --train_file data.{suffix}", words)


@pytest.mark.parametrize("name", FAULTY_COMMANDS)
def test_faulty_command(refused, workplace, name):
    (workplace / "two.csv").write_text(csv_of(reviews(2)))
    assert refused(*FAULTY_COMMANDS[name])


@pytest.mark.parametrize("name", FAULTY_ROWS)
def test_faulty_rows(refused, workplace, name):
    task, rows, words = FAULTY_ROWS[name]
    (workplace / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert refused(f"{COMPARE} --train_file data.jsonl --task {task}", words)


def test_faulty_columns_of_tags(refused, workplace):
    (workplace / "data.conll").write_text("the DT O\nlamp NN B-THING\n\nhub O\n")
    assert refused(
        f"{COMPARE} --train_file data.conll --task tags", ["data.conll, line 4: expected 3 columns, found 2"]
    )


@pytest.mark.parametrize("name", FAULTY_YAML)
def test_faulty_yaml(refused, workplace, name):
    content, words = FAULTY_YAML[name]
    (workplace / "study.yaml").write_text(content)
    assert refused(f"compare study.yaml {TINY}", words)


def test_yaml_that_is_not_utf8(refused, workplace):
    (workplace / "study.yaml").write_bytes(b"task: \xe9\n")
    assert refused("compare study.yaml", ["study.yaml", "byte 6 is not UTF-8"])


@pytest.mark.parametrize("part", ["validation", "test"])
def test_label_that_the_training_set_lacks(refused, workplace, part):
    (workplace / "other.csv").write_text("text,label\nthe lamp,good\nthe hub,ugly\n")
    assert refused(
        f"{COMPARE} {OWN} --{part}_file other.csv", ["other.csv, line 3", "'ugly' is unknown", "'bad', 'good'"]
    )


def test_label_that_the_model_lacks(refused, workplace):
    (workplace / "other.csv").write_text("text,label\nthe lamp,good\nthe hub,ugly\n")
    words = ["other.csv, line 3", "'ugly' is unknown", "'bad', 'good'"]
    assert refused("evaluate --model models/classifier --test_file other.csv", words)


def test_the_size_of_the_training_split_changes_no_evaluation(cmploss, workplace):
    """As with the options of a study: a note, since no score depends on it."""
    command = f"evaluate --model models/classifier {OWN} --max_length 16"
    whole, part = cmploss(command), cmploss(f"{command} --max_train_samples 5")
    assert whole[:2] == part[:2]
    assert "note: --max_train_samples limits the training split" in part[2]


@pytest.mark.parametrize("command", [COMPARE, TRAIN])
def test_output_folder_with_foreign_files(refused, workplace, command):
    (workplace / "out").mkdir()
    (workplace / "out" / "thesis.txt").write_text("years of work")
    assert refused(f"{command} {OWN}", ["--output_dir out", "not empty", "another folder"])


@pytest.mark.parametrize("command", [COMPARE, TRAIN])
def test_output_folder_that_is_a_file(refused, workplace, command):
    (workplace / "out").write_text("years of work")
    assert refused(f"{command} {OWN}", ["--output_dir out"])


OTHER_RUN = {
    "learning_rate": ("--learning_rate 1e-3", ["its training.learning_rate is 0.0001, not 0.001"]),
    "max_length": ("--max_length 12", ["its max_length is 16, not 12"]),
    "data": ("--train_file more.csv", ["its task is 'train', not 'more'"]),
    "objective": ("--n_drop 2", ["its objective.settings.n_drop is 1, not 2"]),
    "dropout_power": ("--dropout_power 0,1", ["its dropout_power is None, not '0,1'"]),
}


@pytest.mark.parametrize("command", [COMPARE, TRAIN])
def test_output_folder_that_holds_another_run(cmploss, refused, workplace, command):
    assert cmploss(f"{command} {OWN}")[0] == 0
    (workplace / "more.csv").write_text(csv_of(reviews(24)))
    for change, words in OTHER_RUN.values():
        refused(f"{command} {OWN} {change}", ["--output_dir out", "already holds another run", *words])


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("command", [COMPARE, TRAIN])
def test_output_folder_of_a_model_that_was_replaced(cmploss, refused, workplace, command, file):
    shutil.copytree("models/encoder", "own")
    command = f"{command} {OWN}".replace("models/encoder", "own")
    assert cmploss(command)[0] == 0
    path = workplace / "own" / file
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if file == "model.safetensors" else content + b"\n")
    refused(command, ["--output_dir out", "already holds another run", "its model_files.sha256 is '"])
    for settings in workplace.glob("out/**/settings.json"):  # as an earlier version wrote them
        found = json.loads(settings.read_text())
        del found["model_files"]
        settings.write_text(json.dumps(found))
    assert cmploss(command)[0] == 0


def test_the_commands_behind_these_cases_are_accepted(cmploss, workplace):
    """Negative control: without the fault the same commands exit 0."""
    for command in (
        f"{COMPARE} {OWN} --dry_run true",
        f"{TRAIN} {OWN}",
        "evaluate --model models/classifier --test_file train.csv --max_length 16",
        "predict --model models/classifier --test_file train.csv --max_length 16",
        "inspect models/encoder",
    ):
        status, _, error = cmploss(command)
        assert (status, "error" in error) == (0, False), error
    assert (workplace / "out" / "model.safetensors").is_file()
    assert len((workplace / "predictions.csv").read_text().splitlines()) == 21


class Poisoned:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("content", ["empty", "half", "poisoned"])
def test_damaged_weights_are_one_line(refused, workplace, file, content):
    folder = shutil.copytree(workplace / "models" / "encoder", workplace / "damaged")
    (folder / "model.safetensors").unlink()
    whole = (workplace / "models" / "encoder" / "model.safetensors").read_bytes()
    contents = {"empty": b"", "half": whole[: len(whole) // 2], "poisoned": pickle.dumps(Poisoned())}
    (folder / file).write_bytes(contents[content])
    for command in ("compare", "train"):
        options = "--train_file train.csv --max_steps 2 --output_dir out --use_cpu true"
        assert refused(f"{command} --model damaged {options}", ["error: ", "model damaged cannot be loaded: "])
    assert not (workplace / "ran").exists()


COMMANDS_THAT_WRITE = (
    "predict --model models/classifier --test_file train.csv --output_file",
    "evaluate --model models/classifier --test_file train.csv --output_dir",
    "cut models/classifier --layers 1 --output_dir",
    "retrieve search --documents train.csv --queries train.csv --output_file",
    "retrieve index --documents train.csv --output_dir",
    "retrieve convert --checkpoint models --index models --output_dir",
)


@pytest.mark.parametrize("name", ["train.csv/deep/x", "x" * 300, "link/x"])
@pytest.mark.parametrize("command", COMMANDS_THAT_WRITE)
def test_what_cannot_be_written_is_refused_before_the_work(refused, workplace, command, name):
    (workplace / "link").symlink_to("nowhere")
    assert refused(f"{command} {name}", [f"{command.split()[-1]} {name}", "give another name"])
