# One image for every service; the command says which.
FROM node:24-bookworm-slim AS install
WORKDIR /certferry
COPY package.json package-lock.json .npmrc ./
COPY apps ./apps
COPY libs ./libs
COPY config ./config
# Without the lib of the tests and what only it needs: a workspace's own are not left out by --omit=dev. The prune also takes the
# second name of Node's binary, which a copy would make a second file.
RUN npm ci --omit=dev && \
    rm -rf libs/testing && \
    npm pkg delete devDependencies --workspaces --include-workspace-root && \
    npm prune --omit=dev --ignore-scripts

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
