"""How the tests look at a page in a browser, and the texts that try to break it."""

from itertools import pairwise

HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
    "]]></script><style>body{display:none}</style>",
    "x" * 400,
    "شكرا جزيلا \u202eoverride",
    "👩‍👩‍👧‍👦 🏳️‍🌈",
    "'\"&amp;{{ 7 * 7 }}",
)


def items_shown(page):
    """First line of every example on the page."""
    return page.locator(".items > li .what").all_text_contents()


def chosen(page, name):
    return page.get_by_role("combobox", name=name, exact=True)


def overflow(page):
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def hard_to_follow(page):
    """What would mislead a screen reader: headings out of order, headers, tables and figures without their words."""
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((head) => Number(head.tagName[1]))")
    figures = page.locator("figure > svg").all()
    rules = {
        "the first heading is the only h1": levels[0] == 1 and levels.count(1) == 1,
        "no level is left out": all(after <= before + 1 for before, after in pairwise(levels)),
        "headers have a scope": page.locator("th:not([scope])").count() == 0,
        "tables have a name": page.locator("table:not(:has(caption), [aria-label])").count() == 0,
        "figures have a text": all(len(figure.get_attribute("aria-label")) > 20 for figure in figures),
    }
    return [rule for rule, kept in rules.items() if not kept]


CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const rgb = (text) => {
    const [r, g, b, a = 1] = text.replace("color(srgb", "").match(/[\\d.]+/g).map(Number);
    return [...[r, g, b].map((v) => text.startsWith("color(") ? 255 * v : v), a];
  };
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const [r, g, b, a] = rgb(getComputedStyle(node).backgroundColor);
    const under = a < 1 ? behind(node.parentElement) : [0, 0, 0];
    return [r, g, b].map((v, place) => a * v + (1 - a) * under[place]);
  };
  let least = 99;
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || ["SCRIPT", "STYLE", "TITLE"].includes(node.tagName)) continue;
    const style = getComputedStyle(node);
    const a = light(rgb(node.closest("svg") ? style.fill : style.color)), b = light(behind(node));
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
}"""
