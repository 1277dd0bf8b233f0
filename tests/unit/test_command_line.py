"""The command line: every command is there, explains itself, and every command that a page shows is one."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from learnfold import __version__
from learnfold.cli import COMMANDS, _install, _joined, _parser, main, main_of
from learnfold.cli import run as run_command
from learnfold.errors import BusyError, DataError, UsageError

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")} - {*ROOT.glob("docs/mappings.md")}
)
ENDS = {"&&", "||", "|", ">", ">>", "<", ";", "2>", "&"}


def commands_in(page: Path) -> list[str]:
    """The lines of a page's code blocks that are a command of ours."""
    blocks = re.findall(r"^```(?:bash|sh|console)?\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith(("learnfold ", "python batch_layer/"))]


def parses(line: str) -> argparse.Namespace:
    """What a command line means, the shell's own words left out; fails where it means nothing."""
    words = shlex.split(line, comments=True)
    for place, word in enumerate(words):
        if word in ENDS:
            words = words[:place]
            break
    if words[0] == "learnfold":
        name = next((word for word in words[1:] if not word.startswith("-")), None)
        assert name is None or name in COMMANDS, f"{line}: there is no command {name}"
        return _parser("learnfold", name).parse_args(_joined(words[1:]))
    parser = argparse.ArgumentParser(exit_on_error=False)
    if words[1].endswith("config.py"):
        return parser.parse_args(words[2:])
    assert (ROOT / words[1]).exists(), f"{line}: there is no {words[1]}"
    if words[1].endswith("run_batch_jobs.py"):
        parser.add_argument("job", nargs="?")
    run_command.arguments(parser, job=False)
    return parser.parse_args(words[2:])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_and_its_help_ends_in_an_example_that_parses(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help goes to stdout and says what each flag is for; its examples are commands."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    shown = capsys.readouterr()
    assert (caught.value.code, shown.err) == (0, "")
    last = shown.out.rstrip().rpartition("\n\n")[2]
    examples = [line.partition("example: ")[2] for line in last.splitlines() if "example: " in line]
    assert examples, last
    for example in examples:
        assert parses(example).command == command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_says_what_it_is_for(command: str) -> None:
    """Also every argument; and what is printed as a table can be had as JSON."""
    (choices,) = [action.choices for action in _parser("learnfold", command)._actions if action.dest == "command"]
    assert choices is not None
    (parser,) = choices.values()  # type: ignore[union-attr]
    for action in parser._actions:
        assert action.help, f"{command} {action.option_strings or action.dest}"
        assert not action.help.endswith("."), f"{command} {action.option_strings or action.dest}"
    module = importlib.util.find_spec(f"learnfold.cli.{command}")
    assert module is not None and module.origin is not None
    if re.search(
        r"^\s*from learnfold\.cli\.table import .*\btable\b", Path(module.origin).read_text("utf-8"), re.MULTILINE
    ):
        assert any("--json" in action.option_strings for action in parser._actions), command


def test_the_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with a line; without arguments help is what one gets."""
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for command, meaning in COMMANDS.items():
        assert re.search(rf"^    {command} +{re.escape(meaning[:20])}", shown, re.MULTILINE), command
    assert parses(shown.rstrip().rpartition("example: ")[2]).command == "generate"
    assert main([]) == 0
    assert capsys.readouterr().out == shown


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """By --version."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"learnfold {__version__}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rum"], "invalid choice: 'rum'"),
        (["run"], "arguments are required: IN, OUT"),
        (["views", "video_popularty"], "did you mean video_popularity"),
        (["views", "--job", "vidoe"], "the jobs are auth, assessment, video, course, profile_notification"),
        (["schema", "vidoe_topic"], "the topics are auth_topic"),
        (["run", "in", "out", "--job", "vidoe"], "there is no job 'vidoe'"),
    ],
)
def test_a_wrong_word_is_refused_saying_what_would_be_right(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, on stderr."""
    monkeypatch.chdir(tmp_path)
    try:
        code = main(words)
    except SystemExit as error:
        code = int(error.code or 0)
    shown = capsys.readouterr()
    assert (code, shown.out) == (2, "")
    assert told in shown.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("mend it"), 2), (DataError("mend it"), 1), (BusyError("mend it"), 1), (KeyboardInterrupt(), 130)],
)
def test_a_failure_is_one_message_and_an_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whose turn it is, by class; and nothing on stdout."""

    def fail() -> int:
        raise error

    assert main_of("learnfold", fail) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == ("learnfold: interrupted; nothing was published\n" if code == 130 else "learnfold: mend it\n")


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("pyspark", "pip install '.[spark]' (in the clone; of a wheel"),
        ("confluent_kafka", "pip install '.[kafka]' (in the clone; of a wheel"),
        ("cronsim", "pip install '.[schedule]' (in the clone; of a wheel"),
        ("duckdb", "pip install . (in the clone; of a wheel"),
    ],
)
def test_a_missing_package_is_named_with_how_to_get_it(
    module: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra that brings it."""

    def fail() -> int:
        raise ModuleNotFoundError(name=module)

    assert main_of("learnfold", fail) == 1
    assert f"the Python package {module} isn't installed; {told}" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["nanoarrow", "confluent_kafka", "prometheus_client"])
def test_a_package_of_several_extras_is_told_with_the_commands_own(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who follows files is not sent to the extra for Kafka, which wouldn't suffice."""

    def fail(*_: object) -> int:
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr("learnfold.cli.speed.run", fail)
    assert main(["speed", "out", "--follow", "master"]) == 1
    assert f"the Python package {module} isn't installed; pip install '.[speed]'" in capsys.readouterr().err


def test_every_package_of_an_extra_is_told_with_an_extra_that_has_it() -> None:
    """Whichever of its modules is missing; the ones that only another of them imports are theirs to miss."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    having: dict[str, set[str]] = {}
    for extra, needs in extras.items():
        for need in needs:
            having.setdefault(re.split(r"[\[=<>]", need)[0].lower(), set()).add(extra)
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", source, re.MULTILINE))
    modules = {
        module: having[names[0].lower()]
        for module, names in packages_distributions().items()
        if module in imported and names[0].lower() in having
    }
    assert len(modules) > 8
    wrong = {
        module: _install(module)
        for module, those in modules.items()
        if not any(f"[{e}]" in _install(module) for e in those)
    }
    assert wrong == {}


def test_a_mistake_of_ours_is_not_hidden() -> None:
    """A missing module of learnfold itself is a bug: it shows."""

    def fail() -> int:
        raise ModuleNotFoundError(name="learnfold.nowhere")

    with pytest.raises(ModuleNotFoundError):
        main_of("learnfold", fail)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_shows_is_one(page: Path) -> None:
    """With flags and arguments that it has."""
    for line in commands_in(page):
        try:
            parses(line)
        except (SystemExit, argparse.ArgumentError) as error:
            pytest.fail(f"{line}: {error}")


def test_the_pages_show_commands() -> None:
    """So that the test above isn't empty."""
    assert len(commands_in(ROOT / "README.md")) >= 9
    assert len({line for page in PAGES for line in commands_in(page)}) >= 20
