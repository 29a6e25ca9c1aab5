"use strict";
// Draws the numbers of each figure anew with plotly, where it is there; the SVG stays for print,
// for readers who cannot see, and for who asks for still pictures.
(() => {
  const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "cross", "star"];
  const DASHES = ["solid", "7px,4px", "2px,3px", "9px,3px,2px,3px", "4px,4px", "12px,4px", "1px,4px"];
  const N_COLOURS = 7;

  // Colours follow the drawing beside, which follows light and dark.
  function theme(svg) {
    const style = getComputedStyle(svg ?? document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    const colours = Array.from({ length: N_COLOURS }, (_, i) => read(`--c${i}`));
    return { colours, ink: read("--ink"), soft: read("--soft"), grid: read("--grid"), paper: read("--paper") };
  }

  const clear = (colour, share) =>
    colour.replace(/^#(..)(..)(..)$/, (_, ...hex) =>
      `rgba(${hex.slice(0, 3).map((part) => parseInt(part, 16)).join(",")},${share})`);

  // plotly reads a few tags; names of networks are text.
  const plain = (text) => (typeof text === "string" ? text.replaceAll("&", "&amp;").replaceAll("<", "&lt;") : text);

  function trace(one, colours) {
    const colour = colours[one.look % N_COLOURS];
    const suffix = one.panel ? one.panel + 1 : "";
    const texts = one.texts ?? [];
    const made = {
      type: "scatter", x: one.x, y: one.y.map(plain), name: plain(one.name), xaxis: `x${suffix}`, yaxis: "y",
      legendgroup: one.name || undefined, showlegend: Boolean(one.name),
      text: one.labels?.map(plain), textposition: "top center", textfont: { color: colours.ink },
      hovertext: texts.map(plain), customdata: one.copies,
      hovertemplate: texts.length ? "%{hovertext}<extra></extra>" : undefined,
    };
    if (one.kind === "band")
      return { ...made, mode: "lines", fill: "toself", fillcolor: clear(colour, 0.2), line: { width: 0 }, hoverinfo: "skip" };
    const hasLine = one.kind !== "marks", hasMarks = one.kind !== "line";
    made.mode = [hasLine && "lines", hasMarks && "markers", one.labels && "text"].filter(Boolean).join("+");
    if (hasLine) made.line = { color: colour, width: 1.8, dash: one.dashed ? "5px,4px" : DASHES[one.look % DASHES.length] };
    if (hasMarks) made.marker = { color: colour, size: 9, symbol: SYMBOLS[one.look % SYMBOLS.length], line: { color: colours[6], width: 0.6 } };
    if (one.spread) made.error_y = { type: "data", array: one.spread, color: colour, thickness: 1.2, width: 4 };
    if (!texts.length) made.hoverinfo = hasMarks ? "x+y" : "skip";
    return made;
  }

  function layout(chart, look, width) {
    const n = chart.x_labels.length, gap = n > 1 ? 0.07 : 0;
    const room = (1 - gap * (n - 1)) / n;
    const axis = { gridcolor: look.grid, linecolor: look.soft, zeroline: false, tickfont: { color: look.soft }, exponentformat: "SI", automargin: true };
    const made = {
      width, height: chart.height, margin: { l: 70, r: 20, t: 64, b: 56 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: 'system-ui,-apple-system,"Segoe UI",Roboto,sans-serif', size: 12, color: look.ink },
      title: { text: plain(chart.title), x: 0, xref: "container", y: 0.99, yanchor: "top", font: { size: 14 } },
      legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom" },
      hoverlabel: { bgcolor: look.paper, font: { color: look.ink }, align: "left" },
      hovermode: "closest", dragmode: "zoom",
      yaxis: { ...axis, title: { text: plain(chart.y_label) }, type: chart.log_y ? "log" : "-" },
    };
    chart.x_labels.forEach((label, i) => {
      const domain = [i * (room + gap), i * (room + gap) + room];
      const type = chart.log_x ? "log" : "-";
      const ticks = chart.log_x ? { dtick: null, nticks: 8 } : {};
      made[`xaxis${i ? i + 1 : ""}`] = { ...axis, ...ticks, title: { text: plain(label) }, domain, type, anchor: "y" };
    });
    return made;
  }

  const config = {
    displaylogo: false, responsive: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg" },
  };

  function draw(place, chart, svg) {
    const look = theme(svg);
    const width = Math.min(place.parentElement.clientWidth, 960);
    const colours = Object.assign([...look.colours], { ink: look.ink });
    const traces = chart.traces.map((one) => trace(one, colours));
    return window.Plotly.react(place, traces, layout(chart, look, width), config);
  }

  function mount(figure) {
    const still = figure.querySelector(".still"), place = figure.querySelector(".chart");
    const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const redraw = () => draw(place, chart, still.querySelector("svg"));
    figure.classList.add("live");
    still.tabIndex = -1; // it is not to be seen: nobody shall stop at it
    redraw();
    place.on("plotly_click", ({ points }) => {
      const text = points[0]?.customdata;
      if (text) window.nnmass.copy(text);
    });
    return redraw;
  }

  window.nnmass.draw = draw;
  if (!window.Plotly) return;
  const drawn = [];
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting) {
        seen.unobserve(target);
        drawn.push(mount(target));
      }
  }, { rootMargin: "600px" });
  document.querySelectorAll("figure[data-chart]").forEach((figure) => seen.observe(figure));
  const again = () => drawn.forEach((redraw) => redraw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  let timer;
  addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(again, 150); });

  const toggle = document.getElementById("stills");
  if (!toggle) return;
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const still = document.body.classList.toggle("stills");
    toggle.setAttribute("aria-pressed", String(still));
    document.querySelectorAll("figure.live .still").forEach((one) => { one.tabIndex = still ? 0 : -1; });
    if (!still) again();
  });
})();
