// Charts are drawn anew where they come into view, and wherever the choice has changed what they show. Reads the choice
// (`state`) and PAGE.charts; the static pictures stay until then.

const PHONE = window.matchMedia("(max-width: 520px)");

const charts = PAGE.charts.map((chart) => ({ ...chart, figure: document.getElementById(chart.id), highlight: "" }));
let queue = Promise.resolve();

function library() {
  if (!window.vegaEmbed) {
    const script = document.createElement("script");
    script.textContent = document.getElementById("page-library").textContent;
    document.head.appendChild(script);
  }
  return window.vegaEmbed;
}

function values(dataset, rows) {
  const plain = (value, kind) => {
    if (value === null || kind === "text") return value;
    if (kind === "number") return float(value);
    return Date.parse(kind === "instant" ? value + "Z" : value);
  };
  return rows.map((row) => Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, plain(value, kindOf(dataset, name))])));
}

async function draw(chart) {
  chart.drawnAs = signature(); // before anything is awaited: a choice made meanwhile asks for another drawing
  const place = chart.figure.querySelector(".drawing");
  const rows = limited(narrowed(chart.source, state), chart.source).slice(0, chart.drawn ?? undefined);
  const nothing = chart.figure.querySelector(".nothing");
  nothing.hidden = rows.length > 0;
  nothing.textContent = isFiltered() ? "Nothing to show for this choice." : "Nothing to show.";
  place.hidden = rows.length === 0;
  chart.figure.querySelector("figcaption .scope").textContent = scope(chart.source.dataset);
  if (!rows.length) return;
  const target = document.createElement("div");
  target.className = "live";
  target.setAttribute("role", "img");
  target.setAttribute("aria-label", chart.title + (isFiltered() ? ", narrowed: its figures stand in the table below" : ""));
  const spec = {
    ...chart.form,
    width: place.clientWidth,
    height: chart.rowHeight ? chart.rowHeight * rows.length + PAGE.axisRoom : PAGE.heights[PHONE.matches ? 1 : 0],
    config: PAGE.config,
    datasets: { rows: values(chart.source.dataset, rows) },
  };
  const earlier = place.querySelector(".live");
  place.appendChild(target);
  const result = await library()(target, spec, {
    mode: "vega-lite", actions: false, ast: true, defaultStyle: false, renderer: "svg", tooltip: { disableDefaultStyle: true },
    logLevel: 1, // errors: an empty layer of points warns of its empty extent
  }).catch((error) => {
    target.remove();
    if (isFiltered()) { // what stands there shows another choice
      place.hidden = true;
      nothing.hidden = false;
      nothing.textContent = "This chart can't be drawn for this choice; the table below holds its figures.";
    }
    throw error;
  });
  if (chart.result) chart.result.finalize();
  if (earlier) earlier.remove();
  for (const each of place.querySelectorAll(".drawn")) each.hidden = true;
  chart.result = result;
  highlight(chart, chart.highlight);
}

const signature = () => [state.first, state.last, state.member, PHONE.matches, window.innerWidth].join("|");

function ask(chart) {
  const place = chart.figure.querySelector(".drawing");
  const isDrawn = () => chart.drawnAs === signature();
  if (!isDrawn()) place.setAttribute("aria-busy", "true");
  // A chart that can't be drawn is told of and doesn't keep the others from being drawn.
  queue = queue.then(() => (isDrawn() ? null : draw(chart))).catch(reportError)
    .then(() => isDrawn() && place.removeAttribute("aria-busy"));
}

function highlight(chart, value) {
  chart.highlight = value;
  for (const button of chart.figure.querySelectorAll(".keys button")) {
    button.setAttribute("aria-pressed", String(button.parentElement.dataset.value === value));
  }
  if (chart.result && chart.figure.querySelector(".keys")) chart.result.view.signal("highlight", value).runAsync();
}

function makeKeysAnswer(chart) {
  for (const entry of chart.figure.querySelectorAll(".keys li")) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(...entry.childNodes);
    entry.appendChild(button);
    button.addEventListener("click", () => {
      const value = chart.highlight === entry.dataset.value ? "" : entry.dataset.value;
      ask(chart);
      queue = queue.then(() => highlight(chart, value));
    });
  }
}

charts.forEach(makeKeysAnswer);
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) ask(charts.find((chart) => chart.figure === entry.target));
  }
}, { rootMargin: "150px" });
for (const chart of charts) seen.observe(chart.figure);
let waiting = 0;
window.addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => charts.filter((chart) => chart.result).forEach(ask), 200);
});
