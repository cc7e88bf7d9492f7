"""An election's folder on the disk: `election.toml`, its tables, what it extends; and where each value stands."""

import csv
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Place = tuple[str | int, ...]  # ('contests', 0, 'lists', 3, 'number')


class ConfigError(Exception):
    """The configuration cannot be used; the message names the file and the field."""


@dataclass(frozen=True)
class Origin:
    """Where a key was given: in `election.toml`, or as a table whose rows stand on these lines."""

    file: Path
    lines: tuple[int, ...] = ()


@dataclass
class Values:
    """The keys of an election, and where each stands."""

    file: Path  # the folder's own election.toml
    keys: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, Origin] = field(default_factory=dict)

    def told(self, place: Place) -> str:
        """A place in the configuration as its author finds it: 'questions.csv, row 4: tolerance'."""
        length = max((n for n in range(1, len(place) + 1) if place[:n] in self.origins), default=0)
        origin, rest = self.origins.get(place[:length], Origin(self.file)), place[length:]
        if origin.lines and rest and isinstance(rest[0], int):
            return f"{origin.file}, row {origin.lines[rest[0]]}: {'.'.join(map(str, rest[1:]))}".removesuffix(": ")
        return f"{origin.file}: {'.'.join(self._names(place)) or 'election'}"

    def _names(self, place: Place) -> Iterator[str]:
        """The steps to a place; a part of a list by its id."""
        at: Any = self.keys
        for step in place:
            try:
                at = at[step]
            except (KeyError, IndexError, TypeError):
                at = None
            named = at if isinstance(step, int) and isinstance(at, dict) else {}
            yield str(named.get("form") or named.get("id") or step)


def values(path: Path, extended_by: Sequence[Path] = ()) -> Values:
    """What stands in this folder, over what stands in the one it extends. ConfigError where it cannot be read."""
    file = path / "election.toml"
    if path in extended_by:
        raise ConfigError(f"{extended_by[-1] / 'election.toml'}: extends: goes in a circle at {path}")
    keys = _toml(file)
    found = Values(file)
    if "extends" in keys:
        base = keys.pop("extends")
        if not isinstance(base, str):
            raise ConfigError(f"{file}: extends: is not the name of a folder")
        found = values((path / base).resolve(), (*extended_by, path))
        found.file = file
    for key in keys:
        found.origins = {place: o for place, o in found.origins.items() if place[0] != key}
        found.origins[(key,)] = Origin(file)
    for place, part, key in _tables(keys):
        table = path / part[key]
        rows = list(_rows(table))
        part[key] = [row for _, row in rows]
        found.origins[place] = Origin(table, tuple(line for line, _ in rows))
    if isinstance(keys.get("map"), str):
        keys["map"] = str(path / keys["map"])
    found.keys |= keys
    return found


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{file}: there is no such file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from error


def _tables(keys: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any], str]]:
    """The keys whose value is the name of a CSV file: an election's, and a contest's."""
    contests = keys.get("contests")
    parts: list[tuple[Place, Any]] = [((), keys)]
    parts += [(("contests", i), part) for i, part in enumerate(contests if isinstance(contests, list) else ())]
    for place, part in parts:
        for key in [k for k, v in part.items() if isinstance(v, str) and v.endswith(".csv")]:
            yield (*place, key), part, key


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a table, each with the line of the file that it ends on."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.reader(lines, strict=True)
            header = next(table, [])
            for column in header:
                if not column.strip() or header.count(column) > 1:
                    raise ConfigError(f"{file}, row 1: the column {column!r} has no name, or one that stands twice")
            for cells in table:
                if any(cells):
                    yield table.line_num, _row(header, cells, f"{file}, row {table.line_num}")
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: there is no such file") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from error


def _row(header: Sequence[str], cells: Sequence[str], where: str) -> dict[str, Any]:
    """A row's keys: `name_en`, `name_ru` as one text; an empty cell is a key that is not given."""
    if len(cells) != len(header):
        raise ConfigError(f"{where}: {len(cells)} cells under {len(header)} columns")
    given = {k.strip(): v.strip() for k, v in zip(header, cells, strict=True)}
    name = {k.removeprefix("name_"): v for k, v in given.items() if k.startswith("name_")}
    rest: dict[str, Any] = {k: v for k, v in given.items() if v and not k.startswith("name_")}
    return rest | {"name": name} if name else rest
