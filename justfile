# `just` lists these. Each is one cargo command, and can be typed without just.
_default:
    @just --list

# Format and lints, as CI sees them.
check:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings

# All tests.
test *ARGS:
    cargo test --locked {{ARGS}}

# Each step and how it grows, and the whole program from outside: `just bench parts -- path`, `just bench whole -- latency`.
bench NAME *ARGS:
    cargo bench --bench {{NAME}} {{ARGS}}

# Counts the hot path's instructions under Valgrind, beside benches/counts.txt; `just counts --store` writes them there.
counts *ARGS:
    cargo bench --profile counts --bench parts -- counts {{ARGS}}

# Has Valgrind tell what a bot at rest runs, and writes it down for the linker: `just bench whole -- idle` tells what it is worth.
layout:
    cargo bench --bench whole -- layout

# Everything CI runs.
ci:
    .ci/run

# The bot with traces, and a collector.
otlp:
    cargo clippy --locked --features otlp --all-targets -- -D warnings
    cargo test --locked --features otlp --test it otlp

# Invented people, real WebSocket, real webhooks, no network: about 20 seconds.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# Formats the code.
fmt:
    cargo fmt

# Licences, advisories and sources of the dependencies (needs cargo-deny).
deny:
    cargo deny check

# The container image.
image TAG="doorchime":
    docker build -t {{TAG}} .
