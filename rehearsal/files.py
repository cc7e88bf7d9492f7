"""Where a rehearsal keeps its store and its observation database, and which are current."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from store import address


@dataclass(frozen=True)
class Addresses:
    """What this rehearsal, the dashboard and the loaders must agree on."""

    store: str
    observation: str
    commission: str

    def environment(self, election: str) -> dict[str, str]:
        return {
            "BAIKOO_ELECTION": election,
            "BAIKOO_STORE": self.store,
            "BAIKOO_OBSERVATION": self.observation,
            "BAIKOO_COMMISSION": self.commission,
        }


def addresses(election: str, store: str | None, observation: str | None, port: int) -> Addresses:
    """As given, else files in `var/`: the observations beside the store. Never from the environment, which may name
    what is real."""
    store = _absolute(store or f"sqlite:///var/{election}/store.sqlite")
    file = sqlite_file(store)
    beside = file.with_name("observation.sqlite") if file else Path("var", election, "observation.sqlite")
    observation = observation or f"sqlite:///{beside}"
    return Addresses(store, _absolute(observation), f"http://127.0.0.1:{port}")


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    parts = address.url(url)
    return Path(parts.database) if parts.get_backend_name() == "sqlite" and parts.database else None


def _absolute(url: str) -> str:
    """The same database for a process that starts in another folder."""
    file = sqlite_file(url)
    if file is None or str(file).startswith(("file:", ":memory:")):
        return url
    return f"sqlite:///{file.absolute()}"


def write_current(election: str, current: Addresses) -> None:
    """Leave word beside the store of where this rehearsal is, for whoever looks from another terminal."""
    shown = {k: address.shown(v) if k != "commission" else v for k, v in asdict(current).items()}
    file = (sqlite_file(current.store) or Path("var", election, "store")).with_name("current.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"election": election} | shown, indent=2) + "\n", "utf-8")


def next_to(file: Path) -> Path:
    """Where a new one is made while the current one is still in use."""
    return file.parent / "next" / file.name


def move_in(file: Path) -> None:
    """Put the new database in the place of the current one, which is kept as 'previous' until the next time."""
    for folder, source in (("previous", file), ("", next_to(file))):
        target = file.parent / folder
        target.mkdir(exist_ok=True)
        for suffix in ("", "-wal", "-shm"):  # what a process that was stopped hard has left in its log belongs to it
            (target / f"{file.name}{suffix}").unlink(missing_ok=True)
            part = source.with_name(f"{file.name}{suffix}")
            if part.exists():
                part.rename(target / part.name)


def remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
