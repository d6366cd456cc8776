# The service as an image: the built output and its packages, an unprivileged user, nothing to compile with.
# The base is pinned by tag; pin it by digest where you build (FROM node:24-bookworm-slim@sha256:…), and let a bot raise it.
# There is no redis-server in here: set redis.url. docker-compose.yml shows how it is meant to be run.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional ones too: a package of the queue pages names the compiler as an optional peer, and nothing that runs needs one.
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24-bookworm-slim
# Without __proto__ no key of a record can reach a prototype, whatever a package does with it.
ENV NODE_ENV=production \
    NODE_OPTIONS=--disable-proto=delete \
    OMNI_SYNC_CONFIG=/etc/omni-sync/omni-sync.yaml \
    OMNI_SYNC_DATA=/data
# What is only of use to an intruder goes: npm, yarn, corepack. /data is the one place that is written to.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && mkdir /data && chown 10001:10001 /data
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /build/dist ./dist
USER 10001:10001
VOLUME /data

# Whether the configuration is sound and Redis answers. Status 1 says that people wait or failed: that is the sync's health, not the
# container's. The process itself is the container's first, so its end is the container's. Where the server role runs, /healthz says more.
HEALTHCHECK --interval=60s --timeout=20s --start-period=30s --retries=3 \
  CMD node /app/dist/cli/main.js status --json > /dev/null || [ $? -eq 1 ]

ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["start"]
