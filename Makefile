# Two commands. make run: the rehearsal, or with ELECTION=<folder> an election's real sources. make test: all checks.
# Both install what they need, once.
PY := .venv/bin/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-input
QUIETLY := sh deploy/quietly.sh
ELECTION ?=
# Some machines keep no compiled Python: each server of the tests, each worker would compile all anew.
export PYTHONDONTWRITEBYTECODE :=
.PHONY: run test lint suite proof pictures bench words lock packages
.SILENT:

run: .venv/installed
ifeq ($(ELECTION),)
	exec $(PY) -m rehearsal --election kg-2021-11-28 --until 13:30 --speed 60 --serve
else
	BAIKOO_ELECTION="$(ELECTION)" exec $(PY) -m server
endif

# The types take one processor for long, and the tests begin meanwhile.
test: .venv/installed-tests packages
	echo "ruff, imports, types and tests"
	$(MAKE) --no-print-directory --jobs 2 lint suite

lint:
	$(QUIETLY) $(PY) -m ruff check .
	$(QUIETLY) $(PY) -m ruff format --check .
	$(QUIETLY) .venv/bin/lint-imports
	$(QUIETLY) $(PY) -m mypy

suite:
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

# What takes real minutes; a release needs it.
proof: .venv/installed-tests packages
	$(PY) -m pytest -m proof -o faulthandler_timeout=7200

# Every page in every language, width and theme, into tests/pictures.
pictures: .venv/installed-tests packages
	$(PY) -m pytest -m pictures -n auto

bench: .venv/installed-tests packages
	$(PY) -m bench

# Take the words of the code into the catalogues, to be translated there.
words: .venv/installed-tests
	.venv/bin/pybabel extract --sort-output --omit-header --no-wrap -F locale/babel.cfg -k _ -k n_:1,2 --no-location -o locale/baikoo.pot .
	.venv/bin/pybabel update -D baikoo -i locale/baikoo.pot -d locale --no-fuzzy-matching --no-wrap

# requirements*.in name what is wanted; requirements*.txt lock it, and all that it needs, with the hash of every file.
# A version that is locked stays: to take a newer one, name it in the .in, or remove its lines from the .txt.
COMPILE := $(QUIETLY) .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	--custom-compile-command "make lock"
lock: .venv/bin/python
	echo "Locking the requirements ..."
	$(PIP) "$$(grep '^uv==' requirements-test.in)"
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-test.in -o requirements-test.txt

# Each stamp is newer than the file of requirements that it stands for, or that is installed again.
.venv/installed: requirements.txt | .venv/bin/python
	echo "Installing what Baikoo needs: a minute or two, only this once ..."
	$(PIP) -r requirements.txt
	touch $@

.venv/installed-tests: requirements-test.txt .venv/installed
	echo "Installing what the tests need ..."
	$(PIP) -r requirements-test.txt
	touch $@

.venv/bin/python:
	sh deploy/venv.sh

packages:
	sh deploy/test-packages.sh
