#!/usr/bin/env bash
# `make soak`: reloads the edge again and again while visitors come, and prints what became of requests and of memory.
# Exit code 0: every reload was taken over, no request failed, and the memory came back.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."

reloads=${RELOADS:-1000}
rate=${RATE:-40}
# What the edge may keep above what it had: visitors fill its cache meanwhile.
growth_max_kib=${GROWTH_MAX_KIB:-8192}

folder=state/soak
log_dir=$folder/log
run_dir=$folder/run
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"
# shellcheck source=deploy/local/ports.sh
source "$here/ports.sh"
# shellcheck source=deploy/local/supervise.sh
source "$here/supervise.sh"
# shellcheck source=deploy/local/build.sh
source "$here/build.sh"

# Beside the demo's, so that both can run.
declare -A port=([plain]=18080 [secure]=18443 [shop]=19101 [pay-simulator]=19190 [admin]=19901)

# The shipped configuration at these ports, and the same with other limits, times and cache keys.
write_configurations() {
    mkdir -p "$folder/secrets"
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$folder/secrets/admin-token"
    sed -e "s/127.0.0.1:8080/127.0.0.1:${port[plain]}/; s/127.0.0.1:8443/127.0.0.1:${port[secure]}/" \
        -e "s/\"127.0.0.1:9101\", \"127.0.0.1:9102\"/\"127.0.0.1:${port[shop]}\"/" \
        -e "s/127.0.0.1:9901/127.0.0.1:${port[admin]}/" \
        -e 's#\.\./state/##g' config/edge.yaml >"$folder/one.yaml"
    sed -e 's/in_flight: 512/in_flight: 500/; s/at: 100\/s/at: 101\/s/; s/stale_while_revalidate: 60s/stale_while_revalidate: 61s/' \
        -e 's/, fbclid\]/, fbclid, msclkid]/' "$folder/one.yaml" >"$folder/two.yaml"
    "$edge" check "$folder/one.yaml"
    ! "$edge" diff "$folder/one.yaml" "$folder/two.yaml" || fail "the two configurations mean the same"
}

bring_up() {
    start shop "$shop_origin" serve --state "$folder/shop" --listen "127.0.0.1:${port[shop]}" \
        --public-url "https://localhost:${port[secure]}" \
        --payment-provider "http://127.0.0.1:${port[pay-simulator]}"
    start pay-simulator "$shop_origin" pay-simulator --listen "127.0.0.1:${port[pay-simulator]}" \
        --secret-file "$folder/shop/pay.key" --webhook "http://127.0.0.1:${port[shop]}/payment/webhook/simulator"
    await_ready pay-simulator 30 port_in_use "${port[pay-simulator]}"
    await_ready shop 60 http_ok "${port[shop]}" /healthz
    start edge "$edge" run "$folder/one.yaml"
    await_ready edge 30 http_ok "${port[admin]}" /readyz
}

# visitors SECONDS NAME: load for so long, reported to files of that name.
visitors() {
    "$loadtest" run --target "https://localhost:${port[secure]}" --ca "$folder/tls/ca.pem" --scenario smoke \
        --rate "$rate" --duration "$1s" --json "$folder/$2.json" >"$log_dir/$2.log" 2>&1
}

memory_kib() {
    awk '/^VmRSS:/ {print $2}' "/proc/${child_pid[edge]}/status"
}

# figure FILE KEY: the first number of that name in a report.
figure() {
    grep -o "\"$2\": *[0-9.]*" "$folder/$1.json" | head -n 1 | grep -o '[0-9.]*$'
}

# reload_all N: one after the other, each answered before the next.
reload_all() {
    local n file taken=0
    for ((n = 1; n <= $1; n++)); do
        file=one.yaml
        ((n % 2 == 0)) || file=two.yaml
        if "$edge" reload "$folder/$file" >>"$log_dir/reload.log" 2>&1; then
            ((++taken))
        fi
    done
    printf '%s\n' "$taken" >"$run_dir/taken"
}

# shellcheck disable=SC2317 # called by the trap
end_all() {
    local status=$?
    set +e
    trap - EXIT
    stop 35 edge
    stop 10 shop pay-simulator
    exit "$status"
}

for user in "${!port[@]}"; do
    ! port_in_use "${port[$user]}" || fail "port ${port[$user]} is in use, the soak's $user needs it"
done
rm -rf "$folder"
mkdir -p "$log_dir" "$run_dir"
"$here/require.sh"
build
"$edge" dev-certificate --out "$folder/tls"
"$shop_origin" seed --state "$folder/shop" >"$log_dir/seed.log"
write_configurations
trap end_all EXIT
trap 'exit_wanted=130' INT TERM HUP
bring_up

# The first reloads fill the history of ten configurations, and need memory for two at a time that is then used again.
reload_all 20
say "visitors without reloads, $rate sessions a second for 20 s"
visitors 20 before || true
before=$(memory_kib)
say "the same with $reloads reloads"
began=$SECONDS
reload_all "$reloads" &
reloading=$!
runs=0 requests=0 failed=0 peak=0
# Visitors come for as long as there are reloads.
while kill -0 "$reloading" 2>/dev/null; do
    ((++runs))
    visitors 15 "during-$runs" || true
    now=$(memory_kib)
    ((peak >= now)) || peak=$now
    requests=$((requests + $(figure "during-$runs" sent)))
    failed=$((failed + $(figure "during-$runs" failed)))
done
wait "$reloading"
took=$((SECONDS - began))
say "visitors without reloads once more"
visitors 20 after || true
after=$(memory_kib)
taken=$(<"$run_dir/taken")

cat <<END

  reloads   $taken of $reloads taken over in $took s
  requests  $requests sent while reloading, $failed failed
  memory    $before KiB before, $peak KiB at most meanwhile, $after KiB after

END
((taken == reloads)) || fail "$((reloads - taken)) reloads were refused, see $log_dir/reload.log"
((failed == 0)) || fail "$failed requests failed, see $log_dir/during-*.log"
((after <= before + growth_max_kib)) || fail "the edge keeps $((after - before)) KiB more than before"
