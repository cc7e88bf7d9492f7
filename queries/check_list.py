"""The checks on what the commission published.

Tier A is arithmetic and is always on; tier B is what was changed after it was published; tier C is 'to look at'.
The words are calm and exact: a table contradicts itself, figures differ. They say what was compared, not who erred.
"""

from elections.config import Severity
from queries.check_kinds import EVERY, LISTS, Check, Identity, text


def _identity(check: str, severity: Severity, identity: Identity, *words: str) -> Check:
    over = f"the election's own, `tolerances.{check}`" if identity.within else "none"
    return Check(check, "A", severity, identity.formula, identity.lines, over, text(*words), identity=identity)


ARITHMETIC: tuple[Check, ...] = (
    _identity(
        "registered_issued",
        "serious",
        Identity(("registered",), ">=", ("issued",)),
        "Voters on the list: {left}; ballots issued: {right}.",
        "Избирателей в списке: {left}; выдано бюллетеней: {right}.",
        "Тизмедеги шайлоочулар: {left}; берилген бюллетендер: {right}.",
    ),
    _identity(
        "received_split",
        "serious",
        Identity(("received",), "=", ("issued", "unused", "spoiled")),
        "Ballots received: {left}; issued, unused and spoiled together: {right}.",
        "Получено бюллетеней: {left}; выданные, неиспользованные и испорченные вместе: {right}.",
        "Алынган бюллетендер: {left}; берилген, пайдаланылбаган жана бузулганы бирге: {right}.",
    ),
    _identity(
        "found_issued",
        "critical",
        Identity(("found",), "<=", ("issued",)),
        "Ballots found in the boxes: {left}; ballots issued: {right}.",
        "Бюллетеней в урнах: {left}; выдано бюллетеней: {right}.",
        "Урналардагы бюллетендер: {left}; берилген бюллетендер: {right}.",
    ),
    _identity(
        "identified_found",
        "critical",
        Identity(("identified",), ">=", ("found",)),
        "Voters identified: {left}; ballots found in the boxes: {right}.",
        "Идентифицировано избирателей: {left}; бюллетеней в урнах: {right}.",
        "Идентификациядан өткөн шайлоочулар: {left}; урналардагы бюллетендер: {right}.",
    ),
    _identity(
        "found_split",
        "serious",
        Identity(("found",), "=", ("valid", "invalid")),
        "Ballots found in the boxes: {left}; valid and invalid together: {right}.",
        "Бюллетеней в урнах: {left}; действительные и недействительные вместе: {right}.",
        "Урналардагы бюллетендер: {left}; жарактуу жана жараксызы бирге: {right}.",
    ),
    _identity(
        "valid_votes",
        "critical",
        Identity(("valid",), "=", (LISTS,)),
        "Valid ballots: {left}; votes of all lists and against all: {right}.",
        "Действительных бюллетеней: {left}; голосов за все списки и против всех: {right}.",
        "Жарактуу бюллетендер: {left}; бардык тизмелер үчүн жана баарына каршы добуштар: {right}.",
    ),
    _identity(
        "votes_within_valid",
        "critical",
        Identity((LISTS,), "<=", ("valid",)),
        "Votes of the lists: {left}; valid ballots: {right}. There are {difference} more votes than ballots.",
        "Голосов за списки: {left}; действительных бюллетеней: {right}. Голосов больше на {difference}.",
        "Тизмелер үчүн добуштар: {left}; жарактуу бюллетендер: {right}. Добуштар бюллетендерден {difference} көп.",
    ),
    _identity(
        "delivered",
        "minor",
        Identity(("received",), "<=", ("registered",), within=True),
        "Ballots received: {left}; voters on the list: {right}.",
        "Получено бюллетеней: {left}; избирателей в списке: {right}.",
        "Алынган бюллетендер: {left}; тизмедеги шайлоочулар: {right}.",
    ),
    _identity(
        "voted_registered",
        "serious",
        Identity(("registered",), ">=", ("voted",)),
        "Voters on the list: {left}; have voted: {right}.",
        "Избирателей в списке: {left}; проголосовало: {right}.",
        "Тизмедеги шайлоочулар: {left}; добуш бергендер: {right}.",
    ),
    Check(
        "whole",
        "A",
        "serious",
        "every number is whole",
        (EVERY,),
        "none",
        text(
            "{line} is not a whole number: {left}.",
            "{line}: не целое число, {left}.",
            "{line}: бүтүн сан эмес, {left}.",
        ),
    ),
    Check(
        "not_negative",
        "A",
        "serious",
        "every number >= 0",
        (EVERY,),
        "none",
        text("{line} is below zero: {left}.", "{line}: меньше нуля, {left}.", "{line}: нөлдөн төмөн, {left}."),
    ),
    Check(
        "pec_known",
        "A",
        "serious",
        "every PEC is in the frame",
        ("pec",),
        "none",
        text(
            "PEC {place} is published and is in no list of polling stations.",
            "УИК {place} опубликована, но её нет в списке участков.",
            "{place} УШК жарыяланган, бирок участоктордун тизмесинде жок.",
        ),
    ),
    Check(
        "pec_once",
        "A",
        "serious",
        "every PEC of a payload has one set of figures",
        ("pec",),
        "none",
        text(
            "PEC {place} is published twice with different figures.",
            "УИК {place} опубликована дважды с разными цифрами.",
            "{place} УШК ар башка сандар менен эки жолу жарыяланган.",
        ),
    ),
    Check(
        "total_is_sum",
        "A",
        "critical",
        "line of the table = sum of the line over its PECs",
        (EVERY, "pecs"),
        "none; judged when the table counts as many PECs as are ours and stood around them, or both stood still",
        text(
            "The published table contradicts itself: {line} is {left} in the table and {right} by its PECs "
            "(difference {difference}).",
            "Опубликованная таблица противоречит себе: {line} в таблице {left}, по данным УИК {right} "
            "(разница {difference}).",
            "Жарыяланган таблица өзүнө каршы: {line} таблицада {left}, УШКлар боюнча {right} (айырмасы {difference}).",
        ),
    ),
    Check(
        "total_pecs",
        "A",
        "serious",
        "pecs of the table = number of PECs published",
        ("pecs",),
        "none; judged when both stood still over a whole poll",
        text(
            "The table counts {left} PECs; {right} are published.",
            "В таблице учтено УИК: {left}; опубликовано: {right}.",
            "Таблицада эске алынган УШК: {left}; жарыяланганы: {right}.",
        ),
    ),
    Check(
        "country_is_regions",
        "A",
        "critical",
        "line of the country = sum of the line over the regions",
        (EVERY,),
        "none; judged when all regions are published, and came together with the country or stood still",
        text(
            "{line} is {left} for the country and {right} by its regions (difference {difference}).",
            "{line}: по стране {left}, по регионам {right} (разница {difference}).",
            "{line}: өлкө боюнча {left}, аймактар боюнча {right} (айырмасы {difference}).",
        ),
    ),
    Check(
        "percents_add",
        "A",
        "critical",
        "sum of the lists' percentages <= 100",
        ("percents",),
        "half of the last published digit, for each list",
        text(
            "The published percentages add up to {left}%.",
            "Опубликованные проценты в сумме дают {left}%.",
            "Жарыяланган пайыздардын суммасы {left}%.",
        ),
        unit="percent",
    ),
    Check(
        "percent_of_base",
        "A",
        "serious",
        "percentage = votes / the contest's `share_of` line of the same table",
        ("percents", LISTS, "share_of"),
        "half of the last published digit",
        text(
            "{line}: {left}% is published; its votes are {right}% of the ballots.",
            "{line}: опубликовано {left}%; его голоса составляют {right}% бюллетеней.",
            "{line}: {left}% жарыяланган; анын добуштары бюллетендердин {right}%ын түзөт.",
        ),
        unit="percent",
    ),
    Check(
        "protocol_differs",
        "A",
        "serious",
        "line of the observers' copy = line of the commission's manual protocol",
        (EVERY,),
        "none; only where a copy was obtained",
        text(
            "{line}: the commission's protocol has {left}, the observers' copy {right} (difference {difference}).",
            "{line}: в протоколе комиссии {left}, в копии наблюдателей {right} (разница {difference}).",
            "{line}: комиссиянын протоколунда {left}, байкоочулардын көчүрмөсүндө {right} (айырмасы {difference}).",
        ),
        about="both",
        innocent=("draft_protocol", "typed_wrong"),
    ),
    Check(
        "slip_found",
        "A",
        "serious",
        "voters identified, by the observers' slip >= found of the commission's manual protocol",
        ("identified", "found"),
        "none; only where observers read the slip",
        text(
            "Voters identified, by the slip that observers read: {left}; ballots found in the boxes, by the "
            "commission's protocol: {right}.",
            "Идентифицировано избирателей по чеку, который видели наблюдатели: {left}; бюллетеней в урнах по "
            "протоколу комиссии: {right}.",
            "Байкоочулар көргөн чек боюнча идентификациядан өткөн шайлоочулар: {left}; комиссиянын протоколу боюнча "
            "урналардагы бюллетендер: {right}.",
        ),
        about="both",
        innocent=("typed_wrong",),
    ),
)

