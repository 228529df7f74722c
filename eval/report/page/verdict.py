"""The verdict in words, for each condition and over all of them; it never says more than the intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...frequent import RARE, in_words
from ..tables import WHERE
from .figures import number
from .league import difference_of
from .results import Results


@dataclass(frozen=True)
class Verdict:
    """One condition in words.

    Attributes:
        name: of the condition.
        data: what was measured on.
        tone: ``up`` if any enhancer helps, else ``down`` if any harms, ``flat`` if all are unclear, ``bare`` if there
            are no intervals.
        headline: what to take home.
        detail: the enhancer that stands behind it, with its interval.
        counts: (word, how many enhancers).
    """

    name: str
    data: str
    tone: str
    headline: str
    detail: str
    counts: list[tuple[str, int]]


def verdict_of(results: Results) -> Verdict:
    """What one condition says."""
    data, settings = results.record["data"], results.record["settings"]
    about = f"{data['name']}, {data['images']} images, gate {settings.get('gate', 'off')}"
    if settings.get("where", "source") != "source":
        about += f", {WHERE[settings['where']]}"
    given, words = _all_words(results), _words(results)

    def found(tone: str, headline: str, detail: str) -> Verdict:
        counts = [(word, list(given.values()).count(word)) for word in ("helps", "unclear", "harms")] if given else []
        return Verdict(results.name, about, tone, headline, _joined(detail, _left_out([results])), counts)

    if not given:
        return found("bare", "No intervals", _best_without_intervals(results))
    if not words:
        return found("flat", "No difference is shown", "")
    if helpful := [name for name, word in words.items() if word == "helps"]:
        best = _largest(results, helpful)
        return found("up", f"{best} helps", _figures(results, best))
    best = _largest(results, list(words))
    largest = f"The largest difference: {best}, {_figures(results, best)}"
    if (results.statistics or {}).get("frequent_classes") == {}:
        largest += f"; no class is in {RARE} images, too few to tell"
    if "harms" in words.values():
        return found("down", "Nothing helps" if {*given.values()} == {"harms"} else "Nothing is shown to help", largest)
    return found("flat", "No difference is shown", largest)


def overall(conditions: Sequence[Results]) -> str:
    """One answer over all conditions.

    An enhancer that helps somewhere and harms nowhere comes before one that harms elsewhere; of several, the one that
    helps in most conditions, then the one whose interval begins highest. A row of which pictures failed says nothing:
    it is named at the end.
    """
    return _joined(_answer(conditions), _left_out(conditions), end=".")


def _answer(conditions: Sequence[Results]) -> str:
    judged = [(results, _words(results)) for results in conditions]
    judged = [(results, words) for results, words in judged if words]
    if not judged and any(_all_words(results) for results in conditions):
        return "Not shown: no enhancer has all its pictures."
    if not judged:
        return "These records hold no intervals, so a difference may be chance. Run the comparison again to get them."
    several = len(conditions) > 1
    helps = {(name, r.name): r for r, words in judged for name, word in words.items() if word == "helps"}
    harms = {(name, r.name): r for r, words in judged for name, word in words.items() if word == "harms"}
    harmful = {name for name, _ in harms}
    safe = {key: r for key, r in helps.items() if key[0] not in harmful}
    if safe:
        times = Counter(name for name, _ in safe)
        best, _ = _strongest({key: r for key, r in safe.items() if times[key[0]] == max(times.values())})
        where = [(condition, r) for (name, condition), r in safe.items() if name == best]
        if not several:
            return f"Yes: {best} helps, {_figures(where[0][1], best)}."
        gains = " and ".join(f"on {condition}, {_figures(r, best)}" for condition, r in where)
        elsewhere = "" if len(where) == len(conditions) else ", and is not shown to harm elsewhere"
        return f"Yes, in part: {best} helps {gains}{elsewhere}." if elsewhere else f"Yes: {best} helps {gains}."
    if helps:
        name, condition = _strongest(helps)
        bad = [(key[1], r) for key, r in harms.items() if key[0] == name]
        losses = " and ".join(f"harms on {where}, {_figures(r, name)}" for where, r in bad)
        return (
            f"It depends: {name} helps on {condition}, {_figures(helps[name, condition], name)}, but {losses}. Gate it."
        )
    tried = list(dict.fromkeys(name for _, words in judged for name in words))
    if harms:
        who = f"{tried[0]} harms" if len(tried) == 1 else f"none of the {len(tried)} enhancers is shown to help"
        rest = "" if len(tried) == 1 else f", and {len(harmful)} {'harms' if len(harmful) == 1 else 'harm'}"
        return f"No: {who}{rest}."
    who = f"{tried[0]} cannot" if len(tried) == 1 else f"none of the {len(tried)} enhancers can"
    return f"Not shown: on these images {who} be told from chance, for better or for worse."


def _all_words(results: Results) -> dict[str, str]:
    """Enhancer -> the word of its verdict."""
    return {row["enhancer"]: word for row in results.rows[1:] if (word := results.word_of(row["enhancer"]))}


def _words(results: Results) -> dict[str, str]:
    """The same of those that have all pictures, on which alone an answer may rest."""
    return {name: word for name, word in _all_words(results).items() if not results.failed_alone(name)}


def _left_out(conditions: Sequence[Results]) -> str:
    """Which enhancers lack pictures, and what to do; empty where none does."""
    several = len(conditions) > 1
    lacking = [
        f"{row['enhancer']}{f' on {results.name}' if several else ''} ({failed})"
        for results in conditions
        for row in results.rows[1:]
        if (failed := results.failed_alone(row["enhancer"]))
    ]
    return f"Not judged: {', '.join(lacking)}; complete them" if lacking else ""


def _joined(first: str, then: str, end: str = "") -> str:
    """Two sentences, either of which may be empty; the first may have its stop already."""
    if not (first and then):
        return first or then + end
    return f"{first.removesuffix('.')}. {then}{end}"


def _largest(results: Results, names: Sequence[str]) -> str:
    """The one whose difference is largest."""
    values = {row["enhancer"]: difference_of(results, row).value for row in results.rows[1:]}
    return max(names, key=lambda name: -1e9 if (value := values[name]) is None else value)


def _strongest(found: dict[tuple[str, str], Results]) -> tuple[str, str]:
    """(enhancer, condition) whose interval begins highest."""

    def low(key: tuple[str, str]) -> float:
        row = next(row for row in found[key].rows if row["enhancer"] == key[0])
        bound = difference_of(found[key], row).low
        return -1e9 if bound is None else bound

    return max(found, key=low)


def _figures(results: Results, name: str) -> str:
    row = next(row for row in results.rows if row["enhancer"] == name)
    difference = difference_of(results, row)
    return f"{difference.text} {in_words(results.judged)} {difference.interval}".strip()


def _best_without_intervals(results: Results) -> str:
    differences = {row["enhancer"]: difference_of(results, row).value for row in results.rows[1:]}
    known = {n: value for n, value in differences.items() if value is not None and not results.failed_alone(n)}
    if not known:
        return "Nothing was compared with none."
    best = max(known, key=lambda name: known[name])
    figure = f"{number(known[best], 1, signed=True)} {in_words(results.judged)}"
    return f"The largest difference: {best}, {figure}, which may be chance."
