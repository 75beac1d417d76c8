#!/usr/bin/env bash
# `make fuzz`: throws mutated text at whatever reads foreign text. fuzz.sh [SECONDS [TARGET...]]; by default 60 s for each
# target in config/fuzz/targets and proxy/fuzz/targets. What it finds goes to state/fuzz/TARGET-*; what is worth keeping
# goes on from run to run.
set -euo pipefail

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"

seconds=${1:-60}
shift || true
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "'$seconds' is no number of seconds; hint: deploy/local/fuzz.sh 600 load"
crates=(config proxy)
targets=("$@")
((${#targets[@]} > 0)) || targets=(load units path forwarding front chunked proxy_protocol)

"$here/require.sh"
command -v c++ >/dev/null || fail "libFuzzer is C++ and there is no compiler for it; hint: sudo apt-get install g++"

# Coverage counters for libFuzzer, as cargo-fuzz sets them; all of these are options of stable Rust. Sanitizers are not,
# and the readers have no unsafe code for them to watch. With a target named, build scripts are left alone.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
for crate in "${crates[@]}"; do
    # Only what is asked for: the edge with all it stands on takes minutes to build.
    for target in "${targets[@]}"; do
        [[ ! -f $crate/fuzz/targets/$target.rs ]] ||
            cargo build --manifest-path "$crate/fuzz/Cargo.toml" --locked --release --target "$host" --bin "$target"
    done
done

# Words of each language, so that it need not guess them letter by letter.
mkdir -p state/fuzz
printf '"%s"\n' %2e %2F %5c %3B %c0%af %00 .. ';' // >state/fuzz/path.dict
printf '"%s"\n' for= proto=https '\x22' '\x5c' '[2001:db8::1]:4711' 10.0.0.1 ', ' _hidden unknown \
    00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=1 >state/fuzz/forwarding.dict
printf '"%s"\n' 'GET / HTTP/1.1\x0d\x0aHost: a\x0d\x0a' 'http://a/' ' HTTP/1.0' '\x0d\x0a\x0d\x0a' 'Host: a\x0d\x0a' \
    'Content-Length: 1\x0d\x0a' 'Transfer-Encoding: chunked\x0d\x0a' 'Expect: 100-continue\x0d\x0a' \
    'Upgrade: x\x0d\x0a' 'x: y\x0d\x0a' ', ' '[::1]:80' '\x09' >state/fuzz/front.dict
printf '"%s"\n' '\x0d\x0a' '0\x0d\x0a\x0d\x0a' '1\x0d\x0ax\x0d\x0a' ';a=\x22\x5c\x22\x22' ';a=b' 'x: y\x0d\x0a' \
    000000000000000 fffffffffffffff >state/fuzz/chunked.dict
printf '"%s"\n' 'PROXY ' UNKNOWN 'TCP4 192.0.2.1 192.0.2.2 1 2\x0d\x0a' 'TCP6 2001:db8::1 ::1 65535 0\x0d\x0a' \
    '\x0d\x0a\x0d\x0a\x00\x0d\x0aQUIT\x0a' '\x21\x11\x00\x0c' '\x21\x21\x00\x24' '\x20\x00\x00\x00' \
    >state/fuzz/proxy_protocol.dict
# shellcheck disable=SC2016 # backticks of Markdown
sed -n 's/^\*\*`\(.*\)`\*\*.*/"\1: "/p' deploy/reference.md | sort -u >state/fuzz/load.dict
printf '"%s"\n' ms KiB '%' '/s' '{' '}' '[' ']' '\x0a' '  ' '- ' '<<: ' '*a' '&a ' "/{a}" '/**' >>state/fuzz/load.dict

cp state/fuzz/load.dict state/fuzz/units.dict

# Whole configurations to begin with. The alias bomb is refused at its bound each time, which takes a thousand times as
# long as any other file.
mkdir -p state/fuzz/load-seeds
cp config/edge.yaml config/tests/it/golden/{good,bad}/*.yaml state/fuzz/load-seeds/
rm -f state/fuzz/load-seeds/alias_bomb.yaml

# Heads with each kind of framing, behind four sizes of pieces: mutation alone hardly makes two fields that contradict.
mkdir -p state/fuzz/front-seeds
for field in 'X: y' 'Content-Length: 1' 'Transfer-Encoding: chunked' 'Upgrade: x'; do
    printf '\1\2\3\4POST http://a/b?c HTTP/1.1\r\nHost: a\r\n%s\r\nX: y\r\n\r\n' "$field" \
        >"state/fuzz/front-seeds/${field%%:*}"
done

for target in "${targets[@]}"; do
    say "== $target: $seconds s"
    mkdir -p "state/fuzz/$target"
    seeds=()
    [[ ! -d state/fuzz/$target-seeds ]] || seeds=("state/fuzz/$target-seeds")
    "$CARGO_TARGET_DIR/$host/release/$target" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=60 \
        -max_len=16384 "-dict=state/fuzz/$target.dict" -artifact_prefix="state/fuzz/$target-" -print_final_stats=1 \
        "state/fuzz/$target" "${seeds[@]}" ||
        fail "$target found something; hint: state/fuzz/$target-* is the text"
done
