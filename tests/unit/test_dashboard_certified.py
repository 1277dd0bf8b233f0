"""People sign in at a provider that we didn't write, and that is certified: what we ask of it, and read of it, is the standard's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
from dashboards import enter, folded, shown
from small_place import Place

from learnfold.dashboard.signing import BROWSER
from learnfold.serve.code_flow import BACK
from learnfold.serve.sessions import COOKIE
from services.stack.certified import Certified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

pytestmark = pytest.mark.services

CLIENT, SECRET, ADDRESS = "learnfold", "s3cret/+ of ours", "http://localhost:8080"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    """The provider, which knows this server."""
    found = Certified(tmp_path_factory.mktemp("certified"), CLIENT, SECRET, ADDRESS + BACK).start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def client(provider: Certified, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The dashboard of ann's and bob's course."""
    place = Place(tmp_path_factory.mktemp("place"))
    enter(place, "c", ["ann", "bob"])
    folded(place)
    (place.root / "secret.txt").write_text(SECRET)
    access = place.root / "access.toml"
    access.write_text(
        f'[oidc]\nissuer = "{provider.issuer}"\naudience = "api"\nclient_id = "{CLIENT}"\nclient_secret = "secret.txt"\n'
        f'address = "{ADDRESS}"\n[[rules]]\nrole = "student"\nviews = ["*"]\ncolumn = "user_id"\nclaim = "sub"\n'
    )
    with shown(place.out, open=False, access=str(access)) as found:
        yield found


def at_the_provider(address: str, who: str) -> dict[str, str]:
    """What the provider sends a browser back with in which someone says who they are, and agrees."""
    with httpx.Client() as browser:
        found = browser.get(address)
        for _ in range(12):
            if found.is_redirect:
                address = urljoin(address, found.headers["location"])
                if address.startswith(ADDRESS):
                    return dict(parse_qsl(urlsplit(address).query))
                found = browser.get(address)
                continue
            assert found.status_code == 200, found.text
            form, prompt = (
                re.search(which, found.text) for which in ('action="([^"]+)"', 'name="prompt" value="(.+?)"')
            )
            assert form
            assert prompt
            address = urljoin(address, form[1])
            found = browser.post(address, data={"prompt": prompt[1], "login": who, "password": "any"})
    raise AssertionError(f"{address} leads nowhere")


def test_a_student_signs_in_at_a_certified_provider(client: Client) -> None:
    """From a page through its forms back to that page, as who they said they are; a code is good once."""
    for who, other in (("ann", "bob"), ("bob", "ann")):
        left = client.get(f"/sign-in/with?to=/c/c/s/{who}")
        browser = left.headers["set-cookie"].partition(";")[0]
        assert browser.startswith(BROWSER)
        said = at_the_provider(left.headers["location"], who)
        found = client.get(BACK, params=said, headers={"cookie": browser})
        assert (found.status_code, found.headers["location"]) == (303, f"/c/c/s/{who}"), found.text
        cookie = next(one for one in found.headers.get_list("set-cookie") if one.startswith(COOKIE)).partition(";")[0]
        assert client.get(f"/c/c/s/{who}", headers={"cookie": cookie}).status_code == 200
        assert client.get(f"/c/c/s/{other}", headers={"cookie": cookie}).status_code == 404
        assert client.get(BACK, params=said, headers={"cookie": browser}).status_code == 401


def test_a_code_of_another_sign_in_is_refused_by_the_provider(client: Client) -> None:
    """Since the verifier of its challenge is another's: PKCE."""
    stolen = at_the_provider(client.get("/sign-in/with").headers["location"], "ann")
    left = client.get("/sign-in/with")
    own = dict(parse_qsl(urlsplit(left.headers["location"]).query))
    browser = left.headers["set-cookie"].partition(";")[0]
    found = client.get(BACK, params={**stolen, "state": own["state"]}, headers={"cookie": browser})
    assert (found.status_code, COOKIE in str(found.headers.get("set-cookie"))) == (401, False)
