"""The pages, in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

import photos
from services import Service
from tamperscope.io.render import upright
from tamperscope.serving.pages import _TURNS

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if _CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A page that may not fail in silence, nor ask anybody else for anything."""
    context = browser.new_context(base_url=service.url)
    found = context.new_page()
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    found.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((service.url, "blob:", "data:")) else wrong.append(asked.url)
        ),
    )
    yield found
    context.close()
    assert not [one for one in wrong if "status of 4" not in one], wrong


@pytest.fixture(scope="module")
def forged(service: Service) -> str:
    (taken,) = service.send(("forged.jpg", photos.spliced()[0]), detectors="adjpeg,ela")
    assert service.ended(taken["id"])["verdict"] == "manipulated"
    return f"/analyses/{taken['id']}"


def opacity(page: Page, name: str) -> float:
    return float(page.locator(f"[data-layer={name}]").evaluate("one => getComputedStyle(one).opacity"))


def test_a_photo_is_dropped_watched_and_seen(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    page.get_by_text("Detectors and options").click()
    page.get_by_role("checkbox", name=re.compile("^auto")).uncheck()
    page.get_by_role("checkbox", name=re.compile("^adjpeg")).check()
    (tmp_path / "forged.jpg").write_bytes(photos.spliced()[0])
    page.set_input_files("#files", tmp_path / "forged.jpg")
    page.get_by_role("button", name="Analyse").click()
    page.wait_for_url("**/analyses/*")
    expect(page.locator(".verdict.manipulated")).to_be_visible(timeout=60_000)
    picture = page.get_by_alt_text("the photo, turned upright")
    assert picture.evaluate("one => one.complete && one.naturalWidth") > 100
    expect(page.locator("[data-layer=adjpeg]")).to_be_visible()
    page.get_by_role("link", name="Tamperscope").click()
    expect(page.get_by_role("link", name="forged.jpg").first).to_be_visible()


def test_a_file_dropped_anywhere_on_the_page_is_sent(page: Page) -> None:
    page.goto("/")
    page.evaluate(
        """() => {
            const given = new DataTransfer();
            given.items.add(new File(["no picture"], "dropped.txt"));
            const how = { dataTransfer: given, bubbles: true, cancelable: true };
            document.dispatchEvent(new DragEvent("drop", how));
        }"""
    )
    page.wait_for_url("**/analyses/*")
    expect(page.locator(".verdict.failed")).to_contain_text("not a picture", timeout=60_000)


def test_what_is_refused_is_said_on_the_page(page: Page, tmp_path: Path) -> None:
    (tmp_path / "big.jpg").write_bytes(bytes(2**20 + 10))
    page.goto("/")
    page.set_input_files("#files", tmp_path / "big.jpg")
    page.get_by_role("button", name="Analyse").click()
    expect(page.get_by_role("alert")).to_contain_text("more than 1,048,576 bytes")
    expect(page.get_by_role("button", name="Analyse")).to_be_enabled()


def test_the_slider_the_maps_and_the_regions(page: Page, forged: str) -> None:
    page.goto(forged)
    assert opacity(page, "adjpeg") == pytest.approx(0.8)
    slider = page.get_by_label("opacity of the heat")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert opacity(page, "adjpeg") == pytest.approx(0.77)
    expect(page.locator("[data-opacity-said]")).to_have_text("77%")
    page.get_by_label("ela", exact=True).check()
    expect(page.locator("[data-layer=adjpeg]")).to_be_hidden()
    expect(page.locator("[data-layer=ela]")).to_be_visible()
    page.get_by_label("photo alone").check()
    expect(page.locator("[data-layer=ela]")).to_be_hidden()
    page.get_by_label("adjpeg", exact=True).check()
    region = page.locator("[data-regions=adjpeg] rect").first
    region.hover()
    expect(page.locator("[data-region-said]")).to_contain_text("Region 1")
    page.mouse.move(0, 0)
    expect(page.locator("[data-region-said]")).to_contain_text("Point at a region")
    region.focus()
    expect(page.locator("[data-region-said]")).to_contain_text("peak")
    page.get_by_label("regions").uncheck()
    expect(region).to_be_hidden()


def test_zoom_by_buttons_and_keys(page: Page, forged: str) -> None:
    page.goto(forged)
    height = "one => one.getBoundingClientRect().height"
    canvas = page.locator("[data-canvas]")
    fit = canvas.evaluate(height)
    page.get_by_role("button", name="larger").click()
    assert canvas.evaluate(height) == pytest.approx(1.5 * fit, rel=0.05)
    page.locator("[data-stage]").focus()
    page.keyboard.press("+")
    expect(page.locator("[data-zoom-said]")).to_have_text("225%")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("0")
    expect(page.locator("[data-zoom-said]")).to_have_text("100%")
    assert canvas.evaluate(height) == fit


@pytest.fixture(scope="module")
def upright_photo(service: Service) -> str:
    (taken,) = service.send(("tall.jpg", photos.encode(photos.scene()[:380, :240], "JPEG")))
    service.ended(taken["id"])
    return f"/analyses/{taken['id']}"


@pytest.mark.parametrize("script", [True, False])
def test_all_of_an_upright_photo_is_shown(
    browser: Browser, service: Service, upright_photo: str, script: bool
) -> None:
    size = ViewportSize(width=1366, height=768)
    context = browser.new_context(base_url=service.url, viewport=size, java_script_enabled=script)
    page = context.new_page()
    page.goto(upright_photo)
    stage, photo = page.locator("[data-stage]"), page.get_by_alt_text("the photo, turned upright")
    assert stage.evaluate("one => one.scrollHeight - one.clientHeight") == 0
    assert stage.evaluate("one => one.scrollWidth - one.clientWidth") == 0
    assert stage.evaluate("one => one.clientHeight") < 768
    for picture in (photo, page.locator("[data-layer]").first):
        assert picture.evaluate("one => getComputedStyle(one).objectFit") == "contain"
    context.close()


def test_an_upright_photo_is_enlarged_about_its_middle(page: Page, upright_photo: str) -> None:
    page.set_viewport_size(ViewportSize(width=1366, height=768))
    page.goto(upright_photo)
    stage = page.locator("[data-stage]")
    for _ in range(4):
        page.get_by_role("button", name="larger").click()
    expect(page.locator("[data-zoom-said]")).to_have_text("506%")
    for length, start in (("Width", "Left"), ("Height", "Top")):
        shown, whole, at = stage.evaluate(
            f"one => [one.client{length}, one.scroll{length}, one.scroll{start}]"
        )
        assert whole > 1.5 * shown
        assert at + shown / 2 == pytest.approx(whole / 2, abs=3)
    # Nothing but the photo is to be scrolled over.
    box = page.locator("[data-canvas]").bounding_box()
    assert box
    assert box["width"] / box["height"] == pytest.approx(240 / 380, rel=0.01)


def test_the_report_is_downloaded(page: Page, forged: str, tmp_path: Path) -> None:
    page.goto(forged)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Report (PDF)").click()
    assert coming.value.suggested_filename.endswith(".pdf")
    assert coming.value.path().read_bytes().startswith(b"%PDF")


def test_the_map_that_led_to_the_verdict_is_shown_first(page: Page, service: Service) -> None:
    (taken,) = service.send(("forged.jpg", photos.spliced()[0]), detectors="ela,adjpeg")
    assert service.ended(taken["id"])["verdict"] == "manipulated"
    page.goto(f"/analyses/{taken['id']}")
    expect(page.get_by_role("radio", name="adjpeg")).to_be_checked()
    expect(page.locator("[data-layer=ela]")).to_be_hidden()
    expect(page.locator("[data-layer=adjpeg]")).to_be_visible()
    expect(page.locator(".verdict")).to_contain_text("So says adjpeg")


def test_a_long_name_leaves_the_others_verdicts_in_sight(page: Page, service: Service) -> None:
    name = 110 * "zq" + ".jpg"
    (taken,) = service.send((name, photos.encode(photos.crop(32, 32), "JPEG")))
    service.ended(taken["id"])
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/?text=zqzq")
        box = page.locator(".history .badge").bounding_box()
        assert box
        assert box["x"] + box["width"] <= width
    service.client.delete(f"/v1/analyses/{taken['id']}")


def test_what_waits_is_followed_while_a_keyboard_is_on_it(page: Page, service: Service) -> None:
    """The list is made anew under it, and the link that it was on keeps it."""
    slow = photos.encode(photos.scene("coffee").repeat(3, 0).repeat(3, 1), "JPEG")
    sent = service.send(("first.jpg", slow), ("last.jpg", slow))
    page.goto("/")
    page.get_by_role("link", name="last.jpg").focus()
    for one in sent:
        service.ended(one["id"])
    expect(page.locator("[data-busy]")).to_have_count(0, timeout=10_000)
    expect(page.get_by_role("link", name="last.jpg")).to_be_focused()
    expect(page.locator("[data-status]")).to_have_text("0 of these photographs are not analysed yet")


def test_who_waits_for_what_was_deleted_is_told(page: Page, service: Service) -> None:
    slow = photos.encode(photos.scene("coffee").repeat(4, 0).repeat(4, 1), "JPEG")
    (taken,) = service.send(("gone.jpg", slow))
    page.goto(f"/analyses/{taken['id']}")
    expect(page.locator("[data-busy]")).to_have_count(1)
    service.client.delete(f"/v1/analyses/{taken['id']}")
    expect(page.get_by_text("it may have been deleted")).to_be_visible(timeout=10_000)


def test_history_is_searched_and_an_analysis_deleted(page: Page, service: Service) -> None:
    (taken,) = service.send(("to be found.jpg", photos.encode(photos.crop(32, 32), "JPEG")))
    service.ended(taken["id"])
    page.goto("/")
    page.get_by_label("Name").fill("TO BE")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".history tbody tr")).to_have_count(1)
    page.get_by_role("link", name="to be found.jpg").click()
    expect(page.get_by_role("button", name="Delete for good")).to_be_hidden()  # one step is no question
    page.get_by_text("Delete this analysis and the photo").click()
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url(service.url + "/")
    expect(page.get_by_role("link", name="to be found.jpg")).to_have_count(0)


