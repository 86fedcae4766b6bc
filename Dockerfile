# Two stages: the first makes the environment, the second is what runs, without pip and build tools.
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
# The store, the keys and the ledger are three volumes because they are backed up apart: a copy of the store without
# its keys tells nothing, and the ledger is never restored together with the store.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 desk \
    && useradd --system --uid 10001 --gid desk --no-create-home --home-dir /srv/privacy-desk --shell /usr/sbin/nologin desk \
    && install -d /srv/privacy-desk/secrets \
    && install -d -o desk -g desk -m 0700 /srv/privacy-desk/var/data /srv/privacy-desk/var/keys /srv/privacy-desk/var/ledger
COPY --from=build /opt/privacy-desk /opt/privacy-desk
COPY config/ /srv/privacy-desk/config/
ENV PATH=/opt/privacy-desk/bin:/usr/local/bin:/usr/bin:/bin \
    PRIVACY_DESK__WEB__LISTEN=0.0.0.0:8080 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME ["/srv/privacy-desk/var/data", "/srv/privacy-desk/var/keys", "/srv/privacy-desk/var/ledger"]
WORKDIR /srv/privacy-desk
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python3", "-c", "import os; from http.client import HTTPConnection as C; c = C('127.0.0.1', int(os.environ['PRIVACY_DESK__WEB__LISTEN'].rpartition(':')[2]), timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["privacy-desk"]
CMD ["run"]
