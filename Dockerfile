# One image for every role. What a container does is its command: serve --roles gateway, migrate, nats apply, …
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY schemas schemas
COPY nats nats
COPY store store
COPY migrations migrations
COPY egress egress
COPY ingest ingest
COPY stages stages
COPY mapping mapping
COPY learn learn
COPY render render
COPY inference inference
COPY sinks sinks
COPY gateway gateway
COPY platform platform
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tidings && cp target/release/tidings /tidings

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
# The folder becomes the volume of the keys that credentials are encrypted with; a new volume takes its owner from here.
RUN useradd --system --uid 10001 --home-dir /var/lib/tidings --create-home tidings && chmod 0700 /var/lib/tidings
COPY --from=build /tidings /usr/local/bin/tidings
COPY deploy/ready /usr/local/bin/ready
USER 10001
WORKDIR /var/lib/tidings
ENV TIDINGS__GATEWAY__LISTEN=0.0.0.0:8080 TIDINGS__KEYS__FILE=/var/lib/tidings/keys.json TIDINGS__LOG__FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/tidings"]
CMD ["serve", "--roles", "gateway,pipeline,deliver,project,media,poll,janitor"]
