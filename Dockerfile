# The image that serves Wheelhouse: the binary, the engine's client that it
# calls, certificates, and nothing else. See README.md for how to run it.
ARG GO_IMAGE=golang:1.26-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim
ARG CLI_IMAGE=docker:29-cli

FROM ${NODE_IMAGE} AS pages
WORKDIR /src/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM ${GO_IMAGE} AS binary
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=pages /src/web/dist web/dist
ARG VERSION=dev
# Linked statically: the final image has no C library. The tags keep Go's own
# resolver and user look-up, and leave out SQLite's loading of extensions.
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' \
      -o "labs/terminal/agent/dist/wheelhouse-agent-linux-$(go env GOARCH)" ./labs/terminal/agent/cmd && \
    CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' \
      -o "provisioner/embedded/machine/dist/wheelhouse-machine-linux-$(go env GOARCH)" ./provisioner/embedded/machine/cmd && \
    go run ./content/intro/image && \
    go build -trimpath -tags netgo,osusergo,sqlite_omit_load_extension \
      -ldflags "-s -w -linkmode external -extldflags -static -X main.version=${VERSION}" -o /wheelhouse . && \
    mkdir -p /data /tmp-empty

FROM ${CLI_IMAGE} AS cli

FROM scratch
COPY --from=binary /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=cli /usr/local/bin/docker /usr/local/bin/docker
COPY --from=binary /wheelhouse /wheelhouse
COPY --from=binary /tmp-empty /tmp
COPY --from=binary /data /var/lib/wheelhouse
ENV PATH=/usr/local/bin WHEELHOUSE_DATA=/var/lib/wheelhouse
VOLUME /var/lib/wheelhouse
EXPOSE 8080
ENTRYPOINT ["/wheelhouse"]
CMD ["serve"]
