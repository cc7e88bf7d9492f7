"""What a check is: named data with its formula, inputs, tolerance, severity and words in three languages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from elections.config import Severity, Text
from queries.sheets import Kind

Tier = Literal["A", "B", "C"]
Relation = Literal["=", "<=", ">="]
LISTS = "votes"  # among the inputs: the votes of all lists, 'against all' included
EVERY = "*"  # among the inputs: every line


@dataclass(frozen=True)
class Identity:
    """A sum of lines against a sum of lines of the same protocol. `within`: the right side may be exceeded by the
    tolerance that the election configures under this check's id."""

    left: tuple[str, ...]
    relation: Relation
    right: tuple[str, ...]
    within: bool = False

    @property
    def formula(self) -> str:
        over = " + tolerance" if self.within else ""
        return f"{' + '.join(self.left)} {self.relation} {' + '.join(self.right)}{over}"

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.left, *self.right)


@dataclass(frozen=True)
class Check:
    """A check. `wording` may name {place}, {hour}, {line}, {left}, {right}, {difference}, {other}.

    `about`: 'both' holds the commission's figures against the observers'. `unit`: of left and right.
    """

    id: str
    tier: Tier
    severity: Severity
    formula: str
    inputs: tuple[str, ...]
    tolerance: str
    wording: Text
    about: Literal["published", "observers", "both"] = "published"
    unit: Literal["number", "percent", "share"] = "number"
    innocent: tuple[str, ...] = ()  # of `INNOCENT`
    identity: Identity | None = None


# A finding: what was compared, at which protocol or table, and in which payload it stood. `unit`: of left and right,
# where it is not the check's own. `other`: of a percentage the line that it would be a share of, of equal figures the
# other PEC, of a jump the hour that it began; `p`: of tier C, how likely by chance.
FINDING = ["check", "contest", "count", "scope", "place", "hour", "line", "left", "right", "difference", "tolerance",
           "unit", "payload", "other", "p"]  # fmt: skip


Columns = Mapping[str, Any]  # of findings, an array or one value for all of them; at least one array


@dataclass(frozen=True)
class Outcome:
    """What came of some checks: findings, and how many comparisons were made, by check and kind of figures."""

    findings: Sequence[Columns]
    judged: Sequence[tuple[str, Kind, int]]


def rows(findings: Iterable[Columns]) -> pd.DataFrame:
    """The findings as a frame of the columns `FINDING`."""
    whole: dict[str, list[Any]] = {name: [] for name in FINDING}
    for columns in findings:
        size = max(len(c) for c in columns.values() if isinstance(c, np.ndarray | list))
        for name, cells in whole.items():
            values = columns.get(name)
            cells.extend(values if isinstance(values, np.ndarray | list) else [values] * size)
    numbers = ("left", "right", "difference", "tolerance", "p")
    return pd.DataFrame({n: np.array(c, dtype=float if n in numbers else object) for n, c in whole.items()})


def text(en: str, ru: str, ky: str) -> Text:
    return {"en": en, "ru": ru, "ky": ky}


# What else may be behind a figure that is to be looked at.
INNOCENT: dict[str, Text] = {
    "additional_list": text(
        "Voters were entered on an additional list on the day.",
        "В день голосования избиратели были внесены в дополнительный список.",
        "Добуш берүү күнү шайлоочулар кошумча тизмеге киргизилген.",
    ),
    "remote_voting": text(
        "People of other polling stations voted here remotely.",
        "Здесь дистанционно голосовали избиратели других участков.",
        "Башка участоктордун шайлоочулары бул жерде аралыктан добуш беришкен.",
    ),
    "tiny_pec": text(
        "The polling station is small: a few voters move its figures far.",
        "Участок маленький: несколько избирателей сильно меняют его показатели.",
        "Участок чакан: бир нече шайлоочу көрсөткүчтөрүн көп өзгөртөт.",
    ),
    "closed_place": text(
        "A hospital, barracks or other closed place, where nearly all vote.",
        "Больница, воинская часть или другое закрытое учреждение, где голосуют почти все.",
        "Дээрлик баары добуш берген оорукана, аскер бөлүгү же башка жабык мекеме.",
    ),
    "local_candidate": text(
        "A list with much support in this one place.",
        "У одного списка здесь большая поддержка.",
        "Бир тизменин бул жерде колдоосу чоң.",
    ),
    "typed_wrong": text(
        "A figure was mistyped and will be corrected.",
        "Цифра введена с ошибкой и будет исправлена.",
        "Сан ката терилген, кийин оңдолот.",
    ),
    "machine_unread": text(
        "The scanner could not read some ballots; people counting by hand could.",
        "Сканер не смог прочитать часть бюллетеней, а при ручном подсчёте их прочитали.",
        "Сканер айрым бюллетендерди окуй алган эмес, кол менен саноодо окулган.",
    ),
    "stationary_box": text(
        "Ballots from a stationary or portable box were counted by hand only.",
        "Бюллетени из стационарной или переносной урны считали только вручную.",
        "Стационардык же көчмө урнадагы бюллетендер кол менен гана саналган.",
    ),
    "one_list": text(
        "Few ballots, and nearly all for one list.",
        "Бюллетеней мало, и почти все за один список.",
        "Бюллетень аз, дээрлик баары бир тизме үчүн.",
    ),
    "draft_protocol": text(
        "The observer's copy is of a protocol that was corrected afterwards, as the law allows.",
        "У наблюдателя копия протокола, который затем исправили в установленном законом порядке.",
        "Байкоочуда кийин мыйзамга ылайык оңдолгон протоколдун көчүрмөсү.",
    ),
}
