# Sourced by the other scripts: makes .venv hold this package with the extras named in $1 (may be empty).
# Needs Python 3.10 or later with venv, nothing else. Speaks on standard error only.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin="$root/.venv/bin"

ensure_environment() {
  local extras=$1 stamp wanted
  stamp="$root/.venv/installed${extras:+-$extras}"
  # Reinstalled only when what is to be installed, or the checkout's place, has changed.
  wanted=$(cat "$root/pyproject.toml"; echo "$root")
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return; fi
  local python=${PYTHON:-python3}
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "tamperscope: $python is not Python 3.10 or later; install it, or set PYTHON to one that is" >&2
    exit 1
  fi
  echo "tamperscope: installing into $root/.venv (only once: half a minute, some minutes where PyTorch is needed)" >&2
  # One that was left half made has a Python, but no pip.
  "$bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv "$root/.venv" >&2 || {
    echo "tamperscope: cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
    exit 1
  }
  "$bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root${extras:+[$extras]}" >&2 || {
    echo "tamperscope: the installation failed, see above; check the network and try again" >&2
    exit 1
  }
  printf '%s\n' "$wanted" > "$stamp"
}
