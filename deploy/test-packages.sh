#!/bin/sh
# What the tests need beside Python: Chromium, the library that Playwright wants. No fonts: the typeface is ours.
# Debian packages Chromium without windows, too: it takes half of the processor; where only the other is, it will do.
# Ubuntu has it as a snap alone, which Playwright cannot drive: there it is Playwright's own.
set -eu
missing=""
grep -q '^ID=ubuntu' /etc/os-release && ubuntu=yes || ubuntu=""
may_install() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
if [ -z "$ubuntu" ] && [ ! -x /usr/bin/chromium-headless-shell ] && { [ ! -x /usr/bin/chromium ] || may_install; }; then
    missing="$missing chromium-headless-shell"
fi
ls /usr/lib/*/libatomic.so.1 >/dev/null 2>&1 || missing="$missing libatomic1"
[ -z "$missing" ] || sh deploy/apt.sh $missing || [ -x /usr/bin/chromium ]
if [ -n "$ubuntu" ] && [ ! -x /usr/bin/chromium ] && ! ls "$HOME"/.cache/ms-playwright/chromium* >/dev/null 2>&1; then
    echo "Installing Playwright's Chromium ..."
    sh deploy/quietly.sh .venv/bin/python -m playwright install --with-deps chromium
fi
