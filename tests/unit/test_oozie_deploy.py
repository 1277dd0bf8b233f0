"""Deploying checks, uploads what changed, and says how to submit; both scripts do the same."""

import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import DefinitionError, MissingDataError, UsageError
from learnfold.oozie.deploy import DeployRequest, deploy, submit_command
from learnfold.oozie.target import open_target
from learnfold.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def request_(tmp_path: Path) -> DeployRequest:
    """A deployment of a copy, whose path has a space, into a folder."""
    folder = tmp_path / "my clone" / "batch_layer"
    shutil.copytree(ROOT / "batch_layer", folder, ignore=shutil.ignore_patterns("__pycache__"))
    archive = tmp_path / "my clone" / "learnfold.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("learnfold/__init__.py", "")
    return DeployRequest(folder, archive, defined={"appPath": str(tmp_path / "the app")}, user="me")


def test_all_that_the_workflow_names_is_uploaded_once(request_: DeployRequest, tmp_path: Path) -> None:
    """Every <file> of the workflow is there, with its content; the same again changes nothing."""
    done = deploy(request_, Settings())
    app = tmp_path / "the app"
    workflow = (app / "workflow.xml").read_text(encoding="utf-8")
    named = re.findall(r"<file>\$\{appPath\}/([^#]+)#", workflow)
    assert len(named) == 2 * len(catalog.load().jobs)
    for name in named:
        assert (app / name).read_bytes()
    assert done.changed == list(done.files)
    assert deploy(request_, Settings()).changed == []
    script = request_.folder / "jobs" / "video_batch_job.py"
    script.write_text(script.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert deploy(request_, Settings()).changed == ["jobs/video_batch_job.py"]


def test_a_dry_run_uploads_nothing(request_: DeployRequest, tmp_path: Path) -> None:
    """It says what it would, and touches nothing."""
    from dataclasses import replace

    done = deploy(replace(request_, dry_run=True), Settings())
    assert "workflow.xml" in done.files
    assert not (tmp_path / "the app").exists()


def test_what_oozie_would_refuse_is_not_uploaded(request_: DeployRequest, tmp_path: Path) -> None:
    """A dangling transition stops the deployment before the first file."""
    workflow = request_.folder / "oozie" / "workflow.xml"
    workflow.write_text(workflow.read_text(encoding="utf-8").replace('<ok to="views', '<ok to="no'), encoding="utf-8")
    with pytest.raises(DefinitionError, match="goes to 'no_published'"):
        deploy(request_, Settings())
    assert not (tmp_path / "the app").exists()


def test_a_missing_zip_is_told(request_: DeployRequest) -> None:
    """With what makes it."""
    request_.archive.unlink()
    with pytest.raises(MissingDataError, match=r"build_zip\.py makes it"):
        deploy(request_, Settings())


def test_the_submit_command_is_the_seeds(request_: DeployRequest) -> None:
    """Starting at the next midnight, with what was defined for this deployment, and safe for a shell."""
    words = shlex.split(submit_command(request_, datetime(2026, 12, 31, 15, tzinfo=UTC)))
    assert words[:6] == [
        "oozie",
        "job",
        "-oozie",
        "http://localhost:11000/oozie",
        "-config",
        f"{request_.folder}/oozie/job.properties",
    ]
    assert words[6:] == ["-Dstart=2027-01-01T00:00Z", f"-DappPath={request_.defined['appPath']}", "-run"]


def test_hdfs_is_only_for_places_on_it() -> None:
    """A way that can't reach a place is refused."""
    with pytest.raises(UsageError, match="no place on HDFS"):
        open_target("s3a://bucket/app", "webhdfs", "", "me", Settings())


def test_a_webhdfs_that_is_not_there_is_told(request_: DeployRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """With the flags that name another."""
    arguments = [
        "oozie",
        "--deploy",
        str(request_.folder),
        "--zip",
        str(request_.archive),
        "--no-jars",
        "--via",
        "webhdfs",
    ]
    assert main([*arguments, "--webhdfs", "http://127.0.0.1:9"]) == 1
    assert "--webhdfs http://host:9870" in capsys.readouterr().err


def test_hadoops_own_command_is_used_where_it_is(
    request_: DeployRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hdfs dfs` is told to make the folder and to put everything, over what is there; what it says when it fails is said."""
    from dataclasses import replace

    from learnfold.errors import StorageError

    said, place = tmp_path / "said", "hdfs://host:8020/user/me/my app"
    program = tmp_path / "bin" / "hdfs"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nfor word in "$@"; do echo "$word"; done >> "{said}"\n[ ! -e "{said}.fail" ] || {{ echo no room >&2; exit 1; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    done = deploy(replace(request_, defined={"appPath": place}), Settings())
    assert done.changed == list(done.files)
    words = said.read_text(encoding="utf-8").splitlines()
    assert words[:4] == ["dfs", "-mkdir", "-p", place]
    assert words[4:7] == ["dfs", "-put", "-f"]
    assert {Path(word).name for word in words[7:-1]} == {"learnfold.zip", "jobs", "workflow.xml", "coordinator.xml"}
    assert words[-1] == f"{place}/"
    Path(f"{said}.fail").touch()
    with pytest.raises(StorageError, match="no room"):
        deploy(replace(request_, defined={"appPath": place}), Settings())


def steps(script: str) -> list[str]:
    """What a script does, in order, without what differs between shells."""
    told = []
    for line in script.splitlines():
        if re.match(r"\s*#", line):
            told += [
                word for word in re.findall(r"\b(build|check|upload|print)\b", line) if line.startswith(("# 1", "# 2"))
            ]
        elif "build_zip.py" in line:
            told.append("runs build_zip.py")
        elif "-m learnfold" in line:
            told.append(" ".join(["runs", *re.findall(r"learnfold oozie|--\w+", line)]))
        elif "PYTHONPATH" in line:
            told.append("sets PYTHONPATH")
    return told


def test_both_scripts_take_the_same_steps() -> None:
    """Build, check, upload, print; the same program with the same flags, and the user's behind them."""
    sh = (ROOT / "batch_layer" / "deploy_oozie.sh").read_text(encoding="utf-8")
    ps1 = (ROOT / "batch_layer" / "deploy_oozie.ps1").read_text(encoding="utf-8")
    expected = [
        "sets PYTHONPATH",
        "build",
        "runs build_zip.py",
        "check",
        "upload",
        "print",
        "runs learnfold oozie --deploy --zip",
    ]
    assert steps(sh) == expected
    assert [step for n, step in enumerate(steps(ps1)) if n == 0 or step != steps(ps1)[n - 1]] == expected
    assert '"$@"' in sh.splitlines()[-1]
    assert "@args" in ps1


def clone(tmp_path: Path) -> Path:
    """A clone at a path with a space, whose build_zip.py makes a small zip."""
    root = tmp_path / "my clone"
    shutil.copytree(ROOT / "batch_layer", root / "batch_layer", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "src").symlink_to(ROOT / "src")
    (root / "tools").mkdir()
    (root / "tools" / "build_zip.py").write_text(
        "import pathlib\nat = pathlib.Path(__file__).parents[1] / 'dist'\nat.mkdir(exist_ok=True)\n"
        "(at / 'learnfold.zip').write_bytes(b'zip')\nprint('built')\n",
        encoding="utf-8",
    )
    return root


@pytest.mark.parametrize(("shell", "script"), [("sh", "deploy_oozie.sh"), ("pwsh", "deploy_oozie.ps1")])
def test_a_script_deploys_from_a_path_with_a_space(shell: str, script: str, tmp_path: Path) -> None:
    """From any folder; it builds, uploads to where it's told, and its last line is the command that submits."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} on the PATH")
    root, app = clone(tmp_path), tmp_path / "an app"
    command = [program, str(root / "batch_layer" / script), "-D", f"appPath={app}", "--no-jars"]
    import os

    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (app / "learnfold.zip").read_bytes() == b"zip"
    assert (app / "coordinator.xml").exists()
    last = shlex.split(done.stdout.strip().splitlines()[-1])
    assert last[:2] == ["oozie", "job"]
    assert last[-1] == "-run"
    assert (root / "batch_layer" / "oozie" / "job.properties").samefile(last[5])


def test_a_job_without_its_launcher_is_not_deployed(request_: DeployRequest, tmp_path: Path) -> None:
    """Oozie would find out at midnight; the message names the file, and what writes it."""
    (request_.folder / "jobs" / "video_batch_job.py").unlink()
    with pytest.raises(MissingDataError, match=r"jobs/video_batch_job\.py isn't there, .* make docs writes it"):
        deploy(request_, Settings())
    assert not (tmp_path / "the app").exists()
