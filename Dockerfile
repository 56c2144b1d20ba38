# Agent and operator in one image.
# BASE is any image with Python 3.11 or newer and its venv module, glibc, and a shell. A tag moves, so
# what is released names a digest: --build-arg BASE=python:3.11-slim@sha256:...
ARG BASE=python:3.11-slim

# The dependencies, installed from outside of their environment: no pip in it.
FROM ${BASE} AS dependencies
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/oomwarden
COPY requirements/runtime.txt /src/requirements/
RUN /build/bin/pip --python /opt/oomwarden/bin/python install --quiet --no-cache-dir --no-compile \
      --require-hashes --only-binary :all: -r /src/requirements/runtime.txt \
 && find /opt/oomwarden/lib -depth \
      \( -type d \( -name tests -o -name test -o -name __pycache__ \) -o -name '*.py[xi]' -o -name '*.pxd' -o -name '*.[ch]' \) -exec rm -r {} + \
 && find /opt/oomwarden/bin -type f ! -name 'python*' -delete \
 && python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash /opt/oomwarden/lib

# The package alone, in an environment of the same path.
FROM dependencies AS package
COPY requirements/build.txt /src/requirements/
RUN /build/bin/pip install --quiet --no-cache-dir --require-hashes -r /src/requirements/build.txt \
 && rm -r /opt/oomwarden && python3 -m venv --without-pip /opt/oomwarden \
 && rm /opt/oomwarden/bin/[aA]ctivate*
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
RUN /build/bin/pip wheel --quiet --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheel /src \
 && /build/bin/pip --python /opt/oomwarden/bin/python install --quiet --no-cache-dir --no-compile --no-index --no-deps /wheel/*.whl \
 && python3 -m compileall -q -o 2 --invalidation-mode unchecked-hash /opt/oomwarden/lib

FROM ${BASE}
# Official Python images come without byte-code of the standard library, and the root file system
# is read-only when the agent starts.
RUN python3 -m compileall -q -o 2 -x '/(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|site-packages|dist-packages)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# What the image was built on, as an inventory of images reads it.
ARG BASE
LABEL org.opencontainers.image.base.name="${BASE}"
# Level 2 leaves docstrings out: some 3 MiB less resident on every node.
ENV PATH=/opt/oomwarden/bin:$PATH PYTHONUNBUFFERED=1 PYTHONOPTIMIZE=2
USER 65532:65532
CMD ["oomwarden-operator", "run"]
COPY --from=dependencies /opt/oomwarden /opt/oomwarden
# Last and small: what a node pulls when only the source has changed.
COPY --from=package /opt/oomwarden /opt/oomwarden
