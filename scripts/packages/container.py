"""The image of packaging/Containerfile, built and run by buildah and runc. Its base is a Debian root: no registry is asked."""

from __future__ import annotations

import json
import pathlib
import shlex
import subprocess

from matrix import debian

from .layer import Failure, step
from .roots import Root

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# As Debian's own image: authorities come with ca-certificates, which is not there, and this machine's may be among them.
BASE = """
container=$({buildah} from scratch)
mounted=$({buildah} mount $container)
cp -a {root}/. $mounted
chroot $mounted apt-get purge -y -qq ca-certificates
[ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates $mounted/usr/local/share/
{buildah} umount $container
{buildah} commit --rm $container docker.io/library/debian:{suite}-slim
"""

BUILD = """
{buildah} bud --isolation chroot --pull-never --build-arg DEBIAN={suite} --build-arg PYTHON={python} \
    -t mod_python -f packaging/Containerfile .
"""

# In namespaces of its own: port 8080 is free there, and every apache2 is the container's.
RUN = """
ip link set lo up
container=$({buildah} from --pull-never localhost/mod_python)
{buildah} run --isolation oci --runtime runc --network host -v {repository}/examples/hello:/srv/app:ro -e PYTHON_HANDLER=hello \
    $container -- {entrypoint} >{directory}/stdout 2>{directory}/stderr &
running=$!
curl --silent --show-error --fail --retry 30 --retry-delay 1 --retry-connrefused http://127.0.0.1:8080/
echo "processes of $(ps -C apache2 -o user= | sort -u | xargs)"
kill -s {signal} $(pgrep -o -x apache2)
wait $running
echo "exit status $?"
"""


def check(root: Root, made: pathlib.Path, directory: pathlib.Path) -> None:
    """The page that docs/install.md promises, from an image that the unchanged Containerfile makes of that Debian."""
    debian.remove(directory)
    directory.mkdir(parents=True)
    store = {"root": directory / "store", "runroot": directory / "run", "storage-driver": "vfs"}
    buildah = " ".join(["buildah", *(f"--{name} {value}" for name, value in store.items())])
    names = {"buildah": buildah, "suite": root.suite, "python": root.python, "repository": REPOSITORY, "directory": directory}

    def run(what: str, script: str, *options: str, **more: object) -> str:
        with step(f"{root.suite}, container", what):
            command = [*options, "bash", "-euo", "pipefail", "-c", script.format(**names, **more)]
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
            done = subprocess.run(
                command, check=False, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        if done.returncode != 0:
            tail = "\n".join([*(done.stdout + done.stderr).splitlines()[-40:], *_logs(directory)])
            raise Failure(f"{root.suite}, container: {what}: exit status {done.returncode}; the end of its output:\n{tail}")
        return done.stdout

    run("the base image", BASE, root=made)
    run("buildah bud", BUILD)
    inspected = run("what is in the image", "{buildah} inspect --type image localhost/mod_python")
    settings = json.loads(inspected)["OCIv1"]["config"]
    spaces = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
    entrypoint = shlex.join(settings["Entrypoint"])
    told = run("a page of it", RUN, *spaces, entrypoint=entrypoint, signal=settings["StopSignal"])
    told += "\n".join(_logs(directory))
    # The end is a graceful one.
    for wanted in ("Hello from mod_python!", "processes of www-data\n", '"GET / HTTP/1.1" 200', "AH00492", "exit status 0"):
        if wanted not in told:
            raise Failure(f"{root.suite}, container: {wanted!r} is not in what came:\n{told}")
    debian.remove(directory)


def _logs(directory: pathlib.Path) -> list[str]:
    files = [directory / name for name in ("stdout", "stderr")]
    return [file.read_text(errors="replace") for file in files if file.exists()]
