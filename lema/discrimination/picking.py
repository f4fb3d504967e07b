"""The read-outs: from questions with candidates to picks, by a model that is open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from lema.base import prompts
from lema.base.errors import StageFailed
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.records import Example, Question, Record
from lema.data.formats import Format
from lema.discrimination import reading
from lema.discrimination.asking import NO_ANSWER, Asking, Demo, Shown, labels, pick_prompt, score_prompt
from lema.lm.scoring import Score

BETWEEN = "\n---\n"  # replies about one pick, in its text


class Case(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question with its candidates, by number, and the orders in which they are shown."""

    question: Question
    views: tuple[str, ...]  # what is shown of each
    answers: tuple[str | None, ...]  # as shown, None where there is none
    texts: tuple[str, ...]  # whole solutions, as sampled
    orders: tuple[tuple[int, ...], ...]


class Pick(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model picked of the candidates in one order."""

    question_id: str
    order: int  # number of the order among those of the question
    shown: tuple[int, ...]  # number of the candidate at each position
    chosen: int | None  # number of the candidate; None when no pick could be read
    text: str = ""  # what the model wrote
    scores: tuple[float | None, ...] = ()  # of each candidate by number, where the read-out has scores
    prompt_tokens: int = 0
    completion_tokens: int = 0


class OpenModel(NamedTuple):
    """What is open of the model: the one that the read-out needs."""

    complete: Complete | None = None
    score_texts: Score | None = None


class Inquiry(NamedTuple):
    """Everything that decides how cases become picks."""

    asking: Asking
    format: Format
    sampling: Sampling
    demos: Sequence[Demo]
    equal: Callable[[str, str], bool]
    seed: int = 0


def pick(inquiry: Inquiry, model: OpenModel, cases: Sequence[Case]) -> list[Pick]:
    """A pick for each order of each case."""
    match inquiry.asking.read_out:
        case "label_text" | "verbatim":
            return by_text(inquiry, model, cases)
        case "label_logprob":
            return by_label(inquiry, model, cases)
        case "pairwise":
            return by_pairs(inquiry, model, cases)
        case "pointwise" | "pointwise_logprob" | "likelihood":
            return by_score(inquiry, model, cases)


def shown(case: Case, order: Sequence[int]) -> Shown:
    return Shown(case.question, [case.views[number] for number in order])


def ask(
    inquiry: Inquiry, model: OpenModel, requests: Sequence[tuple[str, Case]], choices: tuple[str, ...] = ()
) -> list[Reply]:
    """One greedy reply to each prompt: free, or one of the choices with the log-probabilities of all."""
    assert model.complete is not None
    put = [
        Prompt(
            id=f"{case.question.id}/{number}",
            text=text,
            chat=inquiry.format.chat,
            seed=prompts.seed(inquiry.seed, case.question.id),
            fields={"question": case.question.text, "candidates": "\n".join(case.views)},
        )
        for number, (text, case) in enumerate(requests)
    ]
    # An engine that plays back what was recorded may have nothing to say.
    sampling = Sampling(choices=choices) if choices else inquiry.sampling
    return [replies[0] if replies else Reply(text="") for replies in model.complete(put, sampling)]


def logprobs_of(reply: Reply) -> tuple[float, ...]:
    """The log-probability of each choice.

    Raises:
        StageFailed: the engine gave none.
    """
    if reply.choices is None:
        raise StageFailed("the engine gives no log-probabilities of choices. Take label_text, or another engine.")
    return reply.choices


def by_text(inquiry: Inquiry, model: OpenModel, cases: Sequence[Case]) -> list[Pick]:
    """The number, or the answer, that the model writes."""
    asked = [(case, at, order) for case in cases for at, order in enumerate(case.orders)]
    texts = [pick_prompt(inquiry.format, inquiry.asking, shown(case, order), inquiry.demos) for case, _, order in asked]
    replies = ask(inquiry, model, [(text, case) for text, (case, _, _) in zip(texts, asked, strict=True)])
    made = []
    for text, (case, at, order), reply in zip(texts, asked, replies, strict=True):
        place = read(inquiry, written(inquiry, text, reply), [case.answers[number] for number in order])
        made.append(
            Pick(
                question_id=case.question.id,
                order=at,
                shown=order,
                chosen=None if place is None else order[place],
                text=reply.text,
                prompt_tokens=reply.prompt_tokens,
                completion_tokens=reply.completion_tokens,
            )
        )
    return made


def written(inquiry: Inquiry, prompt: str, reply: Reply) -> str:
    """The reply, behind the cue that it goes on from."""
    return reply.text if inquiry.format.chat or inquiry.asking.reasoning else f"{prompt.splitlines()[-1]}{reply.text}"


def read(inquiry: Inquiry, text: str, answers: Sequence[str | None]) -> int | None:
    """The position that was picked."""
    if inquiry.asking.read_out == "verbatim":
        return reading.verbatim(text, [NO_ANSWER if answer is None else answer for answer in answers], inquiry.equal)
    return reading.label(text, len(answers))


def by_label(inquiry: Inquiry, model: OpenModel, cases: Sequence[Case]) -> list[Pick]:
    """The likeliest label."""
    asked = [(case, at, order) for case in cases for at, order in enumerate(case.orders)]
    texts = [pick_prompt(inquiry.format, inquiry.asking, shown(case, order), inquiry.demos) for case, _, order in asked]
    choices = labels(inquiry.format, inquiry.asking, len(asked[0][2]))
    replies = ask(inquiry, model, [(text, case) for text, (case, _, _) in zip(texts, asked, strict=True)], choices)
    made = []
    for (case, at, order), reply in zip(asked, replies, strict=True):
        held = logprobs_of(reply)
        made.append(best(case, at, order, [held[order.index(number)] for number in range(len(order))], [reply]))
    return made


def best(
    case: Case, at: int, order: Sequence[int], scores: Sequence[float | None], replies: Sequence[Reply] = ()
) -> Pick:
    """The pick of the highest score, of no score at all none.

    Of equal ones it is the candidate that was sampled first: wherever it is shown, so that ties are no position bias.
    """
    there = [(score, -number) for number, score in enumerate(scores) if score is not None]
    return Pick(
        question_id=case.question.id,
        order=at,
        shown=tuple(order),
        chosen=-max(there)[1] if there else None,
        text=BETWEEN.join(reply.text for reply in replies),
        scores=tuple(scores),
        prompt_tokens=sum(reply.prompt_tokens for reply in replies),
        completion_tokens=sum(reply.completion_tokens for reply in replies),
    )


def by_score(inquiry: Inquiry, model: OpenModel, cases: Sequence[Case]) -> list[Pick]:
    """The candidate of the highest score, each scored alone, once for all orders."""
    pairs = [(case, number) for case in cases for number in range(len(case.views))]
    replies: Sequence[Reply] = ()
    scores: Sequence[float | None]
    if inquiry.asking.read_out == "likelihood":
        scores = likelihoods(inquiry, model, pairs)
    else:
        texts = [
            score_prompt(inquiry.format, inquiry.asking, case.question, case.views[number], inquiry.demos)
            for case, number in pairs
        ]
        weighed = inquiry.asking.read_out == "pointwise_logprob"
        choices = labels(inquiry.format, inquiry.asking, 1) if weighed else ()
        replies = ask(inquiry, model, [(text, case) for text, (case, _) in zip(texts, pairs, strict=True)], choices)
        if weighed:
            scores = [right - wrong for right, wrong in map(logprobs_of, replies)]
        else:
            scores = [reading.score(written(inquiry, text, reply)) for text, reply in zip(texts, replies, strict=True)]
    made, at = [], 0
    for case in cases:
        own, said = scores[at : at + len(case.views)], replies[at : at + len(case.views)]
        at += len(case.views)
        # What was said counts once, though it decides the picks of all orders.
        made += [
            best(case, number, order, own, said if number == 0 else ()) for number, order in enumerate(case.orders)
        ]
    return made


def likelihoods(inquiry: Inquiry, model: OpenModel, pairs: Sequence[tuple[Case, int]]) -> list[float | None]:
    """Mean log-probability a token of each candidate's own text behind the prompt that asks for a solution.

    Equal texts of a question, which are many of a model that is sure, go through the model once.
    """
    assert model.score_texts is not None
    keys = [(case.question.id, case.texts[number]) for case, number in pairs]
    different = {key: case for key, (case, _) in zip(keys, pairs, strict=True)}
    examples = [
        Example(
            prompt=inquiry.format.cot_prompt(case.question),
            completion=text,
            question_id=case.question.id,
            source="candidate",
        )
        for (_, text), case in different.items()
    ]
    found = dict(zip(different, model.score_texts(examples), strict=True))
    return [found[key].logprob / found[key].tokens for key in keys]


class Match:
    """A knock-out among the candidates of one case in one order."""

    def __init__(self, case: Case, at: int, order: tuple[int, ...]) -> None:
        self.case, self.at, self.order = case, at, order
        self.left: list[int] = list(order)
        self.replies: list[Reply] = []
        self.lost = False  # a pair was not decided

    def pairs(self) -> list[tuple[int, int]]:
        """Neighbours that meet in this round; the last of an odd number goes on by itself."""
        if self.lost:
            return []
        return [(self.left[k], self.left[k + 1]) for k in range(0, len(self.left) - 1, 2)]

    def settle(self, winners: Sequence[int | None], replies: Sequence[Reply]) -> None:
        self.replies += replies
        self.lost = None in winners
        odd = self.left[-1:] if len(self.left) % 2 else []
        self.left = [winner for winner in winners if winner is not None] + odd

    def result(self) -> Pick:
        return Pick(
            question_id=self.case.question.id,
            order=self.at,
            shown=self.order,
            chosen=None if self.lost else self.left[0],
            text=BETWEEN.join(reply.text for reply in self.replies),
            prompt_tokens=sum(reply.prompt_tokens for reply in self.replies),
            completion_tokens=sum(reply.completion_tokens for reply in self.replies),
        )


def by_pairs(inquiry: Inquiry, model: OpenModel, cases: Sequence[Case]) -> list[Pick]:
    """The winner of a knock-out; one pair that is not decided makes the pick invalid."""
    matches = [Match(case, at, order) for case in cases for at, order in enumerate(case.orders)]
    while playing := [(match, match.pairs()) for match in matches if match.pairs()]:
        asked = [(match, pair) for match, pairs in playing for pair in pairs]
        texts = [
            pick_prompt(inquiry.format, inquiry.asking, shown(match.case, pair), inquiry.demos) for match, pair in asked
        ]
        replies = ask(inquiry, model, [(text, match.case) for text, (match, _) in zip(texts, asked, strict=True)])
        at = 0
        for match, pairs in playing:
            said, own = replies[at : at + len(pairs)], texts[at : at + len(pairs)]
            at += len(pairs)
            places = [reading.label(written(inquiry, text, reply), 2) for text, reply in zip(own, said, strict=True)]
            winners = [None if place is None else pair[place] for pair, place in zip(pairs, places, strict=True)]
            match.settle(winners, said)
    return [match.result() for match in matches]
