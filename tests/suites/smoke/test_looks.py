"""Each look at a page finds what is wrong with it, and nothing on a page that is in order."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.model import Finding
from suites.smoke import accessible, keyboard, narrow, structure
from suites.smoke.opened import Opened
from suites.smoke.pictures import picture

HEAD = "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>Shop</title>"
STRICT = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; require-trusted-types-for 'script'\">"
GOOD = f"{HEAD}<main><h1>Shop</h1><a href=/>Start</a> <button>Buy</button></main>"
STYLE = "<style>:focus { outline: none }"


@pytest.mark.parametrize(
    ("content", "lacks"),
    [
        (GOOD, []),
        (GOOD.replace("<h1>Shop</h1>", "<h1> </h1>"), ["heading"]),
        (GOOD.replace("<title>Shop</title>", ""), ["title"]),
        (GOOD.replace(" lang=en", ""), ["language"]),
        (GOOD.replace("lang=en", "lang=english"), ["language"]),
        (GOOD.replace("lang=en", "lang=zh-Hant-TW"), []),
        (GOOD.replace("<main>", "<main hidden>").replace("<h1>", "</main><h1>"), ["main"]),
        (GOOD.replace("<main>", "<div role=main>"), []),
    ],
)
def test_structure(page: Page, content: str, lacks: list[str]) -> None:
    """A title, a language, a main heading and a main landmark are missed, each by its name."""
    page.set_content(content)

    assert lacks == [name for name, _ in structure.lacking(page)]


def test_axe_runs_where_no_script_may(page: Page) -> None:
    """Serious violations are found, with element, help and address, under a policy that allows no script at all."""
    page.set_content(f"{HEAD}{STRICT}<main><h1>Shop</h1><input class=wanted><img src=x></main>")
    found = dict(accessible.violations(page))

    assert {"label", "image-alt"} == set(found)
    assert found["label"].startswith("input: Form elements must have labels (critical; https://")


def test_axe_finds_nothing_on_a_good_page(page: Page) -> None:
    """A page without violations, and one with a moderate violation only (two `main`), has no finding."""
    page.set_content(f"{GOOD}<main>More</main>")

    assert [] == list(accessible.violations(page))


def test_many_elements_are_counted(page: Page) -> None:
    """Of many elements that break a rule, three are named and the others counted."""
    page.set_content(GOOD + "<input>" * 5)

    assert " and 2 more: " in dict(accessible.violations(page))["label"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("<p>Short</p>", []),
        ("<div style='overflow-x: auto'><p style='width: 900px'>Boxed</p></div>", []),
        ("<div style='position: absolute; left: -900px; width: 500px'>Away</div>", []),
        (
            "<div><p id=long class='big red' style='width: 900px; margin: 0'>Long</p></div>",
            ["is 900 px wide on a screen of 400 px: p#long.big.red"],
        ),
    ],
)
def test_narrow(chromium: Browser, body: str, what: list[str]) -> None:
    """What sticks out of a phone is named, but neither what scrolls in a box of its own nor what is put away."""
    with chromium.new_context(**narrow.PHONE) as context:
        page = context.new_page()
        page.set_content(f"{HEAD}<body style='margin: 0'>{body}")

        assert what == [told for _, told in narrow.overflow(page)]


def test_a_page_for_desks_only(chromium: Browser) -> None:
    """A page that does not say that it fits the screen is laid out as for a desk, and that is named."""
    with chromium.new_context(**narrow.PHONE) as context:
        page = context.new_page()
        page.set_content("<!doctype html><p>Short</p>")

        assert ["is 980 px wide on a screen of 400 px: it has no <meta name=viewport>"] == [
            told for _, told in narrow.overflow(page)
        ]


@pytest.mark.parametrize(
    ("body", "barriers"),
    [
        pytest.param("", {}, id="nothing to reach"),
        pytest.param("<a href=/>In</a><button>Buy</button><button disabled>Sold</button>", {}, id="all reached"),
        pytest.param(
            "<input autofocus><a href=/>In</a><input type=date><select><option>1</select>", {}, id="begins late"
        ),
        pytest.param("<p><a href=/>1</a><a href=/in>2</a><input autofocus>", {}, id="begins at the end"),
        pytest.param("<a href=/in>In</a><a href=/in tabindex=-1>Picture</a>", {}, id="another way to the same"),
        pytest.param("<div role=tablist><button>1</button><button tabindex=-1>2</button></div>", {}, id="arrows"),
        pytest.param("<input type=radio name=a><input type=radio name=a checked>", {}, id="a choice"),
        pytest.param("<p hidden><a href=/>1</a></p><p inert><a href=/>2</a></p>", {}, id="not there"),
        pytest.param("<iframe srcdoc='<a href=/>1</a><a href=/>2</a>'></iframe><a href=/>3</a>", {}, id="a frame"),
        pytest.param(
            "<my-shop><template shadowrootmode=open><a href=/1>1</a></template></my-shop><a href=/2>2</a>",
            {},
            id="inside an element of its own",
        ),
        pytest.param(
            "<p><button>Ok</button><button id=buy tabindex=-1>Buy</button>",
            {"reach p > button#buy": "'Buy' is not reached by Tab"},
            id="passed by",
        ),
        pytest.param(
            "<p><div role=button>Buy</div>", {"reach div": "'Buy' is not reached by Tab"}, id="a button that is none"
        ),
        pytest.param(
            "<a href=/>In</a><textarea onkeydown='if (event.key == `Tab`) event.preventDefault()' name=note></textarea>"
            "<button>Send</button>",
            {"trap textarea": "Tab does not leave 'note': 1 elements are not reached"},
            id="caught in one",
        ),
        pytest.param(
            "<a href=/>In</a><p><button>1</button><button onkeydown='if (event.key == `Tab`) "
            "{ event.preventDefault(); previousSibling.focus() }'>2</button></p><button>Send</button>",
            {"trap p > button": "Tab does not leave '1': 1 elements are not reached"},
            id="caught between two",
        ),
        pytest.param(
            f"{STYLE}</style><p><button>Buy</button><input>",
            {"focus p > button": "nothing shows that 'Buy' has the focus"},
            id="shows nothing",
        ),
        pytest.param(
            "<style>button { outline: 2px solid red !important }</style><button>Buy</button>",
            {"focus button": "nothing shows that 'Buy' has the focus"},
            id="shows always the same",
        ),
        pytest.param(
            f"{STYLE} button:focus {{ box-shadow: 0 0 0 3px red }}</style><button>Buy</button>", {}, id="shadow"
        ),
        pytest.param(
            f"{STYLE} a {{ position: absolute; left: -999px; transition: left 1s }} a:focus {{ left: 0 }}</style>"
            "<a href=/>Skip</a><input>",
            {},
            id="comes when focused",
        ),
        pytest.param(
            f"{STYLE} a {{ position: absolute; left: -999px }}</style><a href=/>Skip</a>",
            {"focus a": "nothing shows that 'Skip' has the focus"},
            id="stays away",
        ),
    ],
)
def test_keyboard(page: Page, body: str, barriers: dict[str, str]) -> None:
    """What keeps a keyboard's user out is found at its place, and what serves as well is no barrier."""
    page.set_content(f"{HEAD}<body>{body}")

    assert barriers == dict(keyboard.barriers(page))


