#!/usr/bin/env bash
# Prints the folder of the developers' virtual environment; makes it first where it is missing.
# It lies outside the checkout and is named after its pins, so that fresh clones share it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
stamp=$({ "$python" -VV; cat "$root/requirements/dev.txt"; } | sha256sum | cut -c1-12)
venv=${OOMWARDEN_CACHE:-$HOME/.cache/oomwarden}/venv-$stamp
if [ ! -e "$venv/complete" ]; then
  printf 'venv: installing the pinned development tools into %s (about a minute, once)\n' "$venv" >&2
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $python is older. Set PYTHON to a newer one." >&2; exit 1; }
  "$python" -c 'import ensurepip' 2>/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; } >&2
  rm -rf "$venv" && "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$root/requirements/dev.txt" >&2
  touch "$venv/complete"
fi
echo "$venv"
