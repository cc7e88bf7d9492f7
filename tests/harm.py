"""What can happen to a store's file while it is in use, each with its way back."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

Harm = Callable[[Path], AbstractContextManager[None]]


def copied_file(file: Path, copy: Path) -> None:
    """In a process of its own: SQLite loses its locks on a file that its own process opens and closes besides."""
    subprocess.run(["cp", file, copy], check=True)


@contextlib.contextmanager
def gone(file: Path) -> Iterator[None]:
    away = file.rename(file.with_name("away"))
    yield
    assert not file.exists(), "somebody made a new one in its place"
    away.rename(file)


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[None]:
    """By its own copy: what is in it is the same, but two files would go two ways."""
    away = file.rename(file.with_name("away"))
    copied_file(away, file)
    yield
    away.rename(file)


@contextlib.contextmanager
def read_only(file: Path) -> Iterator[None]:
    """For root too, to whom a file's mode means nothing."""
    lock, unlock = (["chattr", "+i"], ["chattr", "-i"]) if os.geteuid() == 0 else (["chmod", "0400"], ["chmod", "0600"])
    subprocess.run([*lock, file], check=True)
    try:
        yield
    finally:
        subprocess.run([*unlock, file], check=True)