def test_a_page_without_an_end_is_no_pass(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the focus was not all around in the stops that are allowed, we cannot tell."""
    monkeypatch.setattr(keyboard, "MOST_STOPS", 5)
    page.set_content(HEAD + "".join(f"<a href=/{number}>{number}</a>" for number in range(10)))

    with pytest.raises(CannotTell, match="the focus was not around the page after 5 stops"):
        list(keyboard.barriers(page))


def test_a_page_that_did_not_open_is_no_pass() -> None:
    """Alone it cannot be told; beside findings it keeps them from being accepted as all there is."""
    opened = Opened({}, {"/gone": "answers 404, not 200"}, [])
    findings = Findings()

    with pytest.raises(CannotTell, match="/gone answers 404, not 200"):
        opened.settle(findings)
    findings.add("/ title", "has no title")
    with pytest.raises(AssertionError, match="/ title: has no title\n/gone answers 404, not 200"):
        opened.settle(findings)
    assert [Finding(place="/ title", what="has no title")] == list(findings.found.values())


def test_secrets_are_covered_on_pictures(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two pages that differ in a secret only, shown or typed, give one picture."""
    monkeypatch.setenv("RELEASE_SECRETS", "KEY")
    pictures = []
    for value in ("hunter2", "letmein"):
        monkeypatch.setenv("KEY", value)
        page.set_content(f"{HEAD}<p style='width: 9em'>{value}<p><input value={value}>")
        pictures.append(picture(page, typed=True))
    page.set_content(f"{HEAD}<p style='width: 9em'>another<p><input value=text>")

    assert pictures[0] == pictures[1] != page.screenshot()
    assert pictures[0]
