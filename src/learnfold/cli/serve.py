"""``learnfold serve``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from learnfold.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from learnfold.catalog import Catalog
    from learnfold.serve.live import Following
    from learnfold.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags."""
    parser.epilog = (
        "example: learnfold serve demo/views --open\n"
        "         learnfold serve token --tokens tokens.json --name grafana --views 'video_*' --days 90"
    )
    parser.add_argument(
        "output", metavar="OUT", help="where the views are; or the word token, to make or take back one"
    )
    parser.add_argument("--open", action="store_true", help="anyone on this machine may see everything; loopback only")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, metavar="P", help="port to listen on; 0: any (default: 8080)")
    parser.add_argument("--tokens", default="", metavar="FILE", help="file of the tokens that may ask")
    parser.add_argument(
        "--access", default="", metavar="FILE", help="file of ways to sign in and rules (docs/serving.md)"
    )
    parser.add_argument(
        "--metrics-port", type=int, metavar="P", help="serve Prometheus metrics on this port (default: none)"
    )
    live = parser.add_argument_group("a moment old (docs/speed.md)")
    live.add_argument(
        "--kafka", metavar="HOST:PORT", help="follow Kafka there, in a process of its own, and answer with what came"
    )
    live.add_argument(
        "--state", metavar="DIR", help="folder of the live state; alone: as a 'learnfold speed --state DIR' keeps it"
    )
    token = parser.add_argument_group("learnfold serve token")
    token.add_argument("--name", metavar="NAME", help="make a token that is called so, and print it once")
    token.add_argument(
        "--views", default="*", metavar="VIEWS", help="views it may ask, with commas; video_* is a pattern"
    )
    token.add_argument("--role", metavar="ROLE", help="a role of the access file (default: all rows of its views)")
    token.add_argument(
        "--claim",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what rules may compare: sub=ann, courses=CS101; again for more",
    )
    token.add_argument("--days", type=float, metavar="N", help="days until it expires (default: never)")
    token.add_argument("--revoke", metavar="NAME", help="take the token of this name back")
    token.add_argument("--list", action="store_true", help="list the tokens")
    token.add_argument("--json", action="store_true", help="list them as JSON")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Serves until it is stopped; or makes, lists or takes back a token."""
    if args.output == "token":
        return _token(args)
    from learnfold import catalog
    from learnfold.dashboard.site import pages
    from learnfold.serve.server import Serving, serve

    serving = Serving(
        args.output,
        open=args.open,
        host=args.host,
        port=args.port,
        tokens=args.tokens,
        access=args.access,
        pages=pages,
    )

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    found = catalog.load()
    serve(serving, found, settings, say, _following(args, found, settings, say))
    return 0


def _following(
    args: argparse.Namespace, catalog: Catalog, settings: Settings, say: Callable[[str], None]
) -> Following | None:
    """What came since the batch; None where nobody asks for it."""
    if args.state is None and args.kafka is None:
        return None
    from learnfold.speed.child import Child
    from learnfold.speed.place import state_folder
    from learnfold.speed.reading import FolderFollowing
    from learnfold.speed.row import layout

    state = args.state or state_folder(args.output)
    child = None
    if args.kafka is not None:
        child = Child(args.output, state, args.kafka, say)
        child.start()
    return FolderFollowing(state, layout(catalog), settings, child)


def _token(args: argparse.Namespace) -> int:
    from learnfold import catalog
    from learnfold.serve.callers import Caller
    from learnfold.serve.tokens import add_token, new_token, revoke

    if not args.tokens:
        raise UsageError("--tokens FILE says where the tokens are kept")
    if sum(map(bool, (args.name, args.revoke, args.list or args.json))) != 1:
        raise UsageError("give one of --name NAME, --revoke NAME and --list")
    path = Path(args.tokens)
    if args.revoke:
        revoke(path, args.revoke)
        return 0
    if not args.name:
        return _listed(path, as_json=args.json)
    views = tuple(part.strip() for part in args.views.split(",") if part.strip())
    for pattern in views:
        if not any(Caller("", views=(pattern,)).confined_to(view) for view in catalog.load().views):
            raise UsageError(f"--views {pattern}: no view is called so; 'learnfold views' lists them")
    if args.days is not None and not 0 < args.days <= 36_500:  # noqa: PLR2004
        raise UsageError(f"--days {args.days:g}: it must be more than 0, and at most 36,500")
    text, token = new_token(args.name, args.days, views=views, role=args.role, claims=_claims(args.claim))
    add_token(path, token)
    print(text)
    print(f"{args.name} is kept in {path} as a digest; this is the only time it is shown", file=sys.stderr)
    return 0


def _claims(words: list[str]) -> dict[str, tuple[str, ...]]:
    claims: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals or not value:
            raise UsageError(f"--claim {word}: it is NAME=VALUE, such as courses=CS101")
        claims[name] = (*claims.get(name, ()), value)
    return claims


def _listed(path: Path, *, as_json: bool) -> int:
    from learnfold.cli.table import table, to_json
    from learnfold.serve.tokens import read_tokens

    now = datetime.now(UTC)
    found = [
        {
            "name": token.name,
            "views": ",".join(token.views),
            "role": token.role or "",
            "created_at": token.created_at,
            "expires_at": token.expires_at or "",
            "expired": token.expired(now),
        }
        for token in read_tokens(path)
    ]
    names = ["name", "views", "role", "created_at", "expires_at", "expired"]
    print(to_json(found) if as_json else table(names, [list(token.values()) for token in found]))
    return 0
