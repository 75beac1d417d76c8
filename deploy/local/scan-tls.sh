#!/usr/bin/env bash
# `make scan-tls`: what sslyze and testssl.sh find wrong with the edge's TLS, with a development certificate; some minutes.
# All that they print is in state/scan/.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."

sslyze_version=6.2.0
port=18543
admin=19943
folder=state/scan
log_dir=$folder/log
run_dir=$folder/run
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"
# shellcheck source=deploy/local/ports.sh
source "$here/ports.sh"
# shellcheck source=deploy/local/supervise.sh
source "$here/supervise.sh"

# Python's own tool makes a place for it that touches nothing else.
install_sslyze() {
    [[ ! -x state/tools/sslyze/bin/sslyze ]] || return 0
    say "installing sslyze $sslyze_version into state/tools (once)"
    python3 -m venv state/tools/sslyze || fail "no place for sslyze; hint: sudo apt-get install python3-venv"
    state/tools/sslyze/bin/pip install --quiet "sslyze==$sslyze_version" ||
        fail "sslyze could not be installed; hint: it comes from PyPI, is there a way to it?"
}

write_configuration() {
    cat >"$folder/edge.yaml" <<END
version: 1
listeners:
  secure:
    bind: "127.0.0.1:$port"
    tls: {certificates: [{names: [localhost], chain: tls/localhost.pem, key: tls/localhost.key}]}
admin: {bind: "127.0.0.1:$admin"}
routes: [{name: all, match: {path: /**}, respond: {body: hello}}]
telemetry: {access_log: {to: "off"}}
END
}

# shellcheck disable=SC2317 # called by the trap
end_all() {
    local status=$?
    set +e
    trap - EXIT
    stop 35 edge
    exit "$status"
}

for taken in "$port" "$admin"; do
    ! port_in_use "$taken" || fail "port $taken is in use, the scan needs it"
done
"$here/require.sh" testssl=testssl.sh openssl=openssl python3=python3-venv
install_sslyze
say "building (the first time takes minutes)"
cargo build --profile dist --locked -p proxy --bin edge
edge=${CARGO_TARGET_DIR:-target}/dist/edge

rm -rf "$folder"
mkdir -p "$log_dir" "$run_dir"
"$edge" dev-certificate --out "$folder/tls"
write_configuration
trap end_all EXIT
trap 'exit_wanted=130' INT TERM HUP
start edge "$edge" run "$folder/edge.yaml"
await_ready edge 60 http_ok "$admin" /readyz

say "== sslyze, against Mozilla's intermediate configuration"
state/tools/sslyze/bin/sslyze --mozilla_config=intermediate --certinfo_ca_file="$folder/tls/ca.pem" \
    "localhost:$port" >"$folder/sslyze.txt" 2>&1 || true
sed -n '/COMPLIANCE AGAINST/,$p' "$folder/sslyze.txt" | grep . || fail "sslyze said nothing; hint: $folder/sslyze.txt"
# No store of this world has the authority of a development certificate.
grep -E 'VULNERABLE|ERROR|WARNING|FAILED' "$folder/sslyze.txt" | grep -vE 'OK -|CA Store' || true

say "== testssl.sh, what is not OK"
testssl --quiet --color 0 --warnings off --add-ca "$folder/tls/ca.pem" --csvfile "$folder/testssl.csv" "localhost:$port" \
    >"$folder/testssl.txt" 2>&1 || true
# "id","fqdn/ip","port","severity","finding","cve","cwe"
awk -F'","' 'NR > 1 && $4 !~ /^(OK|INFO)$/ {printf "%-9s %-32s %s\n", $4, substr($1, 2), $5; n++}
    END {printf "%d findings that are not OK, of %d\n", n, NR - 1}' "$folder/testssl.csv"
