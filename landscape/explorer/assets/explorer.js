/* What happens without the server: the cursor follows keys and clicks at once, the URL follows the
   page, linked views follow the pointer. */
(function () {
  "use strict";
  const none = () => window.dash_clientside.no_update;
  const nones = (n) => Array(n).fill(none());
  const PAGE = 50;
  const POSE = ["rotation", "shift_x", "shift_y"];
  const WEIGHTS = ["alpha", "beta", "gamma"];
  const MINUS = "\u2212";

  function triggered() {
    const found = window.dash_clientside.callback_context.triggered;
    return found.length ? found[0].prop_id : "";
  }

  function nearest(values, wanted) {
    let best = 0;
    values.forEach((value, i) => {
      if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = i;
    });
    return best;
  }

  function axisOf(grid, name) {
    return (grid || []).find((axis) => axis.name === name);
  }

  /* Positions of the sliders with some of them moved to coordinates. */
  function moved(names, grid, changes) {
    return names.map((name) => {
      const axis = axisOf(grid, name);
      return axis && changes[name] !== undefined ? nearest(axis.values, changes[name]) : none();
    });
  }

  function stepped(names, grid, values, name, by) {
    const axis = axisOf(grid, name);
    return names.map((other, i) => {
      if (other !== name || !axis) return none();
      const place = Number(values[i]) + by;
      return place < 0 || place >= axis.values.length ? none() : place;
    });
  }

  function byKey(names, grid, values, plane, key) {
    const [x, y] = plane;
    const right = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (right) return stepped(names, grid, values, x, right);
    const up = { ArrowUp: 1, ArrowDown: -1 }[key];
    if (!up || !y) return nones(names.length);
    return stepped(names, grid, values, y, y === "shift_y" ? -up : up); /* down is down */
  }

  function plain(number) {
    const text = String(Number(number.toPrecision(4)));
    return text.startsWith("-") ? MINUS + text.slice(1) : text;
  }

  function plot(id) {
    return document.querySelector("#" + id + " .js-plotly-plot");
  }

  function frames(beside, options) {
    const all = (options || []).map((option) => option.value);
    const some = all.filter((label) => (beside || []).includes(label));
    return some.length > 1 ? some : all;
  }

  /* Which scene was turned, and from where it is seen now. */
  function turned(change) {
    return Object.keys(change).find((name) => /^scene\d*\.camera$/.test(name));
  }

  function eye(camera) {
    return ["x", "y", "z"].map((letter) => Number(camera.eye[letter].toFixed(3)));
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    explorer: {
      remember(query) {
        if (query !== undefined && query !== null) {
          const wanted = window.location.pathname + query;
          if (wanted !== window.location.pathname + window.location.search) {
            window.history.replaceState(null, "", wanted);
          }
        }
        return none();
      },

      texts(...given) {
        const grid = given.pop();
        return given.map((value, i) => {
          const names = given.length === 3 && axisOf(grid, "rotation") ? POSE : WEIGHTS;
          const axis = axisOf(grid, names[i]);
          if (!axis) return "";
          const at = axis.values[Math.min(Math.max(Number(value) || 0, 0), axis.values.length - 1)];
          const gap = axis.unit && axis.unit !== "°" ? "\u202f" : "";
          return plain(at) + gap + axis.unit;
        });
      },

      pose(heat, profile, volume, key, plane, rotation, shiftX, shiftY, grid) {
        const values = [rotation, shiftX, shiftY];
        const source = triggered();
        const planeAxes = (plane || "").split("-");
        if (source === "key.data") {
          return key ? byKey(POSE, grid, values, planeAxes, key.name) : nones(3);
        }
        const clicked = { "s-heat.clickData": heat, "s-profiles.clickData": profile }[source] || volume;
        const point = clicked && clicked.points && clicked.points[0];
        if (!point) return nones(3);
        if (source === "s-heat.clickData") {
          return moved(POSE, grid, { [planeAxes[0]]: point.x, [planeAxes[1]]: point.y });
        }
        if (source === "s-profiles.clickData") {
          const axis = POSE[Array.isArray(point.customdata) ? point.customdata[0] : point.customdata];
          return axis ? moved(POSE, grid, { [axis]: point.x }) : nones(3);
        }
        return moved(POSE, grid, { rotation: point.x, shift_x: point.y, shift_y: point.z });
      },

      /* What is said of an attack, as long as its image is shown. */
      told(ways, image) {
        return ways && ways.image === image ? ways.told : "";
      },

      /* The image that is shown, in the list. */
      mark(image) {
        window.requestAnimationFrame(() => {
          document.querySelectorAll("#s-list [data-image]").forEach((entry) => {
            const here = entry.dataset.image === String(image);
            entry.setAttribute("aria-current", here ? "true" : "false");
            if (here) entry.scrollIntoView({ block: "nearest" });
          });
        });
        return none();
      },

      images(key, back, on, sort, image, page, order) {
        const source = triggered();
        if (source === "s-sort.value") return [none(), 0];
        if (!order || !order.length) return nones(2);
        const last = Math.ceil(order.length / PAGE) - 1;
        if (source === "s-back.n_clicks" && back) return [none(), Math.max(page - 1, 0)];
        if (source === "s-on.n_clicks" && on) return [none(), Math.min(page + 1, last)];
        const step = key && { PageDown: 1, j: 1, PageUp: -1, k: -1 }[key.name];
        if (source !== "key.data" || !step) return nones(2);
        const place = order.indexOf(image) + step;
        if (place < 0 || place >= order.length) return nones(2);
        const wanted = Math.floor(place / PAGE);
        return [order[place], wanted === page ? none() : wanted];
      },

      weights(contour, surface, key, plane, alpha, beta, gamma, grid) {
        const values = [alpha, beta, gamma];
        const source = triggered();
        const dims = (grid || []).length;
        const axes = dims === 3 ? (plane || "").split("-") : WEIGHTS.slice(0, dims);
        if (source === "key.data") {
          return key ? byKey(WEIGHTS, grid, values, axes, key.name) : nones(3);
        }
        const clicked = source === "w-contour.clickData" ? contour : surface;
        const point = clicked && clicked.points && clicked.points[0];
        if (!point) return nones(3);
        if (dims === 1) return moved(WEIGHTS, grid, { alpha: point.x });
        if (dims === 3 && source === "w-surface.clickData") {
          return moved(WEIGHTS, grid, { alpha: point.x, beta: point.y, gamma: point.z });
        }
        return moved(WEIGHTS, grid, { [axes[0]]: point.x, [axes[1]]: point.y });
      },

      /* Of a volume, where the axis stands that the contours do not show. */
      held(alpha, beta, gamma, plane, grid, before) {
        if ((grid || []).length !== 3) return before === null || before === undefined ? "" : none();
        const values = { alpha, beta, gamma };
        const axis = WEIGHTS.find((name) => !(plane || "").split("-").includes(name));
        const now = axis + " " + values[axis];
        return now === before ? none() : now;
      },

      play(clicks, mode, key, disabled) {
        const source = triggered();
        const turn = source === "w-play.n_clicks" || (source === "key.data" && key && key.name === " ");
        const playing = mode === "sequence" && (turn ? disabled : !disabled);
        return [!playing, playing ? "Stop" : "Play", mode === "sequence" ? "player" : "hidden"];
      },

      frame(ticks, beside, value, options) {
        const count = frames(beside, options).length;
        const next = triggered() === "w-clock.n_intervals" ? (Number(value) + 1) % count : Number(value);
        return [Math.min(next, count - 1), count - 1];
      },

      frameText(value, beside, options) {
        const all = frames(beside, options);
        const place = Math.min(Number(value) || 0, all.length - 1);
        return all.length ? all[place] + " (" + (place + 1) + "/" + all.length + ")" : "";
      },

      quantile(value, scale) {
        return [value + "\u202f%", scale === "clipped" ? "slider short" : "hidden"];
      },

      /* The pointer over one figure, shown in the other: traces 3 n + 2 are there for that. */
      point(contour, surface, lower, upper) {
        const fromContour = triggered() === "w-contour.hoverData";
        const hovered = fromContour ? contour : surface;
        const [from, to] = fromContour ? [lower, upper] : [upper, lower];
        const graph = plot(fromContour ? "w-surface" : "w-contour");
        const point = hovered && hovered.points && hovered.points[0];
        if (!point || !graph || !from || !to || !window.Plotly) return none();
        const trace = from.data[point.curveNumber] || {};
        const where = (fromContour ? trace.xaxis : trace.scene) || "";
        const panel = Math.max(Number(where.replace(/[a-z]+/, "")) - 1, 0);
        const target = graph.data[3 * panel + 2];
        if (!target || target.name !== "pointer") return none();
        const change = { x: [[point.x]], y: [[point.y]], visible: true };
        if (fromContour) {
          if (typeof point.z !== "number" || trace.type !== "heatmap") return none();
          change.z = [[point.z]];
        } else if (trace.type !== "surface") {
          return none();
        }
        window.Plotly.restyle(graph, change, [3 * panel + 2]);
        return none();
      },

      /* All scenes of a figure are turned together; says from where they are seen. */
      cameras(change) {
        const graph = plot(triggered().split(".")[0]);
        const key = change && graph && window.Plotly && turned(change);
        if (!key) return none();
        const now = String(eye(change[key]));
        const others = Object.keys(graph.layout).filter(
          (name) => /^scene\d*$/.test(name) && String(eye(graph.layout[name].camera)) !== now
        );
        if (others.length) {
          const update = {};
          others.forEach((name) => { update[name + ".camera"] = change[key]; });
          window.setTimeout(() => window.Plotly.relayout(graph, update));
        }
        return eye(change[key]);
      },
    },
  });

  const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
  const OTHERS = ["PageUp", "PageDown", "j", "k", " "];
  const CONTROLS = "input, textarea, select, button, summary, [role=listbox], [role=option], .dash-dropdown-wrapper";
  let count = 0;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const control = event.target.closest && event.target.closest(CONTROLS);
    const typing = control && control.matches("input:not([type=range]):not([type=radio]), textarea");
    if (typing) return;
    if (event.key === "?") {
      const help = document.getElementById("keys");
      if (help) help.open = !help.open;
      return;
    }
    const paging = ["PageUp", "PageDown", "j", "k"].includes(event.key);
    if (control && !paging) return; /* the control has its own use for it */
    if (!ARROWS.includes(event.key) && !OTHERS.includes(event.key)) return;
    event.preventDefault();
    count += 1;
    window.dash_clientside.set_props("key", { data: { name: event.key, count } });
  });

  document.addEventListener("click", (event) => {
    const entry = event.target.closest && event.target.closest("#s-list [data-image]");
    if (entry) window.dash_clientside.set_props("s-image", { data: Number(entry.dataset.image) });
  });

  /* The name of a menu is said with its value. */
  new MutationObserver(() => {
    document.querySelectorAll(".choice .dash-dropdown").forEach((button) => {
      const label = button.closest(".choice").getAttribute("aria-labelledby");
      const said = button.getAttribute("aria-labelledby") || "";
      if (label && !said.includes(label)) button.setAttribute("aria-labelledby", label + " " + said);
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
