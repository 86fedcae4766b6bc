"""Weighted phrases over concepts, and the guards that flag them. All languages always run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from worker.rules.model import HoldReason, Language
from worker.rules.reading.lexicon import Hits, Lexicon, Pattern, Span
from worker.rules.reading.model import Evidence, Label, Part
from worker.rules.reading.tokens import Sentence

#: Concepts whose words may be misspelt by one letter: what people ask for, never what guards them.
LOOSE: Final = ("delete", "unsub", "newsletter", "correct", "data", "personaldata", "account", "please", "short_unsub", "art15", "overview")
ACTS: Final = ("want", "please", "canyou", "request")
IMPERATIVE_REACH: Final = 6  # words between an imperative and what it asks for
SHORT: Final = 8  # words: a mail of one short word must consist of it and fillers


class Scope(StrEnum):
    """How far from a request a guard reaches."""

    SENTENCE = "sentence"
    NEAR = "near"
    MAIL = "mail"
    SIGNATURE = "signature"


_WHOLE: Final = (Scope.MAIL, Scope.SIGNATURE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of phrase, worth ``weight`` and more where somebody asks. ``yields_to``: labels whose findings in the same sentence take its place."""

    id: str
    label: Label
    patterns: tuple[Pattern, ...]
    weight: float
    needs_values: bool = False
    yields_to: frozenset[Label] = frozenset()
    most_words: int = 0  # a longer sentence says more than this rule understands, and only half counts; 0 is no bound


@dataclass(frozen=True, slots=True)
class Guard:
    """A concept that keeps a request from being automatic. ``silent``: the words then ask for nothing."""

    concept: str
    reason: HoldReason
    scope: Scope
    near: int = 0  # words
    silent: bool = False
    rules: frozenset[str] = frozenset()  # only these; empty is all
    same_clause: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores, see ``[thresholds]`` of the shared data."""

    automatic: float
    label: float
    mention: float
    act: float
    longest_own: int  # words
    # Of the witness's scores, in thousandths of its margin; calibrated on folds (docs/model-card.md).
    heard: int
    act_sure: int
    other_sure: int
    seen: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that matched: where, how strongly, and the guards that fired on it."""

    rule: Rule
    language: Language
    score: float
    at: int  # index of the sentence
    words: Span
    used: frozenset[int]
    evidence: Evidence
    guards: tuple[tuple[Guard, Evidence], ...] = ()
    asks: bool = True  # False: a bare question, or words inside quotation marks

    @property
    def silent(self) -> bool:
        """True if a guard says that these words ask for nothing."""
        return any(guard.silent for guard, _ in self.guards)