CHANGED: tuple[Check, ...] = (
    Check(
        "votes_changed",
        "B",
        "serious",
        "votes of a list, and its percentage = those first published",
        (LISTS,),
        "none; what grows with the PECs of a table is no change",
        text(
            "{line}: was {right}, is {left} now.",
            "{line}: было {right}, стало {left}.",
            "{line}: {right} болчу, азыр {left}.",
        ),
        innocent=("typed_wrong",),
    ),
    Check(
        "line_changed",
        "B",
        "minor",
        "a line other than votes = the one first published",
        (EVERY,),
        "none; what grows with the PECs of a table is no change",
        text(
            "{line}: was {right}, is {left} now.",
            "{line}: было {right}, стало {left}.",
            "{line}: {right} болчу, азыр {left}.",
        ),
        innocent=("typed_wrong",),
    ),
    Check(
        "vanished",
        "B",
        "critical",
        "what was published is still published",
        (EVERY,),
        "none",
        text(
            "Figures of {place} were published and are not any more.",
            "Данные {place} были опубликованы, а теперь их нет.",
            "{place} маалыматы жарыяланган эле, азыр жок.",
        ),
    ),
    Check(
        "turnout_fell",
        "B",
        "serious",
        "voted at an hour >= voted at the hour before",
        ("voted",),
        "none",
        text(
            "Have voted: {left}, which is lower than {right} of an earlier hour.",
            "Проголосовало: {left}, меньше, чем в более ранний час ({right}).",
            "Добуш бергендер: {left}, мурунку сааттагыдан ({right}) аз.",
        ),
        innocent=("typed_wrong",),
    ),
    Check(
        "observed_turnout_fell",
        "B",
        "minor",
        "observers' count at an hour >= their count at the hour before",
        ("voted",),
        "none; it is left out of estimates until a person decides",
        text(
            "Observers counted {left}, which is lower than {right} of an earlier hour.",
            "Наблюдатели насчитали {left}, меньше, чем в более ранний час ({right}).",
            "Байкоочулар {left} деп санаган, мурунку сааттагыдан ({right}) аз.",
        ),
        about="observers",
        innocent=("typed_wrong",),
    ),
)

