"""The Debian package, built from its source package in a Debian root that has what building needs, and checked by lintian."""

from __future__ import annotations

import pathlib
import re

from .layer import Failure, Layer

PREPARE = """
apt-get update -qq
apt-get install -y -qq --no-install-recommends dpkg-dev fakeroot lintian
apt-get build-dep -y -qq --no-install-recommends /build/*.dsc
"""

BUILD = """
cd /build
rm -rf source
rm -f *.deb *.changes *.buildinfo
dpkg-source -x *.dsc source
cd source
dpkg-buildpackage -b -us -uc
"""

LINTIAN = """
cd /build
# Which version of Debian's policy is the newest depends on where lintian runs; which misspelt words there are among the bytes
# of machine code, on the compiler.
options="--allow-root --profile debian --fail-on error,warning --info --display-info"
lintian $options --suppress-tags out-of-date-standards-version,spelling-error-in-binary *.changes *.dsc
"""


def build(layer: Layer, source: pathlib.Path, target: pathlib.Path, *, quick: bool) -> pathlib.Path:
    """Copies the package into `target`; returns its path. A quick build is not optimised."""
    for file in source.iterdir():
        layer.put(file, f"/build/{file.name}")
    layer.run("what building needs", PREPARE, network=True)
    # Without the network: the crates are in the source package.
    layer.run("dpkg-buildpackage", BUILD, variables={"DEB_BUILD_OPTIONS": "noopt"} if quick else {})
    told = layer.run("lintian", LINTIAN)
    if re.search(r"^[EWI]: ", told, re.MULTILINE):
        raise Failure(f"{layer.title}: lintian has findings:\n{told}")
    packages = layer.take("/build/libapache2-mod-python_*.deb", target)
    if len(packages) != 1:
        raise Failure(f"{layer.title}: {len(packages)} packages, not one: {packages}")
    return packages[0]