@pytest.mark.parametrize("path", ["/nothing", "/analyses/xyz", "/analyses/" + 32 * "0"])
def test_what_is_not_there_gets_a_page(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer
    assert answer.status == 404
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="Back to the analyses").click()
    expect(page.get_by_role("heading", name="Where was")).to_be_visible()


def test_a_phone_shows_everything_without_scrolling_sideways(
    browser: Browser, service: Service, forged: str
) -> None:
    context = browser.new_context(
        base_url=service.url, viewport=ViewportSize(width=360, height=740), is_mobile=True, has_touch=True
    )
    page = context.new_page()
    for path in ("/", forged):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_without_script_a_photo_is_sent_and_seen(browser: Browser, service: Service, tmp_path: Path) -> None:
    context = browser.new_context(base_url=service.url, java_script_enabled=False)
    page = context.new_page()
    (tmp_path / "plain.png").write_bytes(photos.encode(photos.crop(64, 96)))
    page.goto("/")
    page.set_input_files("#files", tmp_path / "plain.png")
    page.get_by_role("button", name="Analyse").click()
    page.wait_for_selector(".verdict", timeout=60_000)
    assert "/analyses/" in page.url
    context.close()


def test_a_hostile_name_is_text(page: Page, service: Service) -> None:
    name = '"><img src=x onerror=alert(1)>{{7*7}}.jpg'
    answer = httpx.post(
        service.url + "/v1/analyses",
        files={"files": (name.replace('"', "%22"), photos.encode(photos.crop(32, 32), "JPEG"))},
        data={"detectors": "ela"},
    )
    (taken,) = answer.json()
    service.ended(taken["id"])
    page.goto(f"/analyses/{taken['id']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("onerror=alert(1)>{{7*7}}.jpg")


@pytest.mark.parametrize("orientation", range(2, 9))
def test_regions_are_turned_as_the_photo_is(orientation: int) -> None:
    import numpy as np

    stored = np.zeros((5, 9), np.uint8)
    stored[1, 7] = 255
    shown = np.argwhere(upright(stored, orientation))[0]
    texts = _TURNS[orientation].format(w=9, h=5).split()
    a, b, c, d, e, f = map(float, texts)
    x, y = 7.5, 1.5  # its middle
    assert (a * x + c * y + e, b * x + d * y + f) == (shown[1] + 0.5, shown[0] + 0.5)
