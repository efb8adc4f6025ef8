# The image is one static binary, its licences and an empty state folder: nothing else to patch.
#
#   docker build -t zt .
#   docker build -t zt --build-arg BEARSSL=distribution .   without the download
#
# It is built the way the tests build it: Debian's compiler and musl. BEARSSL=head takes the
# pinned, verified head of BearSSL (third_party/VERSIONS), which has fixes over the last release.
FROM debian:bookworm-slim AS build
ARG BEARSSL=head
WORKDIR /src

# First only what decides the packages, so that a change of code does not install them again.
COPY third_party third_party
RUN apt-get -q update \
 && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install make git \
 && sh third_party/deps.sh build

COPY . .
RUN case "$BEARSSL" in \
    head) sh third_party/fetch-bearssl.sh && make -j"$(nproc)" BEARSSL=build/bearssl zt ;; \
    distribution) make -j"$(nproc)" zt ;; \
    *) echo "BEARSSL is '$BEARSSL', neither head nor distribution" >&2; exit 1 ;; \
    esac \
 && mkdir -p /image/etc/zt /image/var/lib/zt /image/licenses \
 && cp zt /image/zt \
 && cp LICENSE /image/licenses/zt.txt \
 && cp third_party/licenses/* /image/licenses/ \
 && chown -R 65532:65532 /image/var/lib/zt \
 && chmod 0700 /image/var/lib/zt

FROM scratch
COPY --from=build /image /
# Nobody's number: no such user need exist, and none of the host's has it.
USER 65532:65532
VOLUME /var/lib/zt
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/zt", "health"]
ENTRYPOINT ["/zt"]
