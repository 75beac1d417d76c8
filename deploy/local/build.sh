# shellcheck shell=bash
# Builds the three programs for the scripts that run them. Sourced after say.sh.
: "${run_dir:?}"

# build: sets the paths of the three programs from what cargo says, so that any target folder will do.
build() {
    say "building (the first time takes minutes)"
    local line path
    cargo build --release --locked -p proxy -p shop-origin -p loadtest --message-format json-render-diagnostics \
        >"$run_dir/build.json" || fail "the build failed, see above"
    while read -r line; do
        [[ $line =~ \"executable\":\"([^\"]+)\" ]] || continue
        path=${BASH_REMATCH[1]#"$PWD/"}
        # shellcheck disable=SC2034 # for the script that sources this
        case ${path##*/} in
            edge) edge=$path ;;
            shop-origin) shop_origin=$path ;;
            loadtest) loadtest=$path ;;
        esac
    done <"$run_dir/build.json"
}
