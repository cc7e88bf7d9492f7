#!/bin/sh
# What the tests need beside Python: Chromium, the library that Playwright wants. No fonts: the typeface is ours.
# Debian packages Chromium. Ubuntu has it as a snap alone, which Playwright cannot drive: there it is Playwright's own.
set -eu
missing=""
grep -q '^ID=ubuntu' /etc/os-release && ubuntu=yes || ubuntu=""
[ -n "$ubuntu" ] || [ -x /usr/bin/chromium ] || missing="$missing chromium"
ls /usr/lib/*/libatomic.so.1 >/dev/null 2>&1 || missing="$missing libatomic1"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo -n"; else
        echo "Please type: sudo apt-get install$missing" >&2
        exit 1
    fi
    echo "Installing$missing ..."
    $as apt-get update -qq
    $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ -n "$ubuntu" ] && [ ! -x /usr/bin/chromium ] && ! ls "$HOME"/.cache/ms-playwright/chromium* >/dev/null 2>&1; then
    echo "Installing Playwright's Chromium ..."
    .venv/bin/python -m playwright install --with-deps chromium >/dev/null
fi
