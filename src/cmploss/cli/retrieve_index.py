"""Make an index of a collection: encode it, or take vectors that another tool has made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from cmploss.cli.console import check_given, check_unused, out, output_path, progress, told_when_interrupted
from cmploss.errors import UserError
from cmploss.options import parse_arguments
from cmploss.retrieval.encoder_config import EncoderConfig, VectorType


@dataclass(frozen=True)
class IndexFlags:
    """What to encode, and where to write.

    Attributes:
        documents: BEIR folder, or a file: JSON lines, TREC, SMART, or id TAB text.
        output_dir: Folder of the index.
        batch_size: Documents per batch.
        jobs: Processes that encode; each has a GPU of its own if there are several.
        vectors: Vectors of another tool, instead of encoding: .npy, .npz, .jsonl, .faiss, or a folder of pyserini;
            --model is then the encoder that made them, which makes queries too.
        vector_type: Type of stored vectors; float32 needs twice the space and keeps every digit.
    """

    documents: str = ""
    output_dir: str = ""
    batch_size: int = 32
    jobs: int = 1
    vectors: str | None = None
    vector_type: VectorType = "float16"


USAGE = "--documents FILE --output_dir FOLDER [--model NAME] [--kind sparse]"
SECTIONS = (IndexFlags, EncoderConfig)
OF_ENCODER = ("pooling", "max_length", "query_prompt", "document_prompt")


def run(argv: Sequence[str]) -> None:
    options = parse_arguments(argv, SECTIONS)
    flags = options[IndexFlags]
    check_given(flags, ("documents", "output_dir"), f"retrieve index {USAGE}")
    for name in ("batch_size", "jobs"):
        if getattr(flags, name) < 1:
            raise UserError(f"--{name} must be >= 1, got {getattr(flags, name)}")
    if flags.vectors:
        check_unused(options.given, ("batch_size", "jobs", "kind", "token_weights", "max_terms"), "--vectors")
        if "model" not in options.given:
            check_unused(options.given, OF_ENCODER, "--vectors without --model")
    if options[EncoderConfig].kind == "sparse" and flags.vector_type != "float16":
        raise UserError("--vector_type does not apply to --kind sparse, whose weights are float32; leave it out")
    output_path("output_dir", flags.output_dir)
    from cmploss.retrieval import Index, SparseIndex, build_index, import_index, load_encoder, read_documents

    documents, config = read_documents(flags.documents), options[EncoderConfig]
    index: Index
    if flags.vectors:
        given = config if "model" in options.given else None
        index = import_index(flags.vectors, documents, flags.output_dir, given, flags.vector_type)
    else:
        encoder = load_encoder(config)
        encode = None
        if flags.jobs > 1:
            from cmploss.retrieval.encode_jobs import encoded_in_processes

            encode = partial(encoded_in_processes, config=config, batch_size=flags.batch_size, jobs=flags.jobs)
        words = "the same command continues, and repeats 512 documents at most"
        with told_when_interrupted(words), progress("encoding", len(documents)) as advance:
            index = build_index(
                documents,
                encoder,
                flags.output_dir,
                batch_size=flags.batch_size,
                vector_type=flags.vector_type,
                progress=advance,
                encode=encode,
            )
    size = f"{index.vectors.shape[0]} documents × {index.vectors.shape[1]}"
    if isinstance(index, SparseIndex):
        size += f", {index.vectors.nnz / len(index.ids):.1f} nonzero per document"
        stored, kind = sum(getattr(index.vectors, name).nbytes for name in ("data", "indices", "indptr")), "float32"
    else:
        stored, kind = index.vectors.nbytes, str(index.vectors.dtype)
    out.print(f"{flags.output_dir}   {size}, {kind}, {stored / 1e6:.1f} MB, by {index.model}")
