# docker build --build-arg VERSION=$(git describe --tags --always) -t billwatch .
# docker run -p 9595:9595 -v ./config:/etc/billwatch:ro -v billwatch:/var/lib/billwatch billwatch
FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/billwatch ./cmd/billwatch
# The state's folder, for whoever mounts no volume: the last stage has no mkdir.
RUN mkdir -p -m 0700 /out/var/lib/billwatch

# Nothing but the program, what it trusts, and what time it is elsewhere.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /usr/share/zoneinfo.zip
COPY --from=build --chown=65532:65532 /out/ /
ENV ZONEINFO=/usr/share/zoneinfo.zip
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
# A relative `state:` is relative to here.
WORKDIR /var/lib/billwatch
EXPOSE 9595
ENTRYPOINT ["/billwatch"]
CMD ["run"]
