"""What a teacher wrote, and what came of it: the record of a synthesis."""

from __future__ import annotations

from lema.base.records import Record, Verdict


class Written(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program by a teacher and what came of it. `reject` is empty for one that is kept, else why it is not."""

    question_id: str
    teacher: str
    sample: int  # 0-based, among the programs of this question
    text: str
    verdict: Verdict
    value: str | None = None
    outcome: str = ""  # `executed`, or the class of the error
    reject: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def id(self) -> str:
        return f"{self.question_id}#{self.teacher}#{self.sample}"
