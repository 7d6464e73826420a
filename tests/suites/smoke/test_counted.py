"""What a browser asks is counted: pages, what they are made of, and what nobody answers."""

from __future__ import annotations

import json

from playwright.sync_api import Browser, Route

from suites.smoke.counted import Counter
from suites.touched import Touched

PAGE = (
    "<!doctype html><link rel=icon href=data:,><img src=/pictures/17?user=eve><img src=//ada:secret@cdn.test/x.png>"
    "<script>fetch('/lines', {method: 'POST', body: 'secret'}).catch(() => 0)</script>"
)


def test_every_request_is_one_in_the_list(chromium: Browser) -> None:
    """By method, path and answer; what goes elsewhere by its host; no query, no fragment and no credential."""

    def answer(route: Route) -> None:
        asked = route.request
        if asked.method == "POST":
            route.abort()
        elif "/pictures/" in asked.url:
            route.fulfill(status=404)
        else:
            route.fulfill(body=PAGE if asked.resource_type == "document" else "", content_type="text/html")

    touched = Touched()
    counter = Counter("http://shop.test", touched)
    counter.browser(chromium)
    try:
        with chromium.new_context() as context:
            context.route("**", answer)
            page = context.new_page()
            for number in (1, 2):
                page.goto(f"http://shop.test/items/{number}?key=secret#secret")
                page.wait_for_load_state("networkidle")
    finally:
        chromium.remove_listener("context", counter.context)

    assert [
        {"method": "GET", "path": "/items/{id}", "count": 2, "answers": {"2xx": 2}},
        {"method": "POST", "path": "/lines", "count": 2, "answers": {"no answer": 2}},
        {"method": "GET", "path": "/pictures/{id}", "count": 2, "answers": {"4xx": 2}},
        {"method": "GET", "path": "http://cdn.test/x.png", "count": 2, "answers": {"no answer": 2}},
    ] == json.loads(touched.written())["touched"]
