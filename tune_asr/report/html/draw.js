"use strict";
// Draws the figures in the colours of the page: again when these change, and for paper.
(() => {
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const figures = [...document.querySelectorAll("script[data-figure]")].map((script) => ({
    box: document.getElementById(script.dataset.figure),
    spec: JSON.parse(script.textContent),
  }));
  const mouse = matchMedia("(hover: hover) and (pointer: fine)").matches;
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: mouse ? "hover" : false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]],
  };

  const themed = (layout) => {
    const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), tickcolor: colour("--line") };
    const result = {
      ...layout,
      // A finger that drags scrolls the page.
      dragmode: mouse ? "zoom" : false,
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
    };
    for (const key of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      result[key] = { ...layout[key], ...axis };
    }
    // A label is read over the lines that pass under it.
    result.annotations = layout.annotations?.map((label) => ({ ...label, bgcolor: colour("--card"), borderpad: 1 }));
    result.shapes = layout.shapes?.map((shape) => ({ ...shape, line: { ...shape.line, color: colour("--soft") } }));
    return result;
  };

  const draw = () => {
    for (const { box, spec } of figures) {
      const minWidth = Number(box.dataset.minWidth);
      box.style.height = `${box.dataset.height}px`;
      if (minWidth) box.style.minWidth = `${minWidth}px`;
      Plotly.react(box, structuredClone(spec.data), themed(structuredClone(spec.layout)), config);
    }
  };

  const paper = (printing) => {
    root.classList.toggle("paper", printing);
    draw();
  };

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
})();
