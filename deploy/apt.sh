#!/bin/sh
# Install Debian packages as root, or by a sudo that asks for no password; else say what to type.
set -eu
if [ "$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo -n"; else
    echo "Please type: sudo apt-get install $*    and then the same command again" >&2
    exit 1
fi
echo "Installing $* ..."
sh deploy/quietly.sh $as apt-get update -qq
sh deploy/quietly.sh $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
