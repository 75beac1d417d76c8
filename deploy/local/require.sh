#!/usr/bin/env bash
# Makes sure that the build finds its tools: installs what Debian or Ubuntu has a package for when it may (as root, or
# with a sudo that asks for no password), else says exactly what to type. Silent when nothing is missing.
# require.sh [PROGRAM=PACKAGE...]: these programs too.
set -euo pipefail

programs=("$@")

unset CDPATH
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here/../.."
# shellcheck source=deploy/local/say.sh
source "$here/say.sh"

have() {
    command -v "$1" >/dev/null
}

# A compiler without the C library's headers and start files is of no use.
c_compiler_works() {
    local probe works=1
    probe=$(mktemp)
    "${CC:-cc}" -x c -o "$probe" - <<<$'#include <stdio.h>\nint main(void) { return puts("") < 0; }' 2>/dev/null && works=0
    rm -f "$probe"
    return "$works"
}

# missing_packages: the Debian packages that provide what is not there, one a line.
missing_packages() {
    c_compiler_works || printf '%s\n' gcc libc6-dev # SQLite, ring and zlib-ng are C
    have cmake || printf '%s\n' cmake               # zlib-ng, inside Pingora, is configured with it
    have make || printf '%s\n' make                 # what cmake generates for
    local program
    for program in "${programs[@]}"; do
        have "${program%%=*}" || printf '%s\n' "${program#*=}"
    done
}

install() {
    local as_root=()
    ((EUID == 0)) || as_root=(sudo -n)
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq)

    say "installing $* with apt-get"
    "${as_root[@]}" install -y --no-install-recommends "$@" </dev/null && return
    say "updating the package lists, then once more"
    "${as_root[@]}" update </dev/null && "${as_root[@]}" install -y --no-install-recommends "$@" </dev/null
}

may_install() {
    have apt-get && { ((EUID == 0)) || sudo -n true 2>/dev/null; }
}

require_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} > 0)) || return 0

    local by_hand="sudo apt-get update && sudo apt-get install ${missing[*]}"
    have apt-get || by_hand="install them with this system's package manager"
    may_install || fail "this needs ${missing[*]}; hint: $by_hand"
    install "${missing[@]}" || fail "could not install ${missing[*]}; hint: $by_hand"
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]} == 0)) || fail "${missing[*]} installed, but of no use; hint: is another \$CC or \$PATH set?"
}

# first_match REGEX FILE: what the group of the pattern matches in the first line that has it.
first_match() {
    local line
    while read -r line; do
        [[ $line =~ $1 ]] && printf '%s' "${BASH_REMATCH[1]}" && return
    done <"$2"
    fail "$2 has no line like $1"
}

# not_older A B: is version A the same as B, or newer?
not_older() {
    [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]
}

require_rust() {
    local install_rust="hint: install it with rustup, see https://rustup.rs" pinned oldest found
    local cargo_home=${CARGO_HOME:-$HOME/.cargo}
    [[ ! -x $cargo_home/bin/cargo ]] || install_rust="hint: source $cargo_home/env"
    have cargo || fail "cargo is not in \$PATH; $install_rust"

    pinned=$(first_match '^channel = "(.*)"' rust-toolchain.toml)
    oldest=$(first_match '^rust-version = "(.*)"' Cargo.toml)
    # rustup installs the pinned version at this call, should it have to.
    found=$(rustc --version) || fail "rustc $pinned does not start; hint: rustup toolchain install $pinned"
    found=${found#rustc }
    found=${found%% *}
    not_older "$found" "$oldest" || fail "rustc is $found, the build needs $oldest or newer; $install_rust"
    [[ $found == "$pinned" ]] || say "rustc is $found, rust-toolchain.toml pins $pinned: lints and format may differ"
}

require_rust
require_packages
