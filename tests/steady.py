"""Twenty runs of `make test`, each in another setting: `python -m tests.steady [folder]`. One failure is a defect.

Each run's output stays in the folder (default: var/steady); docs/steady.txt gets a line a run.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
SUMMARY = ROOT / "docs" / "steady.txt"
STRANGER = "baikoo-tests"  # who runs the suite where it is not to be root

NO_FONTS = "<fontconfig><dir>{folder}/no-fonts</dir><cachedir>{folder}/no-fonts</cachedir></fontconfig>"
# whatever is asked for, a typewriter's letters come, much wider than ours
OTHER_FONTS = """<fontconfig><dir>/usr/share/fonts</dir><cachedir>{folder}/other-fonts</cachedir>
<match target="pattern"><edit name="family" mode="assign_replace"><string>DejaVu Sans Mono</string></edit></match>
</fontconfig>"""


@dataclass(frozen=True)
class Setting:
    """What is different in a run."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    fonts: str = ""  # of fontconfig: the only ones that there are
    beside: int = 0  # processes that take a core each
    folder: str = "baikoo"  # of the clone
    stranger: bool = False  # not as root


def shuffled(seed: int) -> Setting:
    order = f"--random-order --random-order-seed={seed}"
    return Setting(f"in shuffled order, seed {seed}", {"PYTEST_ADDOPTS": order})


def zone(name: str, language: str) -> Setting:
    return Setting(f"TZ={name} LANG={language}", {"TZ": name, "LANG": language, "LC_ALL": language})


ALONE = Setting("alone")
BUSY = Setting("beside a process on each core", beside=os.cpu_count() or 2)
OTHER = Setting("with other fonts", fonts=OTHER_FONTS)
NONE = Setting("with no fonts", fonts=NO_FONTS)
NOT_ROOT = Setting("not as root", folder="theirs", stranger=True)
SPACE = Setting("in a folder with a space in its name", folder="a folder")
SETTINGS = (
    ALONE, BUSY, OTHER, zone("Pacific/Auckland", "tr_TR.UTF-8"), shuffled(1),
    NONE, NOT_ROOT, ALONE, BUSY, shuffled(2),
    SPACE, zone("America/St_Johns", "C"), OTHER, ALONE, shuffled(4),
    shuffled(3), NONE, zone("Asia/Kathmandu", "ru_RU.UTF-8"), NOT_ROOT, ALONE,
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.steady", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "var" / "steady")
    parser.add_argument("--first", type=int, default=1, help="the run to begin with (default: 1)")
    parser.add_argument("--last", type=int, default=len(SETTINGS), help="the run to end with (default: the last)")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for number in range(asked.first, asked.last + 1):
        line, passed = run(folder, number, SETTINGS[number - 1])
        failed += not passed
        print(line, flush=True)
        with SUMMARY.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
    return 1 if failed else 0


def run(folder: Path, number: int, setting: Setting) -> tuple[str, bool]:
    """One run: its line for the summary, and whether it passed."""
    clone = folder / setting.folder
    if not clone.exists():
        _said("git", "clone", "--quiet", str(ROOT), str(clone))
    _said("git", "-c", "safe.directory=*", "-C", str(clone), "pull", "--quiet", "--ff-only")
    commit = _said("git", "-c", "safe.directory=*", "-C", str(clone), "rev-parse", "--short", "HEAD").strip()
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("BAIKOO_", "LC_", "LANG", "TZ", "PYTEST_"))}
    environ |= setting.environment
    if setting.fonts:
        environ["FONTCONFIG_FILE"] = str(_fonts(folder, setting.fonts))
    command = ["make", "test"]
    if setting.stranger:
        environ |= {"HOME": _stranger(clone)}
        command = ["runuser", "--user", STRANGER, "--preserve-environment", "--", *command]
    started, begun = datetime.now(UTC), time.monotonic()
    log = folder / f"{number:02}.log"
    with _busy(setting.beside), log.open("wb") as out:
        code = subprocess.run(command, cwd=clone, env=environ, stdout=out, stderr=out, check=False).returncode
    took = time.monotonic() - begun
    words = [line for line in log.read_text("utf-8", "replace").splitlines() if line and "***" not in line]
    verdict = "green" if code == 0 else "RED"
    return (
        f"{number:2} {started:%Y-%m-%d %H:%M} {commit} {verdict} {took:4.0f} s {setting.name}: {words[-1]}",
        code == 0,
    )


def _fonts(folder: Path, words: str) -> Path:
    for name in ("no-fonts", "other-fonts"):
        (folder / name).mkdir(exist_ok=True)
    file = folder / f"{'none' if words == NO_FONTS else 'other'}.conf"
    file.write_text(words.format(folder=folder), "utf-8")
    return file


def _stranger(clone: Path) -> str:
    """Make somebody who is not root and owns the clone; their home."""
    if subprocess.run(["id", STRANGER], capture_output=True, check=False).returncode:
        _said("useradd", "--create-home", STRANGER)
    _said("chown", "--recursive", STRANGER, str(clone))
    return str(Path("~" + STRANGER).expanduser())


@contextlib.contextmanager
def _busy(processes: int) -> Iterator[None]:
    """So many processes that take all they can get."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
