"use strict";
// Sorting: a click on a heading sorts its table, a second one turns it round; cells without a number stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    const numeric = head.classList.contains("n");
    const value = (row) => row.cells[column].dataset.value;
    const compare = (a, b) => (numeric ? Number(a) - Number(b) : a.localeCompare(b));
    const body = table.tBodies[table.tBodies.length - 1];  // reference rows stay above
    const rows = [...body.rows].sort((one, other) => {
      const a = value(one), b = value(other);
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return up ? compare(a, b) : compare(b, a);
    });
    body.append(...rows);
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  }));
}

// Lists: filtered in memory, and no more of them in the page than are looked at. Text is only ever set as text.
const PAGE = 10;
const element = (tag, name, text) => {
  const made = document.createElement(tag);
  made.className = name;
  made.dir = "auto";
  if (text !== undefined) made.textContent = text;
  return made;
};
const json = (id) => JSON.parse(document.getElementById(id).textContent);
const namesOf = (form) => [...form.closest(".examples").querySelector("template").content.children];
// What of the items has the words that are searched goes through `chosen`, which filters and sorts it.
const listing = (form, items, words, chosen, shown, [one, many]) => {
  const section = form.closest(".examples");
  const list = section.querySelector(".items"), more = section.querySelector(".more"), count = section.querySelector(".count");
  items.forEach((item) => { item.all = words(item).join("\n").toLocaleLowerCase(); });
  let found = [], place = 0;
  const show = () => {
    list.append(...found.slice(place, place + PAGE).map(shown));
    place = Math.min(place + PAGE, found.length);
    more.hidden = place >= found.length;
    count.textContent = found.length ? `${place} of ${found.length} ${many} shown` : `No ${one} fits.`;
  };
  const filter = () => {
    const wanted = Object.fromEntries(new FormData(form));
    const search = wanted.search.trim().toLocaleLowerCase();
    found = chosen(items.filter((item) => item.all.includes(search)), wanted);
    place = 0;
    list.replaceChildren();
    show();
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", show);
  filter();
};

// Examples on which objectives disagree.
for (const form of document.querySelectorAll("form[data-examples]")) {
  const names = namesOf(form);
  const words = (item) => [`#${item.n}`, item.label, item.text, item.more, ...item.r.map((of) => of[2])];
  const wins = (item, better, worse) => {
    if (better === "" && worse === "") return true;
    const scores = item.r.map((of) => of[0]);
    if (better === "") return scores.some((score) => score > scores[worse]);
    if (worse === "") return scores.every((score, place) => place === Number(better) || scores[better] > score);
    return scores[better] > scores[worse];
  };
  const predicts = (item, predicted, by) => !predicted ||
    item.r.some((of, place) => (by === "" || place === Number(by)) && of[4].includes(Number(predicted)));
  const chosen = (items, wanted) => items.filter((item) => (!wanted.label || item.label === wanted.label) &&
    predicts(item, wanted.predicted, wanted.by) && wins(item, wanted.better, wanted.worse));
  const shown = (item) => {
    const made = element("li", "");
    const what = element("p", "what", `#${item.n} · ${form.dataset.word} `);
    what.append(element("b", "", item.label));
    made.append(what);
    if (item.text) made.append(element("p", "text", item.text));
    if (item.more) made.append(element("p", "context", item.more));
    const results = element("dl", "");
    const best = Math.max(...item.r.map((of) => of[0]));
    item.r.forEach(([score, good, predicted, chance], place) => {
      const term = element("dt", "");
      term.append(names[place].cloneNode(true));
      const answer = element("dd", score === best ? "best" : "", predicted ? `${good}: ${predicted}` : good);
      if (chance) answer.append(element("span", "chance", ` · probability of the label ${chance}`));
      results.append(term, answer);
    });
    made.append(results);
    return made;
  };
  listing(form, json(form.dataset.examples), words, chosen, shown, ["example", "examples"]);
}

// A cell of a confusion matrix shows its examples.
for (const button of document.querySelectorAll("[data-predicted]")) {
  button.addEventListener("click", () => {
    const form = button.closest(".cell").querySelector("form");
    form.reset();
    for (const name of ["label", "predicted", "by"]) form.elements[name].value = button.dataset[name];
    form.dispatchEvent(new Event("input"));
    form.scrollIntoView();
    form.elements.label.focus({ preventScroll: true });
  });
}

// Text that can be copied.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    button.nextElementSibling.textContent = "Copied.";
  });
}

// Paper has nothing to click on.
for (const box of document.querySelectorAll(".scroll")) { // a shadow at the right edge where a table goes on
  const hint = () => box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
  box.addEventListener("scroll", hint);
  new ResizeObserver(hint).observe(box);
}
addEventListener("beforeprint", () => document.querySelectorAll("details:not(.rest)").forEach((each) => { each.open = true; }));
