"""The oldest Rust that Cargo.toml names: what compiles the crate, its dependencies and the packages must agree with it."""

import json
import os
import pathlib
import re
import subprocess

import pytest

PROJECT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packages():
    """Of Cargo.lock, by name."""
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"]
    environment = {**os.environ, "PATH": f"{pathlib.Path.home()}/.cargo/bin:{os.environ['PATH']}"}
    told = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True).stdout
    return {package["name"]: package for package in json.loads(told)["packages"]}


def version(text):
    return tuple(int(part) for part in (text or "0").split("."))


def test_no_crate_needs_a_newer_one(packages):
    oldest = version(packages["mod_python"]["rust_version"])
    newer = {name: package["rust_version"] for name, package in packages.items() if version(package["rust_version"]) > oldest}
    assert newer == {}, f"rust-version in Cargo.toml is {oldest}"


def test_packages_ask_for_it(packages):
    for path in ("packaging/debian/control", "packaging/rpm/mod_python.spec"):
        asked = re.findall(r"\b(?:cargo|rustc?)(?:-web)? \(?>= ([\d.]+)", (PROJECT / path).read_text())
        assert asked and set(asked) == {packages["mod_python"]["rust_version"]}, path
