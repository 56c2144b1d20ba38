# The lab's busybox image for clusters that get it from Docker; the lab itself packs it by hand.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends busybox-static gcc libc6-dev
COPY hog.c /
RUN mkdir -p /image/bin /image/tmp /image/etc && cp /bin/busybox /image/bin \
    && for applet in $(busybox --list | grep -vx busybox); do ln -s busybox "/image/bin/$applet"; done \
    && gcc -O2 -static -o /image/bin/hog /hog.c

FROM scratch
COPY --from=build /image /
CMD ["/bin/sh"]
