"""The workflows of GitHub Actions: what they run, with which rights, and what production refuses."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from infra.aws.github import ENVIRONMENTS
from infra.docs.__main__ import SITE

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".github/workflows"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.y*ml"))}
WORKFLOWS: dict[str, dict[str, Any]] = {name: yaml.safe_load(path.read_text()) for name, path in FILES.items()}
JOBS = [(name, job, made) for name, workflow in WORKFLOWS.items() for job, made in workflow["jobs"].items()]
STEPS = [(f"{name}/{job}", step) for name, job, made in JOBS for step in made.get("steps", [])]
IDS = [f"{name}/{job}" for name, job, _ in JOBS]


def triggers(name: str) -> Any:
    """YAML 1.1 reads the key `on` as true."""
    workflow: dict[Any, Any] = WORKFLOWS[name]
    return workflow[True]


def script(name: str, job: str, step: str) -> str:
    """What the step with this id runs."""
    return next(str(each["run"]) for each in WORKFLOWS[name]["jobs"][job]["steps"] if each.get("id") == step)


def run(text: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does: bash, ending at the first error."""
    output = folder / "output"
    output.touch()
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GITHUB_OUTPUT": str(output),
        "RUNNER_TEMP": str(folder),
    } | environ
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=30, check=False)


def test_there_is_one_workflow_for_tests_and_for_each_stage() -> None:
    """Pull requests are tested, main is deployed to staging, production is started by hand and by nothing else.

    Beside them: the documentation's site, of main alone, and once a week the clients' newest versions.
    """
    assert set(WORKFLOWS) == {"test", "staging", "production", "docs", "newest_clients"}
    assert triggers("docs") == {"push": {"branches": ["main"]}, "workflow_dispatch": None}
    assert set(triggers("newest_clients")) == {"schedule", "workflow_dispatch"}
    assert triggers("test") == {"pull_request": {"branches": ["main"]}, "workflow_call": None}
    assert triggers("staging") == {"push": {"branches": ["main"]}}
    assert set(triggers("production")) == {"workflow_dispatch"}
    inputs = triggers("production")["workflow_dispatch"]["inputs"]
    assert {name: each["required"] for name, each in inputs.items()} == {"version": True, "confirm": True}


@pytest.mark.parametrize("name", FILES)
def test_every_action_is_pinned_to_a_commit(name: str) -> None:
    """An action is named by the full hash of a commit, with its version beside it: a moved tag changes nothing."""
    lines = [line.strip() for line in FILES[name].read_text().splitlines() if "uses:" in line]
    foreign = [line for line in lines if "uses: ./" not in line]
    assert foreign
    wrong = [line for line in foreign if not re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)]
    assert not wrong


def test_an_action_has_one_version_everywhere() -> None:
    """All workflows use the same commit of an action."""
    used = {tuple(step["uses"].split("@")) for _, step in STEPS if "uses" in step}
    assert len({name for name, _ in used}) == len(used)


@pytest.mark.parametrize(("name", "job", "made"), JOBS, ids=IDS)
def test_a_job_has_only_the_rights_it_needs(name: str, job: str, made: dict[str, Any]) -> None:
    """Nothing is granted to a whole workflow; what deploys or publishes has an identity, only the release may write."""
    assert WORKFLOWS[name]["permissions"] == {}
    expected = {
        "test": {"contents": "read"},
        "proofs": {"contents": "read"},
        "deploy": {"contents": "read", "id-token": "write"},
        "check": {"contents": "read", "actions": "read"},
        "release": {"contents": "write"},
        "build": {"contents": "read", "pages": "read"},
        "publish": {"id-token": "write", "pages": "write"},
        "newest": {"contents": "read"},
    }
    assert made["permissions"] == expected[job]


@pytest.mark.parametrize(("name", "job", "made"), JOBS, ids=IDS)
def test_a_job_ends_in_bounded_time_on_a_named_system(name: str, job: str, made: dict[str, Any]) -> None:
    """No job hangs for GitHub's six hours, and none changes its system by itself."""
    if "uses" in made:
        assert made["uses"] == "./.github/workflows/test.yml"
        return
    assert made["timeout-minutes"] <= 60
    assert made["runs-on"] == "ubuntu-24.04"


