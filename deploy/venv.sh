#!/bin/sh
# Make .venv, installing Debian's python3-venv where it is missing and we may.
set -eu
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Baikoo needs Python 3.11 or newer as python3." >&2
    exit 1
}
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo -n"; else
        echo "Please type: sudo apt-get install python3-venv" >&2
        exit 1
    fi
    echo "Installing python3-venv ..."
    $as apt-get update -qq
    $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
fi
echo "Making .venv ..."
rm -rf .venv
python3 -m venv .venv
