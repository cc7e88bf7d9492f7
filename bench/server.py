"""A server under measurement: started, listening, how much memory it holds, ended."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Debian's, the one without windows if it is there: it takes half of the processor. Else that which Playwright brought
CHROMIUM = next(filter(os.path.exists, ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")), None)
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Server:
    port: int
    pid: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> float:
        """The most memory that it held so far, MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024

    def processor(self) -> float:
        """Seconds of processor that it used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(script: str | Path, environment: Mapping[str, str], log: Path, tree: Path = ROOT) -> Iterator[Server]:
    """`streamlit run` of a script, on a free port of loopback; by the code of this tree."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=tree, env=os.environ | environment, stdout=out, stderr=out)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield Server(port, process.pid, log)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Wait for the first answer from this address; RuntimeError with the log's end where none comes."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(log.read_text()[-2000:]) from error
            time.sleep(0.1)
