"use strict";
// Draws the charts that come into view, shows times as the reader's own, and opens what a link leads to.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const holders = [...document.querySelectorAll("[data-chart]")];

  // Times: an offset belongs to an instant, not to a reader (summer time).
  const two = (number) => String(number).padStart(2, "0");
  const offset = (at) => {
    const minutes = -at.getTimezoneOffset();
    const size = Math.abs(minutes);
    return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  };
  const local = (at) =>
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ` +
    `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  // The report's own time says day and offset; of the others, only what differs from it.
  const heading = document.querySelector("header time");
  const made = new Date(heading.dateTime);
  for (const element of document.querySelectorAll("time")) {
    const at = new Date(element.dateTime);
    element.title = element.textContent;
    const whole = element === heading || local(at).slice(0, 10) !== local(made).slice(0, 10);
    const zone = element === heading || offset(at) !== offset(made) ? ` ${offset(at)}` : "";
    element.textContent = (whole ? local(at) : local(at).slice(11)) + zone;
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.getElementById("zone").textContent = zone ? `${zone}, now ${offset(new Date())}` : offset(new Date());
  document.querySelector(".zone").hidden = false;

  // Charts.
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const shade = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, "0");
  const when = (milliseconds) => local(new Date(milliseconds));

  const marks = (chart, x, level, name, symbol) => {
    const places = chart.s.flatMap((severity, place) => (severity === level ? [place] : []));
    return {
      name, type: "scatter", mode: "markers", showlegend: false,
      x: places.map((place) => x[place]), y: places.map((place) => chart.y[place]),
      marker: { color: colour(name), size: 7, symbol, line: { width: 1, color: colour("card") } },
      hovertemplate: `%{y} (${name})<extra></extra>`,
    };
  };

  const figure = (chart, width) => {
    const x = chart.x.map((after) => when(chart.t0 + after));
    const last = chart.t0 + chart.x[chart.x.length - 1];
    const gaps = chart.gaps.filter(([from, until]) => from < last && until > chart.t0);
    // A point without a value ends the line where the device fell silent.
    const lineX = [...x], lineY = [...chart.y];
    for (const [from] of [...gaps].reverse()) {
      const place = chart.x.findIndex((after) => chart.t0 + after > from);
      if (place > 0) { lineX.splice(place, 0, when(from + 1)); lineY.splice(place, 0, null); }
    }
    const data = [
      {
        name: "value", type: "scatter", mode: x.length < 2 ? "markers" : "lines", x: lineX, y: lineY, showlegend: false,
        line: { color: colour("line"), width: 1.6 }, marker: { color: colour("line"), size: 7 },
        hovertemplate: "%{y}<extra></extra>",
      },
      marks(chart, x, 1, "warning", "diamond"),
      marks(chart, x, 2, "critical", "square"),
    ];
    const [low, high] = chart.range;
    const drawn = chart.limits.filter(([, , value]) => value >= low && value <= high);
    const tint = (level) => colour(level === "clear" ? "soft" : level);
    const lines = drawn.map(([level, , value]) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, layer: "above", name: level,
      line: { color: tint(level), width: 1.2, dash: level === "clear" ? "dot" : "dash" },
    }));
    const spans = chart.spans
      .filter(([from, until]) => from <= last && (until ?? last) >= chart.t0)
      .map(([from, until, severity]) => ({
        type: "rect", yref: "paper", y0: 0, y1: 1, layer: "below", name: "alert",
        x0: when(Math.max(from, chart.t0)), x1: when(Math.min(until ?? last, last)),
        fillcolor: shade(colour(severity), 0.13), line: { width: 0 },
      }));
    const silences = gaps.map(([from, until]) => ({
      type: "rect", yref: "paper", y0: 0, y1: 1, layer: "below", name: "gap",
      x0: when(Math.max(from, chart.t0)), x1: when(Math.min(until, last)),
      fillcolor: shade(colour("soft"), 0.18), line: { width: 0 },
    }));
    // Beside the plot, the most severe first; one that would lie on another is left to its line.
    const labelled = [];
    for (const limit of drawn) {
      if (labelled.every(([, , other]) => Math.abs(other - limit[2]) > (high - low) / 14)) labelled.push(limit);
    }
    const labels = labelled.map(([level, bound, value]) => ({
      text: `${level} ${bound === "above" ? "&gt;" : "&lt;"} ${value}`, xref: "paper", x: 1, xanchor: "left",
      y: value, yanchor: "middle", showarrow: false, font: { size: 11, color: tint(level) },
    }));
    const axis = {
      gridcolor: colour("grid"), linecolor: colour("edge"), tickfont: { size: 11 }, zeroline: false, automargin: true,
    };
    // A lone reading has no width of its own: give it a minute on either side.
    const lone = chart.x[chart.x.length - 1] === 0;
    const reach = lone ? { range: [when(chart.t0 - 60000), when(last + 60000)] } : {};
    const fine = matchMedia("(pointer: fine)").matches;
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 40, r: labels.length ? 86 : 8, t: 8, b: 32 },
      font: { family: getComputedStyle(document.body).fontFamily, color: colour("soft") },
      // On a touch screen a drag scrolls the page.
      dragmode: fine ? "zoom" : false, hovermode: "x unified",
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("edge"), font: { color: colour("ink"), size: 12 } },
      xaxis: { ...axis, ...reach, type: "date", hoverformat: "%Y-%m-%d %H:%M:%S", tickangle: 0, nticks: width < 480 ? 4 : 6, fixedrange: !fine },
      yaxis: { ...axis, range: chart.range, fixedrange: true, nticks: 6 },
      shapes: [...silences, ...spans, ...lines], annotations: labels,
    };
    return { data, layout };
  };

  const draw = (holder) => {
    const { data, layout } = figure(charts[Number(holder.dataset.chart)], holder.clientWidth);
    Plotly.react(holder, data, layout, { displayModeBar: false, responsive: true, doubleClick: "reset" });
    holder.dataset.drawn = "";
  };
  // Two hundred devices are too many to keep drawn: what is far off the screen is given up again.
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const drawn = "drawn" in target.dataset;
      if (isIntersecting && !drawn) {
        draw(target);
      } else if (!isIntersecting && drawn) {
        Plotly.purge(target);
        delete target.dataset.drawn;
      }
    }
  }, { rootMargin: "800px" });
  for (const holder of holders) near.observe(holder);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const holder of holders) if ("drawn" in holder.dataset) draw(holder);
  });

  // On paper nothing can be opened or scrolled to.
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) { part.open = true; part.dataset.closed = ""; }
    for (const holder of holders) if (!("drawn" in holder.dataset)) draw(holder);
  });
  addEventListener("afterprint", () => {
    for (const part of document.querySelectorAll("details[data-closed]")) { part.open = false; delete part.dataset.closed; }
  });

  // On a phone the long sections begin folded.
  const fold = (section, folded) => {
    section.classList.toggle("folded", folded);
    section.querySelector("h2").setAttribute("aria-expanded", String(!folded));
  };
  if (matchMedia("(max-width: 46rem)").matches) {
    for (const section of document.querySelectorAll("section[aria-labelledby]")) {
      const title = section.querySelector("h2");
      title.setAttribute("role", "button");
      title.tabIndex = 0;
      fold(section, title.id !== "alerts");
      title.addEventListener("click", () => fold(section, !section.classList.contains("folded")));
      title.addEventListener("keydown", (event) => { if (event.key === "Enter") title.click(); });
    }
  }

  // A link to something inside what is closed opens it.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    const section = target.closest("section.folded");
    if (section) fold(section, false);
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
    (target.querySelector(":scope > summary") ?? target).focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  reveal();

  const filter = document.getElementById("filter");
  filter?.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    const devices = [...document.querySelectorAll(".device")];
    for (const device of devices) device.hidden = !device.dataset.name.includes(wanted);
    const shown = devices.filter((device) => !device.hidden).length;
    document.getElementById("matches").textContent = wanted ? `${shown} of ${devices.length}` : "";
  });
})();
