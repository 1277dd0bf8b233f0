"""``learnfold oozie``."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.errors import UsageError
from learnfold.schedule.frequency import FREQUENCIES

if TYPE_CHECKING:
    import argparse

    from learnfold.oozie.deploy import DeployRequest
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold oozie --frequency daily --write batch_layer/oozie"
    parser.add_argument(
        "--write", type=Path, metavar="FOLDER", help="write workflow.xml, coordinator.xml, job.properties"
    )
    parser.add_argument("--frequency", choices=list(FREQUENCIES), default="daily", help="how often (default: daily)")
    deploy = parser.add_argument_group("deploy (batch_layer/deploy_oozie.sh does it)")
    deploy.add_argument("--deploy", type=Path, metavar="BATCH_LAYER", help="check and upload that folder, as it is")
    deploy.add_argument(
        "--zip", type=Path, default=Path("dist/learnfold.zip"), help="learnfold's code (default: %(default)s)"
    )
    deploy.add_argument(
        "-D", dest="defined", action="append", default=[], metavar="NAME=VALUE", help="over job.properties"
    )
    deploy.add_argument("--via", choices=["auto", "hdfs", "webhdfs", "storage"], default="auto", help="how to upload")
    deploy.add_argument("--webhdfs", default="", metavar="URL", help="WebHDFS (default: port 9870 of nameNode's host)")
    deploy.add_argument("--user", default="", help="who one is on the cluster (default: as here)")
    deploy.add_argument(
        "--oozie", default="http://localhost:11000/oozie", metavar="URL", help="Oozie (default: %(default)s)"
    )
    deploy.add_argument("--no-jars", action="store_true", help="without the jars for s3a: the cluster has them")
    deploy.add_argument("--dry-run", action="store_true", help="say what would be uploaded, and upload nothing")
    deploy.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Prints or writes the files, or deploys them."""
    if args.deploy:
        return _deploy(args, settings)
    from learnfold import catalog
    from learnfold.oozie import oozie_files, write_files
    from learnfold.schedule.frequency import frequency

    files = oozie_files(catalog.load(), settings, frequency(args.frequency))
    if args.write is None:
        for name, text in files.items():
            print(f"==> {name} <==\n{text}")
        return 0
    written = write_files(args.write, files)
    print(f"{args.write}: {', '.join(written) or 'nothing'} written anew")
    return 0


def _deploy(args: argparse.Namespace, settings: Settings) -> int:
    from learnfold.cli.table import table, to_json
    from learnfold.oozie.deploy import deploy

    request = _request(args, settings)
    done = deploy(request, settings)
    rows = [
        (name, size, "would be put" if request.dry_run else "put" if name in done.changed else "same")
        for name, size in done.files.items()
    ]
    if args.json:
        files = [dict(zip(("file", "bytes", "state"), row, strict=True)) for row in rows]
        print(to_json({"place": done.place, "by": done.way, "files": files, "submit": done.submit}))
    else:
        print(table(["file", "bytes", "state"], rows))
    print(
        f"\n{done.place} by {done.way}{': nothing was uploaded (--dry-run)' if request.dry_run else ''}",
        file=sys.stderr,
    )
    if not request.jars and not args.no_jars:
        print("without the jars for s3a ('learnfold jars' fetches them): the cluster must have them", file=sys.stderr)
    if not args.json:
        print(f"\n{done.submit}")
    return 0


def _request(args: argparse.Namespace, settings: Settings) -> DeployRequest:
    from learnfold.cache import cache_folder
    from learnfold.engines.jars import find_jars
    from learnfold.oozie.deploy import DeployRequest

    for word in args.defined:
        if "=" not in word:
            raise UsageError(f"-D {word} has no value; it is -D name=value")
    jars = None if args.no_jars else find_jars(settings.spark_jars, cache_folder(os.environ))
    return DeployRequest(
        args.deploy,
        args.zip,
        tuple(sorted(jars.glob("*.jar"))) if jars else (),
        dict(word.split("=", 1) for word in args.defined),
        args.user or getpass.getuser(),
        args.via,
        args.webhdfs,
        args.oozie,
        args.dry_run,
    )
