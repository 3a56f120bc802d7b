/**
 * What draws the charts in the reader's browser. It reads the element `charts`, which holds an array of charts (ReportChart of
 * core, with an `id`), and fills the elements `plot-<id>`.
 */
export const REPORT_SCRIPT = `
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const HEIGHT = 270;
  const PAPER_WIDTH = 660;
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const short = (value) => String(Number(value.toPrecision(3)));
  const grouped = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 2 });
  const write = {
    latency: (value) => (value < 999.5 ? short(value) + "ms" : short(value / 1000) + "s"),
    share: (value) => short(100 * value) + "%",
    rate: (value) => (value < 999.5 ? short(value) : grouped(Math.round(value))) + "/s",
    count: grouped,
    ratio: short,
    seconds(value) {
      const seconds = Number((value % 60).toFixed(2));
      const minutes = Math.floor(value / 60);
      if (minutes === 0) return seconds + "s";
      return seconds === 0 ? minutes + "m" : minutes + "m" + seconds + "s";
    },
    percentile(value) {
      const digits = Math.max(0, Math.ceil(Math.log10(value)) - 1);
      return Number((100 - 100 / value).toFixed(digits)) + "%";
    },
    run: (value) => String(Math.round(value)),
  };
  const allOf = (writer) => (_, values) => values.map((value) => (value === null ? null : writer(value)));

  const isPowerOfTen = (value) => Math.abs(Math.log10(value) % 1) < 1e-9;

  function xScale({ x, xs }) {
    const first = xs[0];
    const last = xs[xs.length - 1];
    const whole = {
      seconds: [0, last],
      rate: [0, last * 1.06],
      run: [0.5, last + 0.5],
      percentile: [1, 10 ** Math.ceil(Math.log10(Math.max(last, 10)) - 1e-9)],
    }[x.scale];
    return {
      time: false,
      distr: x.scale === "percentile" ? 3 : 1,
      // What is narrower than everything the reader has chosen.
      range: (_, min, max) => (min > first || max < last ? [min, max] : whole),
    };
  }

  function yScale({ marks, x }, isLog) {
    return {
      distr: isLog ? 3 : 1,
      range(_, min, max) {
        if (max === null || max <= 0) return isLog ? [1, 10] : [0, 1];
        if (x.scale === "run") {
          // How far runs are apart is the point, and not how far from nothing.
          const middle = (min + max) / 2;
          const reach = Math.max((max - min) / 2, 0.05 * max) * 1.3;
          return [Math.max(0, middle - reach), middle + reach];
        }
        // A limit far above everything would press it to the ground.
        const limits = marks.map(({ y }) => y).filter((y) => y !== null && y > 0 && y <= 2 * max);
        const top = Math.max(max, ...limits);
        return isLog ? uPlot.rangeLog(Math.min(min, ...limits), top, 10, false) : [0, top * 1.12];
      },
    };
  }

  function axes({ x, y }, isLog) {
    const shared = {
      stroke: colour("soft"),
      font: FONT,
      labelFont: FONT,
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      gap: 8,
    };
    const bottom = { ...shared, label: x.label, labelSize: 22, values: allOf(write[x.scale]), size: 30 };
    if (x.scale === "percentile") {
      bottom.splits = (_, __, min, max) => {
        const splits = [];
        for (let at = 1; at <= max * 1.001; at *= 10) if (at >= min * 0.999) splits.push(at);
        return splits.length > 1 ? splits : [min, Math.sqrt(min * max), max];
      };
      bottom.filter = (_, splits) => splits;
    }
    if (x.scale === "run") bottom.incrs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
    const left = {
      ...shared,
      values: allOf(write[y.kind]),
      size: (_, values) => 14 + 7.4 * Math.max(4, ...(values ?? []).map((value) => (value ?? "").length)),
    };
    // Ten lines to a decade are a fence.
    if (isLog) left.grid = { ...shared.grid, filter: (_, splits) => splits.map((at) => (isPowerOfTen(at) ? at : null)) };
    return [bottom, left];
  }

  function series({ label, colour: name, style, values }) {
    return ({ y }) => {
      const stroke = colour(name);
      // What never happened is named below, and does not lie on the axis.
      if (values.every((value) => value === null || value === 0)) {
        return { label, stroke, value: (_, value) => (value === 0 ? "0" : ""), paths: () => null, points: { show: false } };
      }
      return {
        label,
        stroke,
        width: style === "dashed" ? 1.25 : 1.75,
        value: (_, value) => (value === null || value === undefined ? "" : write[y.kind](value)),
        ...(style === "dashed" ? { dash: [5, 4] } : {}),
        ...(style === "area" ? { fill: stroke + "22" } : {}),
        ...(style === "dots" || style === "rings"
          ? { paths: () => null, points: { show: true, size: 9, width: 2, fill: style === "dots" ? stroke : "transparent" } }
          : { points: { size: 5, space: 36, fill: stroke } }),
      };
    };
  }

  /** Limits and the like, drawn over the lines. */
  function drawMarks(marks) {
    return (plot) => {
      const { ctx, bbox } = plot;
      const ratio = uPlot.pxRatio;
      const right = bbox.left + bbox.width;
      const bottom = bbox.top + bbox.height;
      ctx.save();
      ctx.font = 11 * ratio + "px system-ui, sans-serif";
      ctx.textAlign = "left";
      ctx.textBaseline = "alphabetic";
      ctx.lineWidth = ratio;
      ctx.strokeStyle = colour("ink");
      for (const { label, x, y } of marks) {
        const left = x === null ? null : plot.valToPos(x, "x", true);
        const top = y === null ? null : plot.valToPos(y, "y", true);
        if (left !== null && !(left >= bbox.left - 1 && left <= right + 1)) continue;
        if (top !== null && !(top >= bbox.top - 1 && top <= bottom + 1)) continue;
        ctx.beginPath();
        ctx.setLineDash([2 * ratio, 3 * ratio]);
        if (top !== null) {
          ctx.moveTo(bbox.left, top);
          ctx.lineTo(left ?? right, top);
        }
        if (left !== null) {
          ctx.moveTo(left, top ?? bbox.top);
          ctx.lineTo(left, bottom);
        }
        ctx.stroke();
        const width = ctx.measureText(label).width;
        const at = left === null ? right - width - 6 * ratio : Math.min(left + 6 * ratio, right - width - 4 * ratio);
        const baseline = top === null ? bbox.top + 14 * ratio : Math.max(top - 6 * ratio, bbox.top + 12 * ratio);
        ctx.globalAlpha = 0.8;
        ctx.fillStyle = colour("paper");
        ctx.fillRect(at - 3 * ratio, baseline - 11 * ratio, width + 6 * ratio, 15 * ratio);
        ctx.globalAlpha = 1;
        ctx.fillStyle = colour("ink");
        ctx.fillText(label, at, baseline);
      }
      ctx.restore();
    };
  }

  function draw(chart, place, width, isLog) {
    const options = {
      width,
      height: HEIGHT,
      padding: [12, chart.x.scale === "percentile" ? 26 : 14, 0, 4],
      series: [
        { label: chart.x.label, value: (_, value) => (value === null || value === undefined ? "" : write[chart.x.scale](value)) },
        ...chart.series.map((each) => series(each)(chart)),
      ],
      scales: { x: xScale(chart), y: yScale(chart, isLog) },
      axes: axes(chart, isLog),
      legend: { markers: { dash: (_, index) => (chart.series[index - 1]?.style === "dashed" ? "dashed" : "solid") } },
      cursor: {
        drag: { x: true, y: false },
        ...(chart.x.scale === "seconds" ? { sync: { key: "seconds", setSeries: false } } : {}),
      },
      hooks: { draw: [drawMarks(chart.marks)] },
    };
    return new uPlot(options, [chart.xs, ...chart.series.map(({ values }) => values)], place);
  }

  const views = charts.map((chart) => {
    const place = document.getElementById("plot-" + chart.id);
    const view = { isLog: chart.y.scale === "log", plot: null, redraw };
    function redraw(width = place.clientWidth) {
      view.plot?.destroy();
      place.replaceChildren();
      view.plot = draw(chart, place, width, view.isLog);
    }
    if (chart.y.scale !== null) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "toggle";
      button.textContent = "logarithmic";
      button.setAttribute("aria-label", "logarithmic scale");
      button.setAttribute("aria-pressed", String(view.isLog));
      button.addEventListener("click", () => {
        view.isLog = !view.isLog;
        button.setAttribute("aria-pressed", String(view.isLog));
        redraw();
      });
      document.getElementById("head-" + chart.id).append(button);
    }
    redraw();
    new ResizeObserver(() => {
      const width = place.clientWidth;
      if (width > 0 && width !== view.plot.width && !root.classList.contains("on-paper")) {
        view.plot.setSize({ width, height: HEIGHT });
      }
    }).observe(place);
    return view;
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const view of views) view.redraw();
  });
  addEventListener("beforeprint", () => {
    root.classList.add("on-paper");
    for (const view of views) view.redraw(PAPER_WIDTH);
  });
  addEventListener("afterprint", () => {
    root.classList.remove("on-paper");
    for (const view of views) view.redraw();
  });
})();
`;
