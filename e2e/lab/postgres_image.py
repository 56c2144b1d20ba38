"""An image with PostgreSQL from Debian packages, for stories about one process among many.

A lab has it if `Options.postgres` is set.
"""

import tarfile
from pathlib import Path

from e2e.lab import cache, debian, image_archive

REFERENCE = "lab.local/postgres:1"
PACKAGES = ("postgresql-15", "postgresql-client-15")
# The JIT compiler would be most of the image, and stories switch it off; the rest is Debian's own.
_LEFT_OUT = (
    "/libLLVM", "/libz3", "/llvmjit", "/lib/postgresql/15/lib/bitcode/",
    "/usr/share/perl", "/x86_64-linux-gnu/perl", "/usr/share/i18n/",
    "/var/lib/apt/", "/var/cache/", "/var/lib/postgresql/15/",
)  # fmt: skip


def build() -> Path:
    """Return the image's archive."""
    inputs: list[cache.Input] = [
        debian.release(),
        *PACKAGES,
        *_LEFT_OUT,
        REFERENCE,
        Path(image_archive.__file__),
    ]
    return cache.artifact("image-postgres", inputs, _build, "Debian packages, about 60 s")


def _build(archive: Path) -> None:
    whole = archive.with_name(f"{archive.name}.whole.tar")
    layer = archive.with_name(f"{archive.name}.tar")
    debian.bootstrap(whole, PACKAGES)
    _copy_needed(whole, layer)
    image_archive.pack(layer, REFERENCE, ["postgres"], archive)
    for path in (whole, layer):
        path.unlink()


def _copy_needed(source: Path, target: Path) -> None:
    with tarfile.open(source) as whole, tarfile.open(target, "w") as layer:
        for member in whole:
            if not any(part in f"/{member.name}" for part in _LEFT_OUT):
                layer.addfile(member, whole.extractfile(member) if member.isreg() else None)
