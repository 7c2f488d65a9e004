"""Names that columns of a role usually have, in lower case; ``dataset.roles`` says how far they are believed."""

from __future__ import annotations

LABEL_NAMES = frozenset(
    [
        "label",
        "labels",
        "target",
        "class",
        "classes",
        "y",
        "category",
        "sentiment",
        "outcome",
        "ground_truth",
        "gold",
        "gold_label",
        "diagnosis",
        "toxicity",
        "toxic",
        "is_toxic",
        "spam",
        "is_spam",
        "ham_spam",
        "fraud",
        "is_fraud",
        "churn",
        "species",
        "variety",
        "survived",
        "income",
    ]
)
TEXT_NAMES = frozenset(
    [
        "text",
        "texts",
        "content",
        "body",
        "review",
        "comment",
        "sentence",
        "tweet",
        "message",
        "post",
        "document",
        "abstract",
        "article",
        "passage",
        "utterance",
        "email",
        "sms",
        "title",
        "description",
        "summary",
    ]
)
PROMPT_NAMES = frozenset(["prompt", "instruction", "question", "query", "user_message", "user_prompt"])
ASKING_NAMES = frozenset(["input", "system", "system_prompt"])
"""Parts of a prompt when there is a response beside them: features are called so, too."""
RESPONSE_NAMES = frozenset(
    [
        "response",
        "completion",
        "answer",
        "output",
        "reply",
        "assistant",
        "chosen",
        "chosen_response",
        "response_chosen",
        "generation",
        "target_text",
        "assistant_message",
    ]
)
REJECTED_NAMES = frozenset(["rejected", "rejected_response", "response_rejected"])
"""The other answer of a pair, beside one of those below, which people preferred."""
CHOSEN_NAMES = frozenset(["chosen", "chosen_response", "response_chosen"])
SOURCE_NAMES = frozenset(
    [
        "source",
        "src",
        "source_id",
        "source_name",
        "origin",
        "provider",
        "publisher",
        "domain",
        "site",
        "vendor",
        "contributor",
        "contributor_id",
        "uploader",
        "uploader_id",
        "submitted_by",
        "annotated_by",
        "labeled_by",
        "labelled_by",
        "annotator",
        "annotator_id",
        "worker",
        "worker_id",
        "author",
        "user",
        "user_id",
        "username",
        "account",
        "rater",
        "rater_id",
        "labeler",
        "labeller",
        "batch_source",
        "data_source",
        "dataset",
        "corpus",
    ]
)
ID_NAMES = frozenset(
    ["id", "uuid", "guid", "key", "index", "idx", "rowid", "row_id", "record_id", "sample_id", "example_id"]
)
SPLIT_NAMES = frozenset({"split", "fold", "partition", "subset"})
SPLIT_VALUES = frozenset({"train", "training", "test", "testing", "valid", "validation", "val", "dev", "eval"})
URL_NAMES = frozenset({"url", "uri", "link", "href", "source_url", "page_url"})
TIME_NAMES = frozenset({"timestamp", "time", "date", "datetime", "created", "created_at", "updated_at", "ts"})
IMAGE_NAMES = frozenset({"image", "img", "picture", "photo", "image_path", "image_file", "image_bytes"})
