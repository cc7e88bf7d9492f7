#!/bin/sh
# Make .venv with the newest Python there is from 3.11 on, installing Debian's python3-venv where it is missing.
set -eu
python=""
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$name; break; fi
done
if [ -z "$python" ]; then
    echo "Baikoo needs Python 3.11 or newer. On Debian 12 or Ubuntu 24.04: sudo apt-get install python3 python3-venv" >&2
    exit 1
fi
"$python" -c 'import ensurepip, venv' 2>/dev/null || sh deploy/apt.sh "$python-venv"
echo "Making .venv ..."
rm -rf .venv
"$python" -m venv .venv
