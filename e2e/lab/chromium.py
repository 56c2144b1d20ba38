"""Debian's Chromium with its libraries and fonts, extracted, for tests that look at a page.

Nothing is installed. The libraries are those of this machine's own release, so they fit its libc.
"""

import os
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.lab import cache, debian, preflight
from e2e.lab.shell import run

PACKAGES = ("chromium-headless-shell", "fonts-liberation")
"""The variant without windows: the same engine, and a third of the libraries. The font has the
widths of Arial, which stands in for the fonts of the machines that a page is read on."""
_LEFT_OUT = re.compile(
    r"\./(var/(lib/apt|cache)/|usr/(bin|sbin)/|usr/share/(icons|i18n|X11)/"
    r"|usr/lib/chromium/libVk|usr/lib/x86_64-linux-gnu/(dri/|gconv/|libLLVM|libz3))"
)
"""What only a desktop needs: half of the bytes."""
_PROGRAM = "usr/lib/chromium/chromium-headless-shell"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_FONTS = """\
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <match>
    <test name="family" compare="contains"><string>ono</string></test>
    <edit name="family" mode="append"><string>Liberation Mono</string></edit>
  </match>
  <match><edit name="family" mode="append"><string>Liberation Sans</string></edit></match>
</fontconfig>
"""
"""Only fonts from here, so that a page looks the same on every machine."""
_WAITS_FOR = "Debian packages (100 MB), about 30 s the first time"


@dataclass(frozen=True)
class Browser:
    """The browser's program, and the variables with which it finds its libraries and fonts."""

    program: Path
    environment: Mapping[str, str]


def build() -> Browser:
    """Return the browser, and extract it first if it is missing.

    Raises:
        LabError: This machine cannot get it.
    """
    inputs = [debian.release(), *PACKAGES, _LEFT_OUT.pattern, _FONTS]
    if not cache.artifact_path("chromium", inputs).exists():
        preflight.install_packages()
    root = cache.artifact("chromium", inputs, _unpack, _WAITS_FOR)
    return Browser(root / _PROGRAM, _environment(root))


def _environment(root: Path) -> dict[str, str]:
    folders = [root / _LIBRARIES / name for name in ("", "nss", "pulseaudio")]
    libraries = ":".join(map(str, [*folders, root / "lib/x86_64-linux-gnu"]))
    return {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(root / "fonts.conf")}


def _unpack(root: Path) -> None:
    layer = root.with_name(f"{root.name}.tar")
    debian.collect(layer, PACKAGES)
    with tarfile.open(layer) as archive:
        wanted = (each for each in archive if not _LEFT_OUT.match(each.name))
        archive.extractall(root, wanted, filter="tar")
    layer.unlink()
    (root / "fonts.conf").write_text(_FONTS, encoding="utf-8")
    os.utime(root)  # the archive's own is 1970, and the cache removes what is unused for long
    # Fails here if a library is missing.
    run(root / _PROGRAM, "--version", env={**os.environ, **_environment(root)})
