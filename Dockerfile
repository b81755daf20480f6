# One image for every service; the command says which.
FROM node:24-bookworm-slim
WORKDIR /certferry
COPY package.json package-lock.json .npmrc ./
COPY apps ./apps
COPY libs ./libs
COPY config ./config
RUN npm ci --omit=dev && npm cache clean --force && mkdir /data && chown node /data
USER node
ENV CERTFERRY_DATA_DIR=/data
VOLUME /data
EXPOSE 8080 8443
CMD ["node", "apps/standalone/src/main.ts"]
