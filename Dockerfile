# The image of the action: wf-ci, git, certificates and busybox, on nothing.
# GitHub wants a container action to run as root, with an absolute ENTRYPOINT and no WORKDIR of its own.

FROM golang:1.26.8-bookworm AS build
ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    CGO_ENABLED=1 \
    GOTOOLCHAIN=local
# The parsers of the source code are C; the binary is static all the same.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc libc6-dev
WORKDIR /src
# The modules first: they change less often than the code. A vendor folder, where there is one, stands for them.
COPY go.mod go.sum vendo[r]/modules.txt ./
RUN test -e modules.txt || go mod download
COPY . .
ARG VERSION=devel
RUN go build -trimpath -buildvcs=false -tags osusergo,netgo,timetzdata \
    -ldflags "-s -w -linkmode external -extldflags -static -X main.version=$VERSION" \
    -o /out/wf-ci ./cmd/wf-ci && ln -s wf-ci /out/wf-ci-post && go clean -cache

FROM debian:bookworm-slim AS rootfs
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    git ca-certificates busybox-static
COPY .ci/rootfs /usr/local/bin/rootfs
RUN sh /usr/local/bin/rootfs /rootfs

FROM scratch
COPY --from=rootfs /rootfs/ /
# The second name is the post step's: the runner takes a program there, and no arguments of its own.
COPY --from=build /out/ /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG VERSION=devel
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wf-ci" \
      org.opencontainers.image.description="Runs the quality gates of a repository and gives one verdict." \
      org.opencontainers.image.source="https://github.com/wf-ci/wf-ci" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
ENTRYPOINT ["/usr/local/bin/wf-ci"]
