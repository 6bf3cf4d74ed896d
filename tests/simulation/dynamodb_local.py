"""AWS's DynamoDB Local: fetched by Maven, its files checked, run on loopback without state."""

import contextlib
import hashlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests import stand

VERSION = "3.1.0"
SHA256 = "53cf806ca6f4c8a6be372827faa57fbe9bdb463f8b8be3742b6573046dd85616"
"""Of the names and SHA-256 sums of all its files."""
MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"
FETCHED_WITHIN_S = 600
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>farebox</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>software.amazon.dynamodb</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class Unavailable(Exception):
    """It cannot be run on this machine; says why."""


@contextlib.contextmanager
def dynamodb_local(folder: Path) -> Iterator[str]:
    """DynamoDB Local from `folder`, fetched into it where it is not there. Gives its URL. Raises Unavailable."""
    java = shutil.which("java")
    if not java:
        raise Unavailable("no Java")
    files = _fetched(folder)
    port = stand.free_port()
    arguments = [java, f"-Djava.library.path={files}", "-cp", f"{files}/*", MAIN]
    arguments += ["-inMemory", "-disableTelemetry", "-port", str(port)]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(arguments, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        stand.wait_until(lambda: child.poll() is not None or _listens(port), "DynamoDB Local")
        if child.poll() is not None:
            raise Unavailable(f"it ended at once: {(folder / 'log').read_text()[-300:]}")
        yield f"http://127.0.0.1:{port}"
    finally:
        stand.end(child)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _fetched(folder: Path) -> Path:
    """The folder of its files. Raises Unavailable; ValueError where they are not the ones that are pinned."""
    files = folder / f"dynamodb-local-{VERSION}"
    if not files.exists():
        maven = shutil.which("mvn")
        if not maven:
            raise Unavailable("it is not here, and no Maven to fetch it")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(POM)
        partly = folder / "partly"
        shutil.rmtree(partly, ignore_errors=True)
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partly}", "-DincludeScope=runtime"]
        try:
            subprocess.run(
                [maven, "-q", "-B", "-f", str(folder / "pom.xml"), *goal],
                check=True,
                capture_output=True,
                timeout=FETCHED_WITHIN_S,
            )
        except subprocess.SubprocessError as error:
            raise Unavailable("Maven could not fetch it") from error
        partly.rename(files)
    if _sum(files) != SHA256:
        raise ValueError(f"{files} does not hold DynamoDB Local {VERSION} as it is pinned")
    return files


def _sum(files: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(files.iterdir()):
        total.update(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
