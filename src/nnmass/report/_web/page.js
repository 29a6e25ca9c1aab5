"use strict";
// What a page of nnmass does beyond showing: tables are sorted, saved and copied from, marks are
// copied from. Without this script everything is still there to be read.
(() => {
  const PREFIX = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const NUMBER = /^[^\d+\-.]*([+-]?\d[\d,]*\.?\d*(?:e[+-]?\d+)?)\s*(k\b|[KMGT]iB\b|[MGT]\b)?/;

  const value = (text) => {
    const found = NUMBER.exec(text.trim());
    return found ? parseFloat(found[1].replaceAll(",", "")) * (PREFIX[found[2]] ?? 1) : NaN;
  };

  const say = (text) => {
    const place = document.getElementById("told");
    place.textContent = text;
    place.classList.add("shown");
    clearTimeout(say.timer);
    say.timer = setTimeout(() => place.classList.remove("shown"), 2500);
  };

  const button = (text, label, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", action);
    return made;
  };

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement("textarea"); // where the clipboard is refused
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    say(`copied: ${text}`);
  }

  function sort(table, column, head) {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    const body = table.tBodies[0];
    const sign = rising ? 1 : -1;
    const isText = head.classList.contains("left");
    const key = (row) => row.cells[column].textContent;
    const compare = (a, b) => {
      const [x, y] = [value(key(a)), value(key(b))];
      if (isText || (isNaN(x) && isNaN(y)))
        return sign * key(a).localeCompare(key(b), undefined, { numeric: true });
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y); // what has no number comes last
      return sign * (x - y);
    };
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    body.append(...[...body.rows].sort(compare));
  }

  const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  function save(table) {
    const lines = [...table.rows].map((row) =>
      [...row.cells].map((one) => cell(one.dataset.text ?? one.textContent.trim())).join(","));
    const name = (table.caption?.textContent ?? "table").replace(/[^\w.=+-]+/g, "-");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = `${name.slice(0, 80)}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    say(`saved ${link.download}`);
  }

  function dress(table) {
    const heads = [...table.tHead.rows[0].cells];
    for (const [column, head] of heads.entries()) {
      head.dataset.text = head.textContent.trim();
      if (table.tBodies[0].rows.length > 1 && head.dataset.text) {
        const inside = button("", "", () => sort(table, column, head));
        inside.append(...head.childNodes);
        inside.className = "sort";
        inside.title = "sort by this column";
        head.append(inside);
      }
      if (!["network", "spec"].includes(head.dataset.text)) continue;
      for (const row of table.tBodies[0].rows) {
        const one = row.cells[column];
        one.dataset.text = one.textContent.trim();
        const text = one.dataset.text;
        if (!text || text === "-") continue;
        const made = button("copy", `copy ${text}`, () => copy(text));
        made.className = "copy";
        one.append(" ", made);
      }
    }
    const tools = document.createElement("div");
    tools.className = "tools";
    tools.append(button("Save as CSV", "", () => save(table)));
    table.closest(".scroll").after(tools);
  }

  document.querySelectorAll("main table").forEach(dress);
  document.addEventListener("click", (event) => {
    const mark = event.target.closest?.("[data-copy]");
    if (mark) copy(mark.getAttribute("data-copy"));
  });
  window.nnmass = { copy, dress, say };
})();
