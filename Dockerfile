# syntax=docker/dockerfile:1
FROM rust:1.95-bookworm AS build
# `otlp` for traces.
ARG FEATURES=
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo ./.cargo
COPY rules.example.yaml ./
COPY layout ./layout
COPY src ./src
# What was downloaded and built before stays in the caches, which are not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin doorchime --features "$FEATURES" \
 && install -D target/release/doorchime /out/usr/local/bin/doorchime \
 && mkdir -p /out/data /out/etc/doorchime

# glibc, certificates and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/usr/local/bin/doorchime /usr/local/bin/doorchime
COPY --from=build /out/etc/doorchime /etc/doorchime
# Owned by the image's user (65532, "nonroot"), so that a new named volume is too.
COPY --from=build --chown=65532:65532 /out/data /data
ENV DOORCHIME_RULES=/etc/doorchime/rules.yaml \
    DOORCHIME_DATA=/data \
    DOORCHIME_LISTEN=0.0.0.0:9090
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 9090
STOPSIGNAL SIGTERM
# There is no shell in here: the program asks itself, on the address it listens on.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/usr/local/bin/doorchime", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/doorchime"]
CMD ["run"]
