"""Fast tokenizers of every kind: the default model's, and small ones that are trained here in no time."""

from functools import cache

from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from cmploss.model_config import DEFAULT_MODEL
from cmploss.models import load_tokenizer

CORPUS = [
    "Which river runs through the old town? The river Ilm runs through Weimar, an old town of poets.",
    "Yes or no: was the bridge built in 1852, by whom, and what did it cost? No one knows; 4,100 thalers, perhaps.",
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,:;!?'()-$%&",
] * 3


@cache
def wordpiece():
    """The default model's: WordPiece, token types, padding on the right."""
    return load_tokenizer(DEFAULT_MODEL)


@cache
def byte_level():
    """Like RoBERTa's: bytes, no token types, two separators, and here offsets that include the space before."""
    tokenizer = _trained(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=False, add_prefix_space=False
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=512,
    )


@cache
def cls_last():
    """Like XLNet's: padding on the left with a type of its own, and the token for no answer at the end."""
    tokenizer = _trained(["<pad>", "<sep>", "<cls>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A:0 <sep>:0 <cls>:2",
        pair="$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2",
        special_tokens=[("<sep>", 1), ("<cls>", 2)],
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        sep_token="<sep>",
        cls_token="<cls>",
        pad_token="<pad>",
        padding_side="left",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        model_max_length=512,
    )
    made._pad_token_type_id = 3
    return made


@cache
def bare():
    """Like a decoder's: no special tokens in or around texts, padding on the left with the end token."""
    return PreTrainedTokenizerFast(
        tokenizer_object=_trained(["<end>"]),
        eos_token="<end>",
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=512,
    )


ALL = {"wordpiece": wordpiece, "byte_level": byte_level, "cls_last": cls_last, "bare": bare}
KINDS = st.sampled_from(list(ALL))


def _trained(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer
