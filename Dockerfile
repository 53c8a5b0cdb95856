# The gateway in a small image. Build the program first: bun run build linux-amd64 linux-arm64
FROM debian:bookworm-slim

RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin sluice \
  && install -d -m 0700 -o sluice -g sluice /data

ARG TARGETARCH
COPY --chmod=0755 dist/sluice-linux-${TARGETARCH} /usr/local/bin/sluice

ENV HOST=0.0.0.0 \
  DATA_DIR=/data
USER sluice
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["sluice", "health"]
ENTRYPOINT ["sluice"]
