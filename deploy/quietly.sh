#!/bin/sh
# Run a command: its output is shown, in full, only where it fails.
output=$("$@" 2>&1) || { status=$?; printf '%s\n' "$output"; exit "$status"; }
