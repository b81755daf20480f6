# One image for every service; the command says which.
FROM node:24-bookworm-slim AS install
WORKDIR /certferry
COPY package.json package-lock.json .npmrc ./
COPY apps ./apps
COPY libs ./libs
COPY config ./config
# Of what the apps need: the lib of the tests comes with Docker's client.
RUN npm ci --omit=dev --include-workspace-root --workspace=apps/standalone --workspace=apps/parser --workspace=apps/inventory --workspace=apps/deployment --workspace=apps/gateway --workspace=apps/cli && \
    rm -rf libs/testing node_modules/@certferry/testing

# Without a Node.js of its own: the one that the tests ran on is among the dependencies.
FROM debian:bookworm-slim
RUN useradd --uid 1000 --home-dir /data --create-home certferry
WORKDIR /certferry
COPY --from=install /certferry ./
USER certferry
ENV PATH=/certferry/node_modules/node/bin:/certferry/node_modules/.bin:$PATH \
    CERTFERRY_DATA_DIR=/data \
    CERTFERRY_HOST=0.0.0.0
VOLUME /data
EXPOSE 8080 8443
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.CERTFERRY_HTTP_PORT || 8080) + '/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/standalone/src/main.ts"]
