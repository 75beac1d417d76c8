#!/usr/bin/env bash
# `make compare`: the edge, as it is shipped, beside nginx and HAProxy on this machine; some minutes for each part.
# compare.sh [PART [OPTION...]] for one part; `compare.sh --help` and `compare.sh PART --help` say what there is.
# What it prints is also in state/compare/PART.txt.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"

export PATH=$PATH:/usr/sbin
"$here/require.sh" nginx=nginx haproxy=haproxy wrk=wrk h2load=nghttp2-client slowhttptest=slowhttptest \
    strace=strace perf=linux-perf taskset=util-linux mkfs.ext4=e2fsprogs varnishd=varnish hitch=hitch

# Thousands of connections, each with one to the origin.
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
(($(ulimit -n) >= 20000)) ||
    fail "$(ulimit -n) file descriptors are too few; hint: as root, or with nofile raised in /etc/security/limits.conf"

compare() {
    cargo bench --profile dist --locked --quiet -p proxy --bench compare -- "$@"
}

say "building (the first time takes minutes)"
cargo bench --profile dist --locked --quiet -p proxy --bench compare --no-run
case ${1-} in
    -*) compare "$@" ;;
    *)
        parts=("${1-}")
        shift || parts=(framing slow abuse throughput profile balance disk collapse)
        mkdir -p state/compare
        for part in "${parts[@]}"; do
            say "== $part"
            compare "$part" "$@" | tee "state/compare/$part.txt"
        done
        ;;
esac
