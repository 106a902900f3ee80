"""The model card of a checkpoint: what it is and how it came about."""

from cmploss.experiment import RunRecord

CARD = """\
---
library_name: transformers
pipeline_tag: {kind}
tags: [cmploss, {kind}]
base_model: {base_model}
---
# {task}, fine-tuned with the objective `{objective}`

A plain transformers checkpoint; it loads without cmploss:

```python
{use}
```

| | |
|---|---|
| objective | `{objective}` |
| its settings | {objective_settings} |
| base model | `{base_model}` |
| training examples | {examples} |
| optimizer steps | {steps} |
| seed | {seed} |
| {reported_on} | {scores} |
| chosen on | {selected_on} |

Training settings: {training}

{output}
"""
CLASSIFY = """\
from transformers import pipeline

classify = pipeline("text-classification", model="path/to/this/folder")"""
READ = """\
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

model = AutoModelForQuestionAnswering.from_pretrained("path/to/this/folder")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")"""


def classifier_card(record: RunRecord) -> str:
    """The card of a classifier, in Markdown."""
    labels = ", ".join(record.data["label_names"]) or "a number"
    return _card(record, "text-classification", CLASSIFY, f"Labels: {labels}")


def reader_card(record: RunRecord) -> str:
    """The card of a question answering model, in Markdown."""
    output = (
        "`cmploss.Reader.from_pretrained` reads answers off it, over windows of long contexts and over lists of "
        "passages; `reader.json` says how it was trained to read."
    )
    return _card(record, "question-answering", READ, output)


def _card(record: RunRecord, kind: str, use: str, output: str) -> str:
    benchmark = record.benchmark
    scores = ", ".join(f"{name} {value:.1f}" for name, value in record.measures(benchmark.eval_split).items())
    training = ", ".join(f"`{name}={value}`" for name, value in record.settings["training"].items())
    return CARD.format(
        task=benchmark.task,
        objective=record.name,
        objective_settings=", ".join(f"{name}={value}" for name, value in record.objective["settings"].items()),
        base_model=record.settings["model"],
        examples=record.split("train")["examples"],
        steps=int(record.cost["steps"]),
        seed=record.seed,
        reported_on=benchmark.eval_split,
        selected_on=benchmark.selection_split or "nothing: one run",
        scores=scores,
        training=training,
        kind=kind,
        use=use,
        output=output,
    )
