"use strict";
// The explorer: the address holds the state, the server has the numbers, this keeps both in step.
(async () => {
  const $ = (id) => document.getElementById(id);
  const LIMITS = [["mass", "least NN-Mass", 25, 200], ["params", "most parameters", 5, 200], ["macs", "most MACs", 5, 200]];
  const query = new URLSearchParams(location.search);
  const state = {
    spec: query.get("spec") ?? "",
    study: query.get("study") ?? "",
    beside: (query.get("beside") ?? "").split(" ").filter(Boolean),
    budgets: Object.fromEntries(LIMITS.map(([name]) => [name, Number(query.get(name)) || 100])),
  };
  let shown = null; // the last description
  const traced = new Map();

  const node = (tag, attributes = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.append(...children);
    return made;
  };

  async function ask(name, params = {}) {
    const response = await fetch(`/api/${name}?${new URLSearchParams(params)}`);
    const answer = await response.json();
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  // One request at a time, and after it only the newest of those that came meanwhile.
  function newest(work) {
    let busy = false, next = null;
    return async function run(...args) {
      if (busy) { next = args; return; }
      busy = true;
      try { await work(...args); } finally { busy = false; }
      if (next) { const args2 = next; next = null; run(...args2); }
    };
  }

  const later = (work, ms) => { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => work(...args), ms); }; };

  function remember() {
    const told = new URLSearchParams({ spec: state.spec });
    if (state.study) told.set("study", state.study);
    if (state.beside.length) told.set("beside", state.beside.join(" "));
    for (const [name] of LIMITS) if (state.budgets[name] !== 100) told.set(name, state.budgets[name]);
    history.replaceState(null, "", `?${told}`);
  }

  function cards(place, numbers) {
    place.replaceChildren(...Object.entries(numbers).map(([name, value]) =>
      node("div", {}, node("dt", { textContent: name }), node("dd", { textContent: value }))));
  }

  // SVG comes from this server alone, checked there; scripts in it would not run under the policy.
  const draw = (place, svg) => { place.innerHTML = svg; };

  function table({ title, columns, rows }) {
    const head = node("tr", {}, ...columns.map((one) => node("th", { scope: "col", className: one.align, textContent: one.name })));
    const body = rows.map((row) => node("tr", {}, ...row.map((text, i) =>
      node(i ? "td" : "th", { className: columns[i].align, textContent: text, ...(i ? {} : { scope: "row" }) }))));
    const made = node("table", {}, ...(title ? [node("caption", { textContent: title })] : []), node("thead", {}, head), node("tbody", {}, ...body));
    return node("div", { className: "scroll", tabIndex: 0 }, made);
  }

  // ---- controls
  const id = (one) => `control-${one.key}-${one.index ?? ""}`;

  function control(one) {
    const output = node("output", { textContent: one.value });
    const label = node("label", { htmlFor: id(one), title: one.help }, node("span", { textContent: one.label }), output);
    if (one.choices.length) {
      const made = node("select", { id: id(one) }, ...one.choices.map((word) => node("option", { value: word, textContent: word })));
      made.value = one.value;
      output.textContent = "";
      made.addEventListener("change", () => describe({ key: one.key, index: one.index ?? "", value: made.value }));
      return [label, made];
    }
    const made = node("input", { id: id(one), type: "range", min: one.low, max: one.high, step: one.step, value: one.value });
    made.addEventListener("input", () => {
      output.textContent = made.value;
      describe({ key: one.key, index: one.index ?? "", value: made.value });
    });
    return [label, made];
  }

  function renew(controls) {
    const names = controls.map(id).join();
    const place = $("controls");
    if (place.dataset.names !== names) {
      place.dataset.names = names;
      place.replaceChildren(...controls.flatMap(control));
      return;
    }
    for (const one of controls) {
      const made = $(id(one));
      if (made.type === "range") { made.min = one.low; made.max = one.high; }
      if (made === document.activeElement && made.type === "range") continue; // it is being dragged
      made.value = one.value;
      if (made.type === "range") document.querySelector(`label[for="${made.id}"] output`).textContent = one.value;
    }
  }

  const describe = newest(async (change = {}) => {
    const started = performance.now();
    const params = { ...(state.spec && { spec: state.spec }), ...(state.study && { study: state.study }), ...change };
    try {
      shown = await ask("describe", params);
    } catch (error) {
      $("fault").textContent = error.message;
      return;
    }
    $("fault").textContent = "";
    const isNew = state.spec !== shown.spec;
    state.spec = shown.spec;
    $("family").value = shown.family;
    $("spec").value = shown.spec;
    cards($("numbers"), shown.numbers);
    if (shown.svg) draw($("drawing"), shown.svg);
    else $("drawing").replaceChildren(node("p", { textContent: shown.undrawn }));
    renew(shown.controls);
    compare();
    remember();
    document.body.dataset.spec = shown.spec;
    requestAnimationFrame(() => { document.body.dataset.took = (performance.now() - started).toFixed(1); });
    nameArcs();
    if (isNew || !$("design-table").childElementCount) designSoon();
  });

  // While nothing is dragged, arcs can be pointed at.
  const nameArcs = later(async () => {
    const found = await ask("drawing", { spec: state.spec });
    if (found.spec === state.spec && found.svg) draw($("drawing"), found.svg);
  }, 600);

  // ---- design
  function budgets() {
    for (const [name, label, low, high] of LIMITS) {
      const output = node("output");
      const made = node("input", { id: `budget-${name}`, type: "range", min: low, max: high, step: 1, value: state.budgets[name] });
      const tell = () => { output.textContent = `${made.value} %`; };
      tell();
      made.addEventListener("input", () => {
        state.budgets[name] = Number(made.value);
        tell();
        remember();
        designSoon();
      });
      $("budgets").append(node("div", {}, node("label", { htmlFor: made.id }, node("span", { textContent: label }), output), made));
    }
  }

  const asked = () => Object.fromEntries(Object.entries(state.budgets).filter(([, share]) => share !== 100));

  const design = newest(async () => {
    const spec = state.spec;
    $("design-line").textContent = "searching …";
    $("front").classList.add("busy");
    let found = null;
    try {
      found = await ask("design", { spec, ...asked() });
      $("design-line").textContent = found.lines.join(" ");
      $("design-table").replaceChildren(table(found.table));
      $("design-table").querySelectorAll("table").forEach(window.nnmass.dress);
      $("design-table").querySelectorAll("tbody tr").forEach((row, rank) => {
        const take = node("button", { type: "button", textContent: "Show", title: "explore this network" });
        take.setAttribute("aria-label", `show ${found.specs[rank]}`);
        take.addEventListener("click", () => describe({ spec: found.specs[rank] }));
        row.append(node("td", {}, take));
      });
      $("copy-design").hidden = false;
      $("copy-design").onclick = () => window.nnmass.copy(found.command);
    } catch (error) {
      $("design-line").textContent = error.message;
      $("design-table").replaceChildren();
      $("copy-design").hidden = true;
    }
    try {
      const { chart } = await ask("front", { spec });
      window.nnmass.draw($("front"), { ...chart, traces: [...chart.traces, ...marks(found)] }, $("drawing").querySelector("svg"));
      if (!$("front").dataset.live) {
        $("front").dataset.live = "yes";
        $("front").on("plotly_click", ({ points }) => points[0]?.customdata && window.nnmass.copy(points[0].customdata));
      }
    } catch {
      window.Plotly.purge($("front"));
      delete $("front").dataset.live;
    }
    $("front").classList.remove("busy");
    $("front").dataset.spec = spec;
  });
  const designSoon = later(design, 350);

  // The optimum and the budgets, over the front.
  function marks(found) {
    const made = [], { mass, params, macs } = shown;
    if (found) [found.best.params, found.best.macs].forEach((x, panel) => made.push({
      name: panel ? "" : "optimum", x: [x], y: [found.best.mass], kind: "marks", look: 5, panel,
      texts: [`optimum: ${found.best.spec}`], copies: [found.best.spec],
    }));
    const limit = [params, macs].map((own, i) => own * state.budgets[["params", "macs"][i]] / 100);
    const top = mass * 1.05, low = mass * state.budgets.mass / 100;
    limit.forEach((x, panel) => made.push({ name: panel ? "" : "budget", x: [x, x], y: [0.5 * mass, top], kind: "line", look: 1, dashed: true, panel }));
    limit.forEach((x, panel) => made.push({ name: "", x: [x / 4, x], y: [low, low], kind: "line", look: 1, dashed: true, panel }));
    return made;
  }

  // ---- beside
  function compare() {
    const names = state.beside.filter((name) => traced.has(name));
    const keys = ["NN-Mass", "density", "parameters", "MACs"];
    const columns = [{ name: "network", align: "left" }, ...keys.map((name) => ({ name, align: "right" }))];
    const rows = [{ name: shown.spec, numbers: shown.numbers }, ...names.map((name) => traced.get(name))]
      .map(({ name, numbers }) => [name, ...keys.map((key) => numbers[key])]);
    if (!names.length) { $("beside-table").replaceChildren(); return; }
    const made = table({ title: "", columns, rows });
    [...made.querySelectorAll("tbody tr")].slice(1).forEach((row, rank) => {
      const away = node("button", { type: "button", textContent: "Remove" });
      away.setAttribute("aria-label", `remove ${names[rank]}`);
      away.addEventListener("click", () => {
        state.beside = state.beside.filter((name) => name !== names[rank]);
        remember();
        compare();
        pictures();
      });
      row.append(node("td", {}, away));
    });
    $("beside-table").replaceChildren(made);
  }

  function pictures() {
    $("beside-drawings").replaceChildren(...state.beside.filter((name) => traced.get(name)?.svg).map((name) => {
      const figure = node("figure"), place = node("div", { className: "scroll", tabIndex: 0 });
      draw(place, traced.get(name).svg);
      figure.append(place);
      return figure;
    }));
  }

  async function load(name) {
    $("beside-line").textContent = `tracing ${name} …`;
    try {
      traced.set(name, await ask("network", { name }));
      $("beside-line").textContent = traced.get(name).notes.map((note) => `${name}: ${note}`).join(" ");
      if (!state.beside.includes(name)) state.beside.push(name);
    } catch (error) {
      $("beside-line").textContent = error.message;
      state.beside = state.beside.filter((other) => other !== name);
    }
    remember();
    compare();
    pictures();
  }

  // ---- study
  async function open(name) {
    state.study = name;
    remember();
    for (const place of ["study-charts", "study-tables"]) $(place).replaceChildren();
    $("study-line").textContent = name ? "reading …" : "";
    if (name) {
      try {
        const found = await ask("study", { name });
        $("study-line").textContent = found.line;
        const places = found.charts.map(() => node("div", { className: "chart" }));
        $("study-charts").replaceChildren(...places.map((place) => node("figure", {}, place)));
        found.charts.forEach((chart, i) => window.nnmass.draw(places[i], chart, $("drawing").querySelector("svg")));
        $("study-tables").replaceChildren(...found.tables.map(table));
        $("study-tables").querySelectorAll("table").forEach(window.nnmass.dress);
      } catch (error) {
        $("study-line").textContent = error.message;
        state.study = "";
        $("study").value = "";
        remember();
      }
    }
    describe();
  }

  // ---- begin
  const about = await ask("about");
  const examples = Object.fromEntries(about.families.map((one) => [one.family, one.example]));
  $("family").append(...Object.keys(examples).map((name) => node("option", { value: name, textContent: name })));
  $("study").append(...about.studies.map((name) => node("option", { value: name, textContent: name })));
  $("family").addEventListener("change", () => describe({ spec: examples[$("family").value] }));
  $("spec").addEventListener("change", () => describe({ spec: $("spec").value.trim() }));
  $("copy-spec").addEventListener("click", () => window.nnmass.copy(state.spec));
  $("copy-command").addEventListener("click", () => window.nnmass.copy(shown.commands["train it"]));
  $("copy-link").addEventListener("click", () => window.nnmass.copy(location.href));
  $("beside-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if ($("beside").value.trim()) load($("beside").value.trim());
  });
  $("study").addEventListener("change", () => open($("study").value));
  addEventListener("resize", later(() => designSoon(), 300));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => designSoon());
  budgets();
  state.spec ||= about.start;
  await describe();
  if (!shown) { // a link with a mistake: what it was is told beside what there is to begin with
    const fault = $("fault").textContent;
    state.study = "";
    await describe();
    if (!shown) await describe({ spec: about.start });
    $("fault").textContent = fault;
  }
  if (state.study) { $("study").value = state.study; open(state.study); }
  for (const name of [...state.beside]) await load(name);
  document.body.dataset.ready = "yes";
})();
