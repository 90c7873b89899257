# Sourced by ./run and ./test: finds what is missing, says so, installs it, and prepares the environment of the build.
#
#   setup build    what compiling needs
#   setup test     that, and what the client tests need
#
# SLUICE_SKIP_SETUP=1 installs nothing and checks nothing.

tools="$PWD/target/tools"
node_major_min=20
node_version=22
go_minor_min=26
go_version=1.26.8

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
stop() { printf 'error: %s\n' "$*" >&2; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

setup() {
    if [ "${SLUICE_SKIP_SETUP:-}" = 1 ]; then
        say "set-up skipped (SLUICE_SKIP_SETUP=1)"
    else
        need_rust
        install_packages "$1"
        if [ "$1" = test ]; then
            need_node
            need_go
        fi
    fi
    use_tools
}

# rustup reads rust-toolchain.toml and fetches that toolchain when cargo runs for the first time.
need_rust() {
    if ! have cargo && [ -x "$HOME/.cargo/bin/cargo" ]; then
        export PATH="$HOME/.cargo/bin:$PATH"
    fi
    have cargo || stop "Rust is missing. Install rustup (https://rustup.rs), open a new shell, and run this again."
    if ! cargo --version >/dev/null; then
        stop "cargo does not run; see the message above. rust-toolchain.toml names the toolchain that it needs."
    fi
}

# Prints a line "package: why" for everything that is missing.
missing_packages() {
    have cc && have c++ || echo "g++: compiles RocksDB"
    have_libclang || echo "libclang-dev: makes the Rust bindings of RocksDB"
    have ccache || echo "ccache: keeps compiled C++, so that a clean build does not compile RocksDB again"
    [ "$1" = test ] || return 0
    have git || echo "git: lists the files of the repository for the tidy check"
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo "python3-venv: the Python client tests"
    have valgrind || echo "valgrind: counts the instructions of requests"
    have node && have npm || echo "nodejs npm: the JavaScript client test"
    have javac || echo "default-jdk-headless: the Java client test"
    have mvn || echo "maven: the Java client test"
    have go || echo "golang-go: the Go client test"
}

# Not libclang-cpp, another library, which has no C interface.
have_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    local directory
    for directory in '/usr/lib*/llvm*/lib*' '/usr/lib/*' '/usr/lib*' '/opt/homebrew/opt/llvm/lib'; do
        if compgen -G "$directory/libclang.so*" >/dev/null || compgen -G "$directory/libclang-[0-9]*.so*" >/dev/null ||
            compgen -G "$directory/libclang.dylib" >/dev/null; then
            return 0
        fi
    done
    return 1
}

install_packages() {
    local missing packages root=()
    missing=$(missing_packages "$1")
    [ -n "$missing" ] || return 0
    packages=$(cut -d: -f1 <<<"$missing" | tr '\n' ' ')
    say "missing on this machine:"
    sed 's/^/      /' <<<"$missing" >&2
    if ! have apt-get; then
        stop "this is not a Debian-like system, so nothing was installed. Install the equivalents of: $packages
       (Fedora: gcc-c++ clang-devel; macOS: xcode-select --install and brew install llvm), then run this again,
       or skip this check with SLUICE_SKIP_SETUP=1."
    fi
    if [ "$(id -u)" != 0 ]; then
        have sudo || stop "not root and no sudo. Run as root:  apt-get install $packages
       or skip this check with SLUICE_SKIP_SETUP=1."
        root=(sudo)
    fi
    say "installing with apt: $packages"
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 ||
        say "apt-get update failed; trying with the package lists that are there"
    # shellcheck disable=SC2086 # a list of packages
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages >&2 ||
        stop "apt could not install: $packages"
}

# The JavaScript SDK needs a newer Node than some distributions have; npm has Node as a package.
need_node() {
    local major
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${major:-0}" -lt "$node_major_min" ] || return 0
    [ -x "$tools/node/node_modules/node/bin/node" ] && return 0
    have npm || return 0
    say "node ${major:-?} is too old for the JavaScript SDK: getting node $node_version with npm, into target/tools"
    mkdir -p "$tools/node"
    npm install --silent --no-audit --no-fund --no-save --prefix "$tools/node" "node@$node_version" >&2 || true
    [ -x "$tools/node/node_modules/node/bin/node" ] ||
        say "that failed; the JavaScript client test may not run. Install Node $node_major_min or newer yourself."
}

# The Go SDK needs a newer Go than some distributions have; Go toolchains are themselves Go modules, checked like any other.
need_go() {
    local minor module dir
    have go || return 0
    minor=$(go env GOVERSION 2>/dev/null | sed 's/^go1\.\([0-9]*\).*/\1/')
    [ "${minor:-0}" -lt "$go_minor_min" ] || return 0
    [ -x "$tools/go/bin/go" ] && return 0
    say "go 1.${minor:-?} is too old for the Go SDK: getting go $go_version as a Go module, into target/tools"
    mkdir -p "$tools/go-module"
    printf 'module toolchain\n' >"$tools/go-module/go.mod"
    module="golang.org/toolchain@v0.0.1-go$go_version.$(go env GOOS)-$(go env GOARCH)"
    if dir=$(cd "$tools/go-module" && GOTOOLCHAIN=local GOFLAGS='' go mod download -json "$module" |
        sed -n 's/.*"Dir": "\(.*\)".*/\1/p') && [ -d "$dir" ]; then
        # The module cache is read-only and drops the executable bits.
        rm -rf "$tools/go.new" && cp -r "$dir" "$tools/go.new" && chmod -R u+wx "$tools/go.new" && mv "$tools/go.new" "$tools/go"
    else
        say "that failed; the Go client test may not run. Install Go 1.$go_minor_min or newer (https://go.dev/dl) yourself."
    fi
}

use_tools() {
    [ ! -x "$tools/node/node_modules/node/bin/node" ] || export PATH="$tools/node/node_modules/node/bin:$PATH"
    if [ -x "$tools/go/bin/go" ]; then
        export PATH="$tools/go/bin:$PATH" GOROOT="$tools/go" GOTOOLCHAIN=local
    fi
}

# Runs a cargo command. The first one compiles RocksDB, about ten minutes during which cargo says nothing; this does.
build() {
    if compgen -G 'target/release/build/librocksdb-sys-*/out/librocksdb.a' >/dev/null; then
        "$@"
        return
    fi
    say "the first build takes about 12 minutes on two cores: it compiles RocksDB, the storage engine, from source (once)"
    count_objects &
    local counter=$! status=0
    "$@" || status=$?
    kill "$counter" 2>/dev/null || true
    wait "$counter" 2>/dev/null || true
    return "$status"
}

count_objects() {
    local count
    while sleep 30; do
        count=$(find target/release/build -path '*librocksdb-sys*' -name '*.o' 2>/dev/null | wc -l)
        [ "$count" = 0 ] || say "RocksDB: $count of about 330 files compiled"
    done
}
