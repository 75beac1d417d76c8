#!/usr/bin/env bash
# `make clean-state`: forgets the demo's shop, certificates and logs, so that the next demo begins anew.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"

for note in state/run/*.pid; do
    [[ -f $note ]] || continue
    ! kill -0 "$(<"$note")" 2>/dev/null || fail "the demo is running ($note); hint: end it with Ctrl-C first"
done
rm -rf state/shop state/tls state/secrets state/log state/run
say "the next demo begins anew"