@dataclass(frozen=True, slots=True)
class Found:
    """All findings of a mail, and the guards that reach the whole of it."""

    findings: tuple[Finding, ...]
    guards: tuple[tuple[Guard, Evidence], ...] = ()
    #: Every own sentence with its concepts in the language of the mail.
    tagged: tuple[tuple[Sentence, Hits], ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What the rules look at: the text evidence points into, the sender's own sentences, and his signature."""

    text: Mapping[Part, str]
    own: Sequence[Sentence]
    signature: Sequence[Sentence] = ()


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A sentence as one language sees it."""

    language: Language
    sentence: Sentence
    hits: Hits
    used: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Rules:
    """The compiled rules, guards and vocabularies."""

    lexicons: Mapping[Language, Lexicon]
    rules: tuple[Rule, ...]
    guards: tuple[Guard, ...]
    thresholds: Thresholds
    index: Mapping[str, tuple[tuple[int, Pattern], ...]]  # first concept -> (place of the rule, pattern)

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Rules:
        """Compile the shared data with that of each language."""
        shared = data["shared"]
        rules = tuple(_rule(row) for row in shared["rules"])
        return cls(
            {lang: _lexicon(shared, data[lang.value]) for lang in Language if lang.value in data},
            rules,
            tuple(_guard(row) for row in shared["guards"]),
            Thresholds(**shared["thresholds"]),
            _index(rules),
        )

    def apply(self, words: Words, main: Language, stop: Mapping[Language, frozenset[str]]) -> Found:
        """Match every rule in every language, then let the guards look at what matched.

        ``main`` is the language of the mail, ``stop`` the stop words: a sentence that speaks one language is not read in another.
        """
        text, sentences, signature = words.text, words.own, words.signature
        tagged = [[self._tag(sentence, lang) for lang in self.lexicons] for sentence in sentences]
        findings = [f for at, views in enumerate(tagged) for view in views for f in self._match(at, view, text)]
        findings = _yielded([f for f in findings if f.language is main or _speaks(sentences[f.at], f.language, main, stop)])
        findings += self._short(tagged, text)
        languages = {main} | {f.language for f in findings}
        guarded = tuple(self._guarded(f, tagged, text) for f in findings)
        signed = [[self._tag(sentence, lang) for lang in self.lexicons] for sentence in signature] if findings else []
        whole = (*self._mail_guards(Scope.MAIL, tagged, languages, text), *self._mail_guards(Scope.SIGNATURE, signed, set(Language), text))
        spoken = list(self.lexicons).index(main) if main in self.lexicons else 0
        return Found(guarded, whole, tuple((views[spoken].sentence, views[spoken].hits) for views in tagged))

    def _tag(self, sentence: Sentence, language: Language) -> _Tagged:
        hits, sentence = self.lexicons[language].tag(sentence)
        return _Tagged(language, sentence, hits)

    def _match(self, at: int, view: _Tagged, text: Mapping[Part, str]) -> Iterable[Finding]:
        if not view.hits:
            return
        for rule, patterns in self._possible(view.hits):
            best = self._best(rule, patterns, at, view, text)
            if best is not None:
                view.used.update(best.used)
                yield best

    def _possible(self, hits: Hits) -> Iterable[tuple[Rule, list[Pattern]]]:
        """The rules whose concepts occur, in their order, found by the first concept of each pattern."""
        found: dict[int, list[Pattern]] = {}
        for concept in hits:
            for at, pattern in self.index.get(concept, ()):
                if pattern.possible(hits):
                    found.setdefault(at, []).append(pattern)
        return [(self.rules[at], found[at]) for at in sorted(found)]

    def _best(self, rule: Rule, patterns: Sequence[Pattern], at: int, view: _Tagged, text: Mapping[Part, str]) -> Finding | None:
        """The strongest match of ``rule``; words that any match used are nobody's guard."""
        best: Finding | None = None
        for pattern in patterns:
            for match in pattern.find(view.hits, view.sentence):
                found = self._finding(rule, at, view, match, text)
                view.used.update(found.used)
                if best is None or found.score > best.score:
                    best = found
        return best

    def _finding(self, rule: Rule, at: int, view: _Tagged, match: tuple[Span, ...], text: Mapping[Part, str]) -> Finding:
        used = frozenset(i for first, last in match for i in range(first, last + 1))
        words = (match[0][0], match[-1][1])
        acted = _acted(view, words)
        score = rule.weight + (self.thresholds.act if acted else 0.0)
        if rule.most_words and len(view.sentence.words) > rule.most_words:
            score /= 2
        quoted = bool(view.sentence.quoted & used)
        bare = view.sentence.question and rule.weight < self.thresholds.automatic and not _politely_asked(view)
        return Finding(
            rule, view.language, score, at, words, used, _evidence(rule.id, view.sentence, words, text), asks=not (quoted or bare)
        )

    def _short(self, tagged: Sequence[Sequence[_Tagged]], text: Mapping[Part, str]) -> list[Finding]:
        """A sentence, or a whole mail, of one short word ("stop", "désabo") among fillers."""
        rule = Rule("unsubscribe.short", Label.UNSUBSCRIBE, (), self.thresholds.automatic)
        out = []
        for at, views in enumerate(tagged):
            for view in views:
                words = _short_words(view)
                if words is not None:
                    view.used.update(range(len(view.sentence.words)))
                    used = frozenset(range(len(view.sentence.words)))
                    out.append(
                        Finding(
                            rule,
                            view.language,
                            rule.weight,
                            at,
                            words,
                            used,
                            _evidence(rule.id, view.sentence, words, text),
                            asks=not view.sentence.question,
                        )
                    )
        return out

    def _guarded(self, finding: Finding, tagged: Sequence[Sequence[_Tagged]], text: Mapping[Part, str]) -> Finding:
        fired = []
        for guard in self.guards:
            if guard.scope in _WHOLE or (guard.rules and finding.rule.id not in guard.rules):
                continue
            for at in _joined(tagged, finding.at, guard.scope):
                view = next(v for v in tagged[at] if v.language is finding.language)
                hit = _fires(guard, view, finding if at == finding.at else None)
                if hit is not None:
                    fired.append((guard, _evidence(f"guard.{guard.concept}", view.sentence, hit, text)))
                    break
        return replace(finding, guards=tuple(fired))

    def _mail_guards(
        self, scope: Scope, tagged: Sequence[Sequence[_Tagged]], languages: set[Language], text: Mapping[Part, str]
    ) -> Iterable[tuple[Guard, Evidence]]:
        for guard in self.guards:
            views = (view for views in tagged for view in views if guard.scope is scope and view.language in languages)
            hit = next(((view, span) for view in views for span in view.hits.get(guard.concept, ()) if not _benign(view, span)), None)
            if hit is not None:
                yield guard, _evidence(f"guard.{guard.concept}", hit[0].sentence, hit[1], text)


def _lexicon(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Lexicon:
    concepts: dict[str, list[str]] = {}
    for table in (shared["concepts"], own["concepts"]):
        for name, words in table.items():
            concepts.setdefault(name, []).extend(words)
    concepts.setdefault("field", []).extend(word for words in own.get("fields", {}).values() for word in words)
    macros = {**own.get("macros", {})}
    for name, sources in shared["macros"].items():
        macros[name] = [*macros.get(name, ()), *sources]
    return Lexicon.compile(concepts, macros, LOOSE, own.get("strict", ()))


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        row["id"],
        Label(row["label"]),
        tuple(pattern for source in row["patterns"] for pattern in Pattern.parse(source)),
        row["weight"],
        row.get("needs_values", False),
        frozenset(Label(label) for label in row.get("yields_to", ())),
        row.get("most_words", 0),
    )


def _guard(row: Mapping[str, Any]) -> Guard:
    return Guard(
        row["concept"],
        HoldReason(row["reason"]),
        Scope(row["scope"]),
        row.get("near", 0),
        row.get("silent", False),
        frozenset(row.get("rules", ())),
        row.get("same_clause", False),
    )


def _index(rules: Sequence[Rule]) -> Mapping[str, tuple[tuple[int, Pattern], ...]]:
    out: dict[str, tuple[tuple[int, Pattern], ...]] = {}
    for at, rule in enumerate(rules):
        for pattern in rule.patterns:
            for concept in dict.fromkeys(pattern.items[0].concepts):
                out[concept] = (*out.get(concept, ()), (at, pattern))
    return out


def _acted(view: _Tagged, words: Span) -> bool:
    """Does somebody ask here: a word of asking, or an imperative that begins the clause of the match."""
    if any(name in view.hits for name in ACTS):
        return True
    breaks = view.sentence.breaks
    return any(first in breaks and words[0] - IMPERATIVE_REACH <= first <= words[1] for first, _ in view.hits.get("imp", ()))


def _politely_asked(view: _Tagged) -> bool:
    return any(name in view.hits for name in ("canyou", "please", "question_ok"))


def _short_words(view: _Tagged) -> Span | None:
    """The place of the short word if the sentence holds nothing but it and fillers."""
    places = view.hits.get("short_unsub")
    length = len(view.sentence.words)
    if not places or length > SHORT:
        return None
    covered = {i for name in ("short_unsub", "short_filler") for first, last in view.hits.get(name, ()) for i in range(first, last + 1)}
    return places[0] if len(covered) == length else None


def _evidence(rule: str, sentence: Sentence, words: Span, text: Mapping[Part, str]) -> Evidence:
    start, end = sentence.words[words[0]].start, sentence.words[words[1]].end
    return Evidence(rule, sentence.part, (start, end), text[sentence.part][start:end])


def _speaks(sentence: Sentence, language: Language, main: Language, stop: Mapping[Language, frozenset[str]]) -> bool:
    folds = sentence.folds
    return sum(w in stop[language] for w in folds) >= sum(w in stop[main] for w in folds)


def _yielded(findings: list[Finding]) -> list[Finding]:
    """Drop what a milder rule, or another language, read into words that a stronger finding of the sentence explains."""
    return [f for f in findings if not any(_covers(other, f) for other in findings)]


def _covers(other: Finding, finding: Finding) -> bool:
    if other is finding or other.at != finding.at:
        return False
    if other.rule.label is finding.rule.label and other.language is not finding.language:
        return other.score > finding.score or (
            other.score == finding.score and list(Language).index(other.language) < list(Language).index(finding.language)
        )
    return other.rule.label in finding.rule.yields_to and other.rule.id != finding.rule.id and other.score >= finding.score


def _joined(tagged: Sequence[Sequence[_Tagged]], at: int, scope: Scope) -> list[int]:
    """The sentence itself, and its neighbours that only a line end parts from it."""
    out = [at]
    if scope is not Scope.SENTENCE:
        return out
    if at > 0 and _flows(tagged, at - 1):
        out.append(at - 1)
    if at + 1 < len(tagged) and _flows(tagged, at):
        out.append(at + 1)
    return out


def _flows(tagged: Sequence[Sequence[_Tagged]], at: int) -> bool:
    before, after = tagged[at][0].sentence, tagged[at + 1][0].sentence
    return before.open_end and before.part is after.part


def _benign(view: _Tagged, span: Span) -> bool:
    return any(first <= span[0] and span[1] <= last for first, last in view.hits.get("benign", ()))


def _fires(guard: Guard, view: _Tagged, finding: Finding | None) -> Span | None:
    """The first word of ``guard`` that neither a rule used nor politeness explains."""
    hits = view.hits.get(guard.concept, [])
    if guard.concept == "neg" and finding is not None and any(first in finding.used for first, _ in hits):
        return None  # the negation is part of what is asked: "no more newsletters"
    for span in hits:
        used = finding.used if guard.rules and finding is not None else view.used
        explained = _benign(view, span) or all(i in used for i in range(span[0], span[1] + 1))
        if not explained and _reaches(guard, view, finding, span[0]):
            return span
    return None


def _reaches(guard: Guard, view: _Tagged, finding: Finding | None, at: int) -> bool:
    if guard.scope is not Scope.NEAR:
        return True
    if finding is None or not finding.words[0] - guard.near <= at <= finding.words[1] + guard.near:
        return False
    between = range(min(at, finding.words[1]) + 1, max(at, finding.words[1]) + 1)
    return not (guard.same_clause and any(i in view.sentence.breaks for i in between))