_CAP = "Benjamini-Hochberg, false discoveries at most 5% of what is listed"
_JUMP = text(
    "From {other} to {hour} {left} of the voters came; the median of the PECs around is {right}.",
    "С {other} до {hour} пришло {left} избирателей; медиана соседних УИК {right}.",
    "{other}–{hour} аралыгында шайлоочулардын {left} келди; коңшу УШКлардын медианасы {right}.",
)
TO_LOOK_AT: tuple[Check, ...] = (
    Check(
        "turnout_over_list",
        "C",
        "minor",
        "found <= voters on the list in the frame",
        ("found", "frame"),
        "none",
        text(
            "Ballots found: {left}, for {right} voters on the list before the day.",
            "Бюллетеней в урнах: {left}, а избирателей в списке до дня голосования {right}.",
            "Урналардагы бюллетендер: {left}, добуш берүү күнүнө чейин тизмедеги шайлоочулар {right}.",
        ),
        innocent=("additional_list", "remote_voting", "tiny_pec"),
    ),
    Check(
        "turnout_unlike",
        "C",
        "minor",
        "robust z (median, MAD) of found / registered within the district",
        ("found", "registered"),
        _CAP,
        text(
            "Ballots found are {left} of the voters; the district's median is {right}.",
            "Бюллетени в урнах: {left} от числа избирателей; медиана по округу {right}.",
            "Урналардагы бюллетендер: шайлоочулардын {left}; округдун медианасы {right}.",
        ),
        innocent=("closed_place", "tiny_pec", "additional_list", "remote_voting"),
        unit="share",
    ),
    Check(
        "turnout_jump",
        "C",
        "minor",
        "robust z (median, MAD) of voted since the hour before / voters, within the district and those hours",
        ("voted", "frame"),
        _CAP,
        _JUMP,
        innocent=("closed_place", "tiny_pec", "typed_wrong"),
        unit="share",
    ),
    Check(
        "observed_turnout_jump",
        "C",
        "minor",
        "robust z (median, MAD) of the observers' count since the hour before / voters, within the stratum and those "
        "hours",
        ("voted", "frame"),
        _CAP,
        _JUMP,
        about="observers",
        innocent=("closed_place", "tiny_pec", "typed_wrong"),
        unit="share",
    ),
    Check(
        "invalid_unlike",
        "C",
        "minor",
        "robust z (median, MAD) of invalid / found within the district",
        ("invalid", "found"),
        _CAP,
        text(
            "Invalid ballots are {left} of those found; the district's median is {right}.",
            "Недействительных бюллетеней {left}; медиана по округу {right}.",
            "Жараксыз бюллетендер {left}; округдун медианасы {right}.",
        ),
        innocent=("machine_unread", "tiny_pec"),
        unit="share",
    ),
    Check(
        "machine_manual",
        "C",
        "minor",
        "sum over the lists of abs(machine - manual), against the country's median",
        (LISTS,),
        _CAP,
        text(
            "Machine and manual count differ by {left} votes; at half of the PECs by {right} or less.",
            "Автоматический и ручной подсчёт различаются на {left} голосов; у половины УИК — на {right} или меньше.",
            "Автоматтык эсеп менен кол эсеби {left} добушка айырмаланат; УШКлардын жарымында {right} же андан аз.",
        ),
        innocent=("machine_unread", "stationary_box", "typed_wrong"),
    ),
    Check(
        "same_figures",
        "C",
        "serious",
        "no two PECs have the same votes of every list, valid and invalid ballots",
        (LISTS, "valid", "invalid"),
        _CAP,
        text(
            "PEC {place} has the same {left} votes, list by list, as PEC {other}.",
            "У УИК {place} те же {left} голосов по всем спискам, что и у УИК {other}.",
            "{place} УШКнын {left} добушу бардык тизмелер боюнча {other} УШКныкындай.",
        ),
        innocent=("tiny_pec", "one_list", "typed_wrong"),
    ),
)

CHECKS: dict[str, Check] = {check.id: check for check in (*ARITHMETIC, *CHANGED, *TO_LOOK_AT)}
