"""``learnfold digest``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = "example: learnfold digest demo/views --course CS101 --print"
    parser.add_argument("output", metavar="OUT", help="where the views are")
    parser.add_argument("--course", required=True, metavar="ID", help="the course")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", default="", metavar="ADDRESSES", help="mail it there, through the server of smtp_url")
    where.add_argument("--print", action="store_true", dest="printed", help="print it instead")
    parser.add_argument("--week", default="", metavar="DAY", help="the week of that day (default: the last)")
    parser.add_argument("--language", default="en", choices=["en", "vi"], help="en or vi (default: en)")
    parser.add_argument("--address", default="", metavar="URL", help="the dashboard's address, for the mail's links")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Mails a course's week, or prints the mail."""
    from learnfold import catalog
    from learnfold.batch.context import Workspace
    from learnfold.dashboard.digest import Wanted, digest
    from learnfold.storage import open_storage
    from learnfold.telemetry.mail import addresses, send_mail

    to = addresses(args.to) if args.to else []
    workspace = Workspace(open_storage(args.output, settings), catalog.load(), settings)
    made = digest(workspace, Wanted(args.course, args.week, args.language, args.address))
    if args.printed:
        print(made.text, end="")
    else:
        send_mail(to, made.subject, made.text, settings)
    return 0
