# Two stages: the first makes the environment, the second is what runs, without pip's traces and build tools.
# tests/journeys/test_image.py carries out these instructions in a fresh Debian tree and sends one mail through.
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY requirements.lock ./
RUN python3 -m venv /opt/privacy-desk \
    && /opt/privacy-desk/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY worker worker
RUN /opt/privacy-desk/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/privacy-desk/bin/pip uninstall --yes flit_core pip

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 desk \
    && useradd --system --uid 10001 --gid desk --home-dir /var/lib/privacy-desk --shell /usr/sbin/nologin desk \
    && install -d -o desk -g desk -m 0700 /var/lib/privacy-desk /var/lib/privacy-desk-keys /var/lib/privacy-desk-ledger
COPY --from=build /opt/privacy-desk /opt/privacy-desk
COPY config/ /etc/privacy-desk/
ENV PATH=/opt/privacy-desk/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# The store, the keys and the ledger are three volumes because they must be backed up apart: a backup of the store
# without its keys tells nothing, and the ledger must not be restored together with the store.
VOLUME ["/var/lib/privacy-desk", "/var/lib/privacy-desk-keys", "/var/lib/privacy-desk-ledger"]
WORKDIR /var/lib/privacy-desk
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["privacy-desk"]
CMD ["run", "--config", "/etc/privacy-desk/worker.toml"]
