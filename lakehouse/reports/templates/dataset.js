// The rules of the Python modules `dataset` and `words` once more: a figure that a reader narrows is the one that the
// tables hold, to the last digit. Reads PAGE.datasets; knows nothing of the document.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ALL = "";
const MISSING = "-";

// Figures: whole numbers n of scale s stand for n / 10^s, so that sums are exact.

const power = (digits) => 10n ** BigInt(digits);

function divided(part, whole) {
  const sign = (part < 0n) === (whole < 0n) ? 1n : -1n;
  const [a, b] = [part < 0n ? -part : part, whole < 0n ? -whole : whole];
  return sign * ((2n * a + b) / (2n * b));
}

function rescaled(figure, scale) {
  return figure.s <= scale ? figure.n * power(scale - figure.s) : divided(figure.n, power(figure.s - scale));
}

function quotient(part, whole) {
  if (part === null || whole === null || whole.n === 0n) return null;
  return { n: divided(part.n * power(6 + whole.s), whole.n * power(part.s)), s: 6 };
}

function summed(figures) {
  const known = figures.filter((each) => each !== null);
  if (!known.length) return null;
  return { n: known.reduce((total, each) => total + each.n, 0n), s: known[0].s };
}

const float = (figure) => (figure === null ? null : Number(figure.n) / 10 ** figure.s);

function digits(figure, scale) {
  const n = rescaled(figure, scale);
  const text = String(n < 0n ? -n : n).padStart(scale + 1, "0");
  const whole = text.slice(0, text.length - scale).replace(/\B(?=(\d{3})+$)/g, ",");
  return (n < 0n ? "-" : "") + whole + (scale ? "." + text.slice(text.length - scale) : "");
}

function dayText(iso, isMonth) {
  const [year, month, day] = iso.slice(0, 10).split("-").map(Number);
  return (isMonth ? "" : day + " ") + MONTHS[month - 1] + " " + year;
}

// kind: that of the column; texts are text whatever they look like.
function shown(value, form, kind) {
  if (value === null) return MISSING;
  if (kind === "instant") return dayText(value) + " " + value.slice(11, 16) + " UTC";
  if (kind === "date") return dayText(value, form.kind === "month");
  if (typeof value === "string") return value;
  if (form.kind === "count") return digits(value, 0);
  if (form.kind === "percent") return digits({ n: value.n * 100n, s: value.s }, 1) + "%";
  const text = digits(value, form.kind === "amount" ? 2 : form.decimals);
  return form.unit ? text + " " + form.unit : text;
}

function change(now, before, isShare) {
  if (now === null || before === null) return ["unknown", "not comparable"];
  const scale = isShare ? 1 : Math.max(now.s, before.s);
  const hundred = isShare ? 100n : 1n;
  const [a, b] = [now, before].map((each) => rescaled({ n: each.n * hundred, s: each.s }, scale));
  if (a === b) return ["level", "unchanged"];
  const direction = a > b ? "up" : "down";
  const gap = a > b ? a - b : b - a;
  if (isShare) return [direction, direction + " " + digits({ n: gap, s: 1 }, 1) + " points"];
  if (b <= 0n) return [direction, direction + " from " + (b === 0n ? "zero" : "below zero")];
  return [direction, direction + " " + digits({ n: divided(gap * 1000n, b), s: 1 }, 1) + "%"];
}

// Datasets: rows are read from their columns once, when they are first asked for.

const decoded = new Map();

// date, instant, text or number; ratios are numbers.
const kindOf = (dataset, column) => (PAGE.datasets[dataset].columns[column] || { kind: "number" }).kind;

function rowsOf(name) {
  if (!decoded.has(name)) {
    const columns = Object.entries(PAGE.datasets[name].columns);
    const length = columns.length ? (columns[0][1].values || columns[0][1].codes).length : 0;
    const cell = (column, place) => {
      if (column.kind !== "number") {
        return column.codes[place] === null ? null : column.texts[column.codes[place]];
      }
      const value = column.values[place];
      return value === null ? null : { n: BigInt(value), s: column.scale };
    };
    decoded.set(name, Array.from({ length }, (_, place) =>
      Object.fromEntries(columns.map(([key, column]) => [key, cell(column, place)]))));
  }
  return decoded.get(name);
}

function chosen(name, filter, isByMember) {
  const dataset = PAGE.datasets[name];
  return rowsOf(name).filter((row) => {
    if (dataset.dimension) {
      const member = row[dataset.dimension];
      if (isByMember && filter.member === ALL ? member === ALL || member === null : member !== filter.member) {
        return false;
      }
    }
    if (!dataset.day) return true;
    const day = row[dataset.day];
    if (day === null) return !filter.first && !filter.last;
    return (!filter.first || day.slice(0, 10) >= filter.first) && (!filter.last || day.slice(0, 10) <= filter.last);
  });
}

function grouped(name, rows, group) {
  const numbers = Object.entries(PAGE.datasets[name].columns)
    .filter(([key, column]) => column.kind === "number" && !group.includes(key)).map(([key]) => key);
  const groups = new Map();
  for (const row of rows) {
    const key = JSON.stringify(group.map((each) => row[each]), (_, value) => typeof value === "bigint" ? String(value) : value);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups.values()].map((members) => Object.fromEntries([
    ...group.map((key) => [key, members[0][key]]),
    ...numbers.map((key) => [key, summed(members.map((row) => row[key]))]),
  ]));
}

// Texts stand in the order of their code points, as in the static page; a browser's own is that of UTF-16.
function compared(a, b) {
  if (typeof a !== "string") return a.n < b.n ? -1 : a.n > b.n ? 1 : 0;
  const [left, right] = [[...a], [...b]];
  const place = left.findIndex((each, index) => each !== right[index]);
  if (place < 0) return left.length - right.length;
  return place >= right.length || left[place].codePointAt(0) > right[place].codePointAt(0) ? 1 : -1;
}

function narrowed(source, filter) {
  const dataset = PAGE.datasets[source.dataset];
  let rows = chosen(source.dataset, filter, source.group.includes(dataset.dimension));
  rows = source.group.length ? grouped(source.dataset, rows, source.group) : rows.map((row) => ({ ...row }));
  for (const row of rows) {
    for (const [name, [part, whole]] of Object.entries(dataset.ratios)) {
      if (part in row && whole in row) row[name] = quotient(row[part], row[whole]);
    }
  }
  if (source.order) {
    const sign = source.descending ? -1 : 1;
    rows.sort((left, right) => {
      const [a, b] = [left[source.order], right[source.order]];
      if (a === null || b === null) return (a === null) - (b === null);
      return sign * compared(a, b);
    });
  }
  return rows;
}

const limited = (rows, source) => (source.limit === null ? rows : rows.slice(0, source.limit));

function valueOf(measure, filter) {
  const dataset = PAGE.datasets[measure.dataset];
  let rows = chosen(measure.dataset, filter, false);
  if (measure.balance && dataset.day && rows.length) {
    const last = rows.reduce((latest, row) => (row[dataset.day] > latest ? row[dataset.day] : latest), "");
    rows = rows.filter((row) => row[dataset.day] === last);
  }
  const total = (column) => summed(rows.map((row) => row[column]));
  const ratio = dataset.ratios[measure.column];
  return ratio ? quotient(total(ratio[0]), total(ratio[1])) : total(measure.column);
}
