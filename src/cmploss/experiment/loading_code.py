"""Python code that loads a checkpoint without this package."""

PEFT = " and peft.PeftModel"
"""What an adapter needs after the class of the model with the frozen weights."""
CROSS_ENCODER = "sentence_transformers.CrossEncoder"


def loads_with(model_class: str, *, lora: bool) -> str:
    """What loads a checkpoint of this class, or the adapter of one; sentence-transformers loads both.

    >>> loads_with("AutoModelForMultipleChoice", lora=True)
    'AutoModelForMultipleChoice and peft.PeftModel'
    """
    return model_class + PEFT if lora and model_class != CROSS_ENCODER else model_class


def loading_code(what: str, folder: str) -> str:
    """Lines of Python that load a checkpoint; ``what`` is of :func:`loads_with`.

    >>> print(loading_code("AutoModelForQuestionAnswering", "tickets/best"))
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer
    <BLANKLINE>
    model = AutoModelForQuestionAnswering.from_pretrained("tickets/best")
    tokenizer = AutoTokenizer.from_pretrained("tickets/best")
    """
    if what == CROSS_ENCODER:
        lines = [
            "from sentence_transformers import CrossEncoder  # version 6 or later",
            "",
            f'model = CrossEncoder("{folder}")',
            'model.predict("a text", apply_softmax=True)  # of pairs: model.predict([("one", "other"), …], …)',
        ]
    elif what.endswith(PEFT):
        model_class = what.removesuffix(PEFT)
        lines = [
            "from peft import PeftConfig, PeftModel",
            f"from transformers import AutoConfig, {model_class}, AutoTokenizer",
            "",
            f'base = PeftConfig.from_pretrained("{folder}").base_model_name_or_path',
            f'config = AutoConfig.from_pretrained("{folder}/model_config")',
            f'model = PeftModel.from_pretrained({model_class}.from_pretrained(base, config=config), "{folder}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{folder}")',
        ]
    else:
        lines = [
            f"from transformers import {what}, AutoTokenizer",
            "",
            f'model = {what}.from_pretrained("{folder}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{folder}")',
        ]
    return "\n".join(lines)
