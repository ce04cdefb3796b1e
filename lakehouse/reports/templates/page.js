// The page is complete without scripts. This one narrows tiles, tables and charts to what the reader chooses.

// What the reader has chosen.

const form = document.getElementById("filters");
const selects = ["from", "to", "member"].map((name) => document.getElementById("filter-" + name));
const state = { first: null, last: null, member: ALL, from: 0, to: 0 };
const isFiltered = () => state.first !== null || state.member !== ALL;

// changed: the choice that was made last; of two that cross, the other one follows it.
function readChoice(changed) {
  const [from, to, member] = selects;
  const periods = PAGE.filters.periods;
  if (Number(from.value) > Number(to.value)) {
    const [leader, follower] = changed === to ? [to, from] : [from, to];
    follower.value = leader.value;
  }
  state.from = Number(from.value);
  state.to = Number(to.value);
  const isWhole = state.from === 0 && state.to === periods.length - 1;
  state.first = isWhole ? null : periods[state.from][0];
  state.last = isWhole ? null : periods[state.to][1];
  state.member = member ? member.value : ALL;
}

// The spans that tiles compare: what is chosen, and as many periods before it where the page holds them.
function spans() {
  const { periods, default: usual } = PAGE.filters;
  const from = state.first === null ? periods.findIndex((each) => each[0] === usual[0]) : state.from;
  const to = state.first === null ? periods.length - 1 : state.to;
  const start = from - (to - from + 1);
  const span = (low, high) => ({ first: periods[low][0], last: periods[high][1], member: state.member });
  return [span(from, to), from >= 0 && start >= 0 ? span(start, from - 1) : null];
}

function say() {
  const { periods, dimension, everything } = PAGE.filters;
  const [now] = spans();
  const whole = dayText(periods[state.from][0]) + " to " + dayText(periods[state.to][1]);
  const who = state.member === ALL ? everything : "\u2068" + state.member + "\u2069";
  const tiles = PAGE.tiles.length && state.first === null
    ? " Key figures: " + dayText(now.first) + " to " + dayText(now.last) + "." : "";
  const sentences = isFiltered() ? " Sentences still tell of everything." : "";
  document.getElementById("filter-state").textContent =
    "Shown: " + whole + (dimension && who ? ", " + who : "") + "." + tiles + sentences;
  document.body.classList.toggle("filtered", isFiltered());
}

function scope(name) {
  const dataset = PAGE.datasets[name];
  const missed = [];
  if (state.first !== null && !dataset.day) missed.push("date");
  if (state.member !== ALL && !dataset.dimension) missed.push(PAGE.filters.dimension.toLowerCase());
  return missed.length ? "Not narrowed by " + missed.join(" or ") + "." : "";
}

// Tiles and tables.

function showTiles() {
  const [now, before] = spans();
  const elements = document.querySelectorAll(".tile.measured");
  PAGE.tiles.forEach((measure, place) => {
    const put = (part, text) => { elements[place].querySelector(part).textContent = text; };
    const value = valueOf(measure, now);
    const missed = state.member !== ALL && !PAGE.datasets[measure.dataset].dimension;
    put(".value", shown(value, measure.form));
    const earlier = before === null ? null : valueOf(measure, before);
    const [direction, words] = before === null ? ["unknown", ""] : change(value, earlier, measure.form.kind === "percent");
    const verdict = measure.good && (direction === "up" || direction === "down")
      ? (direction === measure.good ? "better" : "worse") : "";
    const arrow = { up: "▲ ", down: "▼ ", level: "■ ", unknown: "" }[direction];
    put(".change", arrow + words + (verdict ? " · " + verdict : ""));
    elements[place].querySelector(".change").className = "change " + verdict;
    put(".basis", (before === null ? "" : "before: " + shown(earlier, measure.form)) +
      (missed ? " (" + PAGE.filters.everything.toLowerCase() + ")" : ""));
  });
}

function csvCell(value, kind) {
  if (value === null) return "";
  let text = typeof value === "string" ? value : digits(value, value.s).replaceAll(",", "");
  if (kind === "instant") text = text.slice(0, 19);
  if (kind === "text" && /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function showTable(table, filter) {
  const element = document.getElementById(table.id);
  const all = narrowed(table.source, filter);
  const rows = limited(all, table.source);
  const kinds = table.columns.map((column) => kindOf(table.source.dataset, column.name));
  const body = document.createElement("tbody");
  for (const row of rows) {
    const line = body.insertRow();
    for (const [place, column] of table.columns.entries()) {
      const cell = line.insertCell();
      const text = shown(row[column.name], column.form, kinds[place]);
      if (column.isName) {
        cell.className = "name";
        cell.appendChild(document.createElement("bdi")).textContent = text;
      } else {
        if (["amount", "count", "number", "percent"].includes(column.form.kind)) cell.className = "number";
        cell.textContent = text;
      }
    }
  }
  element.tBodies[0].replaceWith(body);
  const note = element.closest(".scroll").nextElementSibling;
  note.querySelector(".left-out").textContent = all.length === 0 ? "No " + table.noun[1] + "." : all.length > rows.length
    ? "The first " + rows.length + " of " + all.length.toLocaleString("en") + " " + table.noun[1] + "." : "";
  note.querySelector(".scope").textContent = scope(table.source.dataset);
  const lines = [table.columns.map((column) => csvCell(column.label, "text")),
    ...rows.map((row) => table.columns.map((column, place) => csvCell(row[column.name], kinds[place])))];
  const text = "\ufeff" + lines.map((line) => line.join(",") + "\r\n").join("");
  note.nextElementSibling.querySelector("a").href = "data:text/csv;charset=utf-8," + encodeURIComponent(text);
}

function showChoice(changed) {
  readChoice(changed);
  say();
  showTiles();
  for (const table of PAGE.tables) showTable(table, state);
  for (const chart of charts) ask(chart);
}

function makeFilters() {
  const { periods, members, everything } = PAGE.filters;
  const [from, to, member] = selects;
  const option = (select, value, text) => select.add(new Option(text, value));
  periods.forEach(([first, last], place) => {
    option(from, place, dayText(first));
    option(to, place, dayText(last));
  });
  const reset = () => {
    from.value = 0;
    to.value = periods.length - 1;
    if (member) member.value = ALL;
  };
  if (member) {
    option(member, ALL, everything);
    for (const each of members) option(member, each, each);
  }
  reset();
  form.addEventListener("change", (event) => showChoice(event.target));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    reset();
    showChoice();
  });
  readChoice();
  say();
  form.hidden = false;
}

if (form) makeFilters();
