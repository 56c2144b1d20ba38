#!/usr/bin/env bash
# Prints the path of the development virtual environment, and builds it if it is missing.
# It is outside the checkout and named after its pins, so that all clones share it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
command -v "$python" >/dev/null || { echo "There is no $python. Install Python 3.11 or newer, or set PYTHON to it." >&2; exit 1; }
cache=${OOMWARDEN_CACHE:-$HOME/.cache/oomwarden}
stamp=$({ "$python" -VV; cat "$root/requirements/dev.txt"; } | sha256sum | cut -c1-12)
venv=$cache/venv-$stamp

# Scripts in an environment contain its path, so it is built in place, by one process at a time.
# pip inherits the lock, which the kernel releases when all processes that hold it have exited.
lock() {
  mkdir -p "$cache"
  exec 9>"$venv.lock"
  "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' 2>/dev/null && return
  printf 'venv: waiting for another process that builds %s\n' "$venv" >&2
  "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
}

build() {
  printf 'venv: installing the pinned development tools into %s (about a minute, once)\n' "$venv" >&2
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $python is older. Set PYTHON to a newer one." >&2; exit 1; }
  "$python" -c 'import ensurepip' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; } 9>&- >&2
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$root/requirements/dev.txt" >&2
  touch "$venv/complete"
}

if [ ! -e "$venv/complete" ]; then
  lock
  [ -e "$venv/complete" ] || build
fi
echo "$venv"
