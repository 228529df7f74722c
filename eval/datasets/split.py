"""Choose images of a set by a split that its own layout does not know: a CSV column or a list file."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from ... import configs
from ...errors import ScotopicError
from .raw import Entry, RawSet
from .texts import read_lines, read_text

_ID_COLUMNS = ("id", "name")
_FEW = 12  # a column with more values than this is a measurement, not a choice
_SHIPPED = Path(configs.__file__).parent / "split"
_NO_LIST = {"classes", "labels", "requirements"}  # text files beside a set that list no images


@dataclass(frozen=True)
class _Table:
    """A CSV file beside the set that has ids."""

    path: Path
    columns: list[str]
    rows: list[dict[str, str]]

    def ids(self, column: str, value: str) -> list[str]:
        key = next(name for name in _ID_COLUMNS if name in self.columns)
        return [(row.get(key) or "").strip() for row in self.rows if (row.get(column) or "").strip() == value]

    def values(self, column: str) -> list[str]:
        found = ((row.get(column) or "").strip() for row in self.rows)
        return list(dict.fromkeys(value for value in found if value))


def choose_split(raw: RawSet[Entry], split: str, own_splits: tuple[str, ...]) -> RawSet[Entry]:
    """The images of a set that a split names.

    Looks for, in this order: rows of a CSV file beside the set whose ``split`` column has the name (or another column,
    as in ``sequence=0001TP``), ids in ``id`` or ``name``; a list file ``NAME.txt`` beside the set; a path of a list
    file; a list that comes with the package, such as ``darkbdd-day-odd``. Ids may be ids, file names or paths of the
    set. What is listed but not in the set is reported as ``labels_without_image``.

    Raises:
        ScotopicError: there is no such split; those that exist are named.
    """
    tables, unreadable = _tables(raw.beside)
    column, equals, value = split.partition("=")
    if not equals:
        column, value = "split", split
    hits = {table.path: ids for table in tables if (ids := table.ids(column, value))}
    if len(hits) > 1:
        files = " and ".join(path.name for path in hits)
        raise ScotopicError(f"the split '{split}' of {raw.name} is ambiguous: {files} both have it; give a list file")
    if hits:
        return _choose(raw, split, *hits.popitem())
    lists = [folder / f"{split}.txt" for folder in raw.beside if split not in _NO_LIST]
    for file in (*lists, Path(split), _SHIPPED / f"{split}.txt"):
        if file.is_file():
            return _choose(raw, split, file, [line for _, line in read_lines(file)])
    available = available_splits(raw, own_splits)
    raise ScotopicError(
        f"{raw.name} has no split '{split}': it has {', '.join(available) or 'none'}; looked for "
        f"a split of the layout's own (a key of data.yaml, a folder {split}), rows of a CSV file beside the set, "
        f"{split}.txt beside the set, and a list file {split}{''.join(f'; {reason}' for reason in unreadable)}"
    )


def available_splits(raw: RawSet[Entry], own_splits: tuple[str, ...]) -> list[str]:
    """Names that ``--split`` takes for this set, in the order in which they are looked for."""
    tables, _ = _tables(raw.beside)
    in_tables = [value for table in tables for value in table.values("split")]
    columns = [
        f"{column}={value}"
        for table in tables
        for column in table.columns
        if column not in (*_ID_COLUMNS, "split") and len(table.values(column)) <= _FEW
        for value in table.values(column)
    ]
    lists = [file.stem for folder in raw.beside for file in sorted(folder.glob("*.txt")) if file.stem not in _NO_LIST]
    return list(dict.fromkeys([*own_splits, *in_tables, *lists, *columns]))


def _tables(folders: tuple[Path, ...]) -> tuple[list[_Table], list[str]]:
    """The CSV files that have ids; why others cannot be read, which matters only where no split is found."""
    tables, unreadable = [], []
    for path in dict.fromkeys(file for folder in folders for file in sorted(folder.glob("*.csv"))):
        try:
            reader = csv.DictReader(read_text(path).splitlines())
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            if any(name in columns for name in _ID_COLUMNS):
                tables.append(_Table(path, columns, list(reader)))
        except ScotopicError as error:
            unreadable.append(str(error))
        except csv.Error as error:
            unreadable.append(f"{path} cannot be read as CSV ({error})")
    return tables, unreadable


def _choose(raw: RawSet[Entry], split: str, source: Path, entries: list[str]) -> RawSet[Entry]:
    if not entries:
        raise ScotopicError(f"{source} lists no image: write one id, file name or path per line")
    by_key = _keys(raw.samples)
    chosen: dict[str, Entry] = {}
    missing = []
    for entry in entries:
        path = Path(entry)
        keys = (entry, path.as_posix(), str((source.parent / path).resolve()), path.name, path.stem)
        found = next((by_key[key] for key in keys if key in by_key), [])
        if len(found) > 1:
            images = " and ".join(str(sample.image) for sample in found[:2])
            raise ScotopicError(f"'{entry}' of {source} may be {images}: write its path in the set")
        for sample in found:
            chosen[sample.id] = sample
        if not found:
            missing.append(entry)
    if not chosen:
        raise ScotopicError(
            f"{source} lists {len(entries)} images for '{split}', such as {missing[0]}; {raw.name} has none"
        )
    listed = {Path(entry).stem for entry in missing}
    # A list may have the frame's name alone, without the _leftImg8bit that Cityscapes' pictures end in.
    unlabelled = {
        name: image
        for image in raw.unlabelled_left_out
        for name in listed
        if image.stem == name or image.stem.startswith(f"{name}_")
    }
    return replace(
        raw,
        samples=list(chosen.values()),
        labels_without_image=[entry for entry in missing if Path(entry).stem not in unlabelled],
        unlabelled_left_out=list(unlabelled.values()),
    )


def _keys(samples: list[Entry]) -> dict[str, list[Entry]]:
    """Every name by which a list may call an image -> the images of that name, the id going before all else."""
    by_key: dict[str, list[Entry]] = defaultdict(list)
    for sample in samples:
        path = sample.image
        below = [Path(*path.parts[start:]) for start in range(-min(4, len(path.parts)), 0)]
        names = {str(path.resolve()), path.stem, *(p.as_posix() for p in below)}
        names |= {p.with_suffix("").as_posix() for p in below}
        for name in names:
            by_key[name].append(sample)
    by_key.update({sample.id: [sample] for sample in samples})
    return by_key
