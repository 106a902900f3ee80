"""Options of query reformulators: their data and what they read."""

from dataclasses import dataclass

from cmploss.errors import UserError
from cmploss.retrieval.trec_files import QrelsForm, RunForm


@dataclass(frozen=True)
class FeedbackConfig:
    """Options of a reformulator's input.

    Attributes:
        max_feedback: Largest number of feedback passages.
        min_feedback: Smallest number of feedback passages in training; with one revision and the same as max_feedback,
            it is fixed, as in ANCE-PRF.
        query_length: Longest query in tokens; longer ones are cut at the end.
        passage_length: Longest passage in tokens.
        input_length: Longest input in tokens, with special tokens; longer inputs are cut.
    """

    max_feedback: int = 5
    min_feedback: int = 0
    query_length: int = 128
    passage_length: int = 128
    input_length: int = 512

    def __post_init__(self) -> None:
        least = {"max_feedback": 0, "min_feedback": 0, "query_length": 1, "passage_length": 1, "input_length": 3}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise UserError(f"--{name} must be >= {value}, got {getattr(self, name)}")
        if self.min_feedback > self.max_feedback:
            raise UserError(f"--min_feedback {self.min_feedback} is above --max_feedback {self.max_feedback}")


@dataclass(frozen=True)
class PrfConfig:
    """Options of the data of a query reformulator.

    Attributes:
        index: Folder of an index; the reformulator writes in its vector space.
        documents: The collection of the index.
        train_queries: Texts of the training queries: BEIR folder, JSON lines, TREC, SMART, or id TAB text.
        train_qrels: Judgements of the training queries.
        train_run_file: Results of the training queries; by default the index is searched.
        validation_queries: Texts of the validation queries; by default train_queries.
        validation_qrels: Judgements of the validation queries; by default compare splits off training queries.
        validation_run_file: Results of the validation queries; by default the index is searched.
        test_queries: Texts of the test queries; by default train_queries.
        test_qrels: Judgements of the test queries; by default compare splits off training queries, unless
            validation_qrels is given.
        test_run_file: Results of the test queries; by default the index is searched.
        qrels_form: Form of the judgements: auto (TREC, or BEIR with its header line), grades (query, document, grade),
            cranfield (query, document, code, 1 the best), or pairs (query, document, zeros).
        run_form: Form of the results: trec, or ranks (query, document, rank).
        matrix_runs: Results whose documents the training loss is over, as FILE or FILE:DEPTH joined by commas, instead
            of all results of the training queries; relevant documents are always among them.
        first_pass_depth: Documents per query if the index is searched; the loss is over all of them.
        relevance_level: Lowest grade that counts as relevant; 2 on TREC DL.
        partial_collection: Ignore judgements of documents that the index does not have.
        shuffle: Train on a random choice of passages in random order.
        score_scale: Factor on scores in the loss; by default 20 for unit vectors and 1 for others.
    """

    index: str | None = None
    documents: str | None = None
    train_queries: str | None = None
    train_qrels: str | None = None
    train_run_file: str | None = None
    validation_queries: str | None = None
    validation_qrels: str | None = None
    validation_run_file: str | None = None
    test_queries: str | None = None
    test_qrels: str | None = None
    test_run_file: str | None = None
    qrels_form: QrelsForm = "auto"
    run_form: RunForm = "trec"
    matrix_runs: str | None = None
    first_pass_depth: int = 100
    relevance_level: int = 1
    partial_collection: bool = False
    shuffle: bool = False
    score_scale: float | None = None

    def __post_init__(self) -> None:
        for name in ("first_pass_depth", "relevance_level"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} must be >= 1, got {getattr(self, name)}")
        if self.score_scale is not None and not self.score_scale > 0:
            raise UserError(f"--score_scale must be > 0, got {self.score_scale}")
        for split in ("validation", "test"):
            given = [name for name in ("queries", "run_file") if getattr(self, f"{split}_{name}")]
            if given and not getattr(self, f"{split}_qrels"):
                raise UserError(f"--{split}_{given[0]} needs --{split}_qrels")
        judged = [split for split in ("train", "validation", "test") if getattr(self, f"{split}_qrels")]
        searched = [split for split in judged if not getattr(self, f"{split}_run_file")]
        if self.run_form != "trec" and judged == searched and not self.matrix_runs:
            raise UserError(f"--run_form {self.run_form} is the form of run files, and none is given; leave it out")
        if self.first_pass_depth != 100 and judged and not searched:
            raise UserError("--first_pass_depth is for searches, and all splits have run files; leave it out")
        for file, depth in self.matrix:
            if not file or depth == 0:
                raise UserError(f"--matrix_runs {self.matrix_runs} must be FILE or FILE:DEPTH, with a depth from 1")

    @property
    def matrix(self) -> tuple[tuple[str, int | None], ...]:
        """The files of ``matrix_runs``, each with its depth; None for all of its documents.

        >>> PrfConfig(matrix_runs="own.run:20, bm25.run").matrix
        (('own.run', 20), ('bm25.run', None))
        """
        words = [word.strip() for word in self.matrix_runs.split(",")] if self.matrix_runs else []
        parts = [(word, *word.rpartition(":")[::2]) for word in words]
        return tuple(
            (file, int(depth)) if depth.isdecimal() and len(depth) < 19 else (word, None) for word, file, depth in parts
        )
