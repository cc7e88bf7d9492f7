"""The reference cases that the estimates are tested against are what R's survey says today."""

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

REFERENCE = Path(__file__).parent / "reference"


def r_has_survey() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('survey', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not r_has_survey(), reason="needs Rscript with the package survey (Debian: r-cran-survey)")
def test_r_survey_still_gives_the_reference_cases(tmp_path: Path) -> None:
    here = shutil.copytree(REFERENCE, tmp_path / "reference")
    written = here / "reference_cases.csv"
    written.unlink()
    subprocess.run(["Rscript", "reference.R"], cwd=here, check=True)
    expected = pd.read_csv(REFERENCE / "reference_cases.csv")
    pd.testing.assert_frame_equal(pd.read_csv(written), expected, check_exact=False, rtol=0, atol=1e-9)
