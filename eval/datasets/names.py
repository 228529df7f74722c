"""Names of classes and images: compared, listed for people, and chosen by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from ...errors import ScotopicError, nearest

_SHOWN = 5


class Named(Protocol):
    """A sample of any kind of set."""

    @property
    def id(self) -> str: ...


Sample = TypeVar("Sample", bound=Named)


def select_samples(samples: Sequence[Sample], ids: Iterable[str], set_name: str) -> tuple[Sample, ...]:
    """The samples with these ids, in the set's own order.

    Raises:
        ScotopicError: an id is not among them.
    """
    wanted = set(ids)
    known = {sample.id for sample in samples}
    for unknown in sorted(wanted - known)[:1]:
        hint = nearest(unknown, known).split("Known:")[0].strip()
        raise ScotopicError(f"{set_name} has no image with the id '{unknown}'{': ' + hint if hint else ''}")
    return tuple(sample for sample in samples if sample.id in wanted)


def some_and_count(names: Iterable[str]) -> str:
    """The first few names, and how many more there are.

    >>> some_and_count("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    names = list(names)
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def first_names(names: Iterable[str], shown: int) -> str:
    """The first names, with dots where there are more.

    >>> first_names(["car", "bus", "van"], shown=2)
    'car, bus, ...'
    """
    first = list(islice(names, shown + 1))
    return ", ".join([*first[:shown], *(["..."] if len(first) > shown else [])])


def plain(name: str) -> str:
    """A name without case, blanks, hyphens and underscores.

    >>> plain("Traffic_Light")
    'trafficlight'
    """
    return "".join(character for character in name.casefold() if character.isalnum())