def test_no_workflow_knows_a_stored_key() -> None:
    """No secret is read and no access key is named: the role is taken on with GitHub's own identity."""
    for path in FILES.values():
        text = path.read_text()
        assert "secrets." not in text
        assert not re.search(r"access.key", text, re.IGNORECASE)
    for where, step in STEPS:
        if "configure-aws-credentials" in step.get("uses", ""):
            assert step["with"] == {
                "role-to-assume": "${{ vars.AWS_ROLE_ARN }}",
                "aws-region": "${{ steps.stage.outputs.region }}",
            }, where


def test_a_checkout_leaves_no_token_behind() -> None:
    """The repository's token is not kept in the working folder, where tests and build scripts could read it."""
    checkouts = [step for _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 5
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_script_contains_what_somebody_wrote() -> None:
    """Inputs and names reach a script as environment variables: nothing is pasted into shell text."""
    assert not [where for where, step in STEPS if "${{" in step.get("run", "")]


def test_every_make_command_exists() -> None:
    """What the workflows run by make is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {word for _, step in STEPS for word in re.findall(r"^make (\w+)", step.get("run", ""), re.MULTILINE)}
    assert {"test", "simulate", "conformance", "deploy"} <= called
    assert called <= targets


def test_pull_requests_run_what_must_pass_before_anything_lands() -> None:
    """The workflow of tests runs the commands of .ci/run, with the same arguments; what needs root, in a namespace."""
    commands = re.findall(r"^make .*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    run_here = [step["run"] for where, step in STEPS if where.startswith("test/") and "run" in step]
    assert commands
    assert set(commands) <= {run.removeprefix("unshare --user --map-root-user ") for run in run_here}


def test_deployments_wait_for_what_they_need() -> None:
    """Staging waits for the tests, production for its checks, the release for production; one at a time, to its end."""
    staging, production = WORKFLOWS["staging"]["jobs"], WORKFLOWS["production"]["jobs"]
    assert staging["deploy"]["needs"] == "test"
    assert production["deploy"]["needs"] == "check"
    assert set(production["release"]["needs"]) == {"check", "deploy"}
    assert staging["deploy"]["concurrency"] == {"group": "deploy-staging", "cancel-in-progress": False}
    assert WORKFLOWS["production"]["concurrency"] == {"group": "deploy-production", "cancel-in-progress": False}


@pytest.mark.parametrize(("workflow", "stage"), [("staging", "staging"), ("production", "prod")])
def test_a_deployment_runs_in_its_environment_and_region(workflow: str, stage: str, tmp_path: Path) -> None:
    """The environment is the one that the role trusts, and the region is the stage file's."""
    job = WORKFLOWS[workflow]["jobs"]["deploy"]
    assert job["environment"] == ENVIRONMENTS[stage]
    assert job["steps"][-1]["run"] == f"make deploy STAGE={stage}"
    shutil.copytree(ROOT / "infra/aws/stages", tmp_path / "infra/aws/stages")
    file = tmp_path / f"infra/aws/stages/{stage}.toml"
    file.write_text(re.sub(r"^region = .*$", 'region = "eu-north-1"', file.read_text(), flags=re.MULTILINE))
    done = run(script(workflow, "deploy", "stage"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output").read_text() == "region=eu-north-1\n"


def test_the_documentation_is_published_as_it_was_built() -> None:
    """One job builds the site with `make docs`, for the address it will have; the next one alone may publish it."""
    build, publish = WORKFLOWS["docs"]["jobs"]["build"], WORKFLOWS["docs"]["jobs"]["publish"]
    command = next(step for step in build["steps"] if "run" in step)
    assert command["run"] == 'make docs REPOSITORY="$REPOSITORY" BASE_URL="$BASE_URL"'
    assert command["env"]["BASE_URL"] == "${{ steps.pages.outputs.base_url }}"
    assert build["steps"][-1]["with"]["path"] == str(SITE.relative_to(ROOT))
    assert publish["needs"] == "build"
    assert publish["environment"]["name"] == "github-pages"
    assert [step["uses"].split("@")[0] for step in publish["steps"]] == ["actions/deploy-pages"]
    assert WORKFLOWS["docs"]["concurrency"] == {"group": "docs", "cancel-in-progress": False}


CHANGELOG = "# Changelog\n\n## Unreleased\n\n## [1.4.0] - 2026-11-20\n\n- New.\n\n## 1.3.9\n\n- Old.\n"


@pytest.mark.parametrize(
    ("version", "confirm", "changelog", "word"),
    [
        ("1.4.0", "deploy", CHANGELOG, ""),
        ("1.4.0", "Deploy", CHANGELOG, "Not confirmed"),
        ("1.4.0", "", CHANGELOG, "Not confirmed"),
        ("1.4.0", "deploy\ndeploy", CHANGELOG, "Not confirmed"),
        ("1.4.0", "yes", CHANGELOG, "Not confirmed"),
        ("v1.4.0", "deploy", CHANGELOG, "three numbers"),
        ("1.4", "deploy", CHANGELOG, "three numbers"),
        ("01.4.0", "deploy", CHANGELOG, "three numbers"),
        ("1.4.0\n9.9.9", "deploy", CHANGELOG, "three numbers"),
        ("1.4.0; true", "deploy", CHANGELOG, "three numbers"),
        ("1.3.9", "deploy", CHANGELOG, "newest version is 1.4.0"),
        ("1.5.0", "deploy", CHANGELOG, "newest version is 1.4.0"),
        ("1.4.0", "deploy", "# Changelog\n", "newest version is none"),
        ("1.4.0", "deploy", CHANGELOG.replace("Unreleased\n", "Unreleased\n\n- More.\n"), "under Unreleased"),
    ],
)
def test_production_asks_for_the_word_and_a_described_version(
    version: str, confirm: str, changelog: str, word: str, tmp_path: Path
) -> None:
    """Only the word deploy, and only the newest version that CHANGELOG describes, gets through."""
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    done = run(script("production", "check", "inputs"), tmp_path, VERSION=version, CONFIRM=confirm)
    assert (done.returncode == 0) == (word == ""), done.stdout + done.stderr
    assert word in done.stdout


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A clone whose main has two commits, with one beside it."""
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("first", "second"):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", name)
        git(tmp_path, "tag", name)
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "main")
    git(tmp_path, "checkout", "-q", "--detach", "first")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "beside")
    git(tmp_path, "tag", "beside")
    return tmp_path


@pytest.mark.parametrize(
    ("at", "tagged", "passes", "output"),
    [
        ("second", None, True, ""),
        ("first", None, True, ""),
        ("first", "first", True, "tagged=true\n"),
        ("second", "first", False, ""),
        ("beside", None, False, ""),
    ],
)
def test_production_takes_commits_of_main_only(
    at: str, tagged: str | None, passes: bool, output: str, history: Path
) -> None:
    """A commit beside main is refused, and so is a version that names another commit; its own tag is gone back to."""
    git(history, "checkout", "-q", "--detach", at)
    if tagged:
        git(history, "tag", "-a", "v1.4.0", tagged, "-m", "v1.4.0")
    done = run(script("production", "check", "commit"), history, VERSION="1.4.0")
    assert (done.returncode == 0) == passes, done.stdout + done.stderr
    assert (history / "output").read_text() == output


@pytest.mark.parametrize(("found", "passes"), [("0", False), ("1", True), ("", False)])
def test_production_takes_what_has_been_through_staging(found: str, passes: bool, tmp_path: Path) -> None:
    """Production asks GitHub for a successful run of staging at this very commit, and stops where there is none."""
    steps = WORKFLOWS["production"]["jobs"]["check"]["steps"]
    text = str(steps[-1]["run"])
    program = tmp_path / "bin/gh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/asked"\necho "{found}"\n')
    program.chmod(0o755)
    path = f"{program.parent}:/usr/bin:/bin"
    done = run(text, tmp_path, PATH=path, GITHUB_REPOSITORY="ada/farebox", GITHUB_SHA="c0ffee")
    assert (done.returncode == 0) == passes, done.stdout + done.stderr
    asked = (tmp_path / "asked").read_text()
    assert "repos/ada/farebox/actions/workflows/staging.yml/runs" in asked
    for condition in ("head_sha=c0ffee", "branch=main", "event=push", "status=success"):
        assert condition in asked


def test_release_notes_are_the_versions_section(tmp_path: Path) -> None:
    """The notes are what CHANGELOG says of this version, no more; a version without a word has no release."""
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    text = script("production", "release", "notes")
    for version, notes in (("1.4.0", "- New."), ("1.3.9", "- Old.")):
        assert run(text, tmp_path, VERSION=version).returncode == 0
        assert (tmp_path / "notes.md").read_text().strip() == notes
    assert run(text, tmp_path, VERSION="1.5.0").returncode != 0
