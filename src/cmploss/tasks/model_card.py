"""The model card of a checkpoint: what it is and how it was trained."""

from html import escape
from pathlib import Path

from cmploss.experiment import RunRecord
from cmploss.experiment.loading_code import CROSS_ENCODER, PEFT, loading_code, loads_with
from cmploss.experiment.selection import optimistic

CLASSIFY = """\
from transformers import pipeline

classify = pipeline("text-classification", model="path/to/this/folder")"""

FOLDER = "path/to/this/folder"
FORMS = {
    "transformers": "A plain transformers checkpoint",
    "peft": "An adapter (LoRA) of the base model, in the form of peft",
    "sentence-transformers": "A cross-encoder of sentence-transformers",
}
POOLED = {"cls": "state of the first token", "mean": "mean over the states of all tokens"}


def cut_card(source: str, layers: int, of: int) -> str:
    """The card of a model that was cut from another."""
    return (
        f"# {layers} of {of} layers\n\nThe lowest {layers} of the {of} layers of `{source}`, with what follows the "
        "last layer, written by `cmploss cut`. It loads in the same way, and without cmploss.\n"
    )


def classifier_card(record: RunRecord) -> str:
    labels = (escape(" ".join(name.split())) for name in record.data["label_names"])
    output = f"Labels: {', '.join(labels) or 'a number'}"
    pooling = record.settings.get("pooling")
    if pooling is None:
        use = None if "lora" in record.settings else CLASSIFY
        return _card(record, "text-classification", "AutoModelForSequenceClassification", output, use)
    output += f". The head reads the {POOLED[pooling]}; transformers alone would load the encoder without it."
    return _card(record, "text-classification", CROSS_ENCODER, output)


def reader_card(record: RunRecord) -> str:
    output = (
        "`cmploss.Reader.from_pretrained` loads it and reads answers from long contexts, in windows, and from lists of "
        "passages; `reader.json` has the settings for reading."
    )
    return _card(record, "question-answering", "AutoModelForQuestionAnswering", output)


def rag_card(record: RunRecord, head: str) -> str:
    output = (
        "`cmploss predict` writes answers with this folder as `--model`. `rag.json` has the prompt: its template, "
        "whether it is a message in the chat template of the tokenizer, and the limits in tokens."
    )
    return _card(record, "text-generation", f"AutoModelFor{head}", output)


def row_card(record: RunRecord, head: str, pipeline: str) -> str:
    threshold = record.data.get("label_threshold")
    output = "`cmploss predict` writes predictions with this folder as `--model`."
    if threshold is not None:
        output = (
            f"A label is predicted if its sigmoid is at least {threshold:.4f} (`label_threshold` of the config), which "
            f"was chosen on the validation split. {output}"
        )
    return _card(record, pipeline, f"AutoModelFor{head}", output)


def _card(record: RunRecord, kind: str, model_class: str, output: str, use: str | None = None) -> str:
    what = loads_with(model_class, lora="lora" in record.settings)
    library = "sentence-transformers" if what == CROSS_ENCODER else "peft" if what.endswith(PEFT) else "transformers"
    benchmark, model = record.benchmark, record.settings["model"]
    settings = ", ".join(f"{name}={value}" for name, value in record.objective["settings"].items())
    scores = ", ".join(f"{name} {value:.1f}" for name, value in record.measures(benchmark.eval_split).items())
    chosen = "".join(
        f"| optimistic, because chosen on the reported split | {thing} |\n" for thing in optimistic(record)
    )
    training = ", ".join(f"`{name}={value}`" for name, value in record.settings["training"].items())
    # The hub knows models by id; a path of this machine means nothing there.
    base = "" if Path(model).is_dir() else f"base_model: {model}\n"
    return f"""\
---
library_name: {library}
pipeline_tag: {kind}
tags: [cmploss, {kind}]
{base}---
# {benchmark.task}, fine-tuned with the objective `{record.name}`

{FORMS[library]}; it loads without cmploss:

```python
{use or loading_code(what, FOLDER)}
```

| | |
|---|---|
| objective | `{record.name}` |
| its settings | {settings} |
| base model | `{model}` |
| training examples | {record.split("train")["examples"]} |
| optimizer steps | {int(record.cost["steps"])} |
| seed | {record.seed} |
| {benchmark.eval_split} | {scores} |
| chosen on | {benchmark.selection_split or "nothing: one run"} |
{chosen}
Training settings: {training}

{output}
"""
