/** The line above the grid: what is shown, in which order, how large. */

import { effect } from "@preact/signals-core";
import { h, icon } from "./dom";
import { formatCount, formatItems } from "./format";
import { type Part, part } from "./part";
import type { Mode } from "./protocol";
import type { Store } from "./store";

const SMALL_ICON = "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z";
const LARGE_ICON = "M2 2h12v12H2z";
const GROUPS_ICON = "M2 2h5v4H2zM9 2h3v4H9zM2 10h5v4H2zM9 10h3v4H9zM14.5 2v4M14.5 10v4";

/** A removable chip that says what the view is narrowed to; hidden when there is nothing to say. */
function chip(title: string, onRemove: () => void): { element: HTMLElement; show(text: string): void } {
  const label = h("span", { class: "chip-label" });
  const remove = h("button", { type: "button", title }, "×");
  remove.addEventListener("click", onRemove);
  const element = h("span", { class: "chip", hidden: true }, label, remove);
  return {
    element,
    show(text) {
      element.hidden = text === "";
      label.textContent = text;
      label.title = text;
      remove.setAttribute("aria-label", `${title}: ${text}`);
    },
  };
}

/** The two ways to show the view. */
function createModes(store: Store): Part {
  const { mode, query_label } = store.traits;
  const button = (of: Mode, text: string, path: string, title: string) => {
    const element = h(
      "button",
      { type: "button", title, "aria-label": text },
      icon(path),
      h("span", {}, text),
    );
    element.addEventListener("click", () => store.setMode(of));
    return element;
  };
  const buttons: Record<Mode, HTMLButtonElement> = {
    grid: button("grid", "Grid", SMALL_ICON, "All images in view"),
    groups: button("groups", "Groups", GROUPS_ICON, "Duplicates row by row, the image to keep first"),
  };
  const element = h(
    "div",
    { class: "modes", role: "group", "aria-label": "Show as" },
    buttons.grid,
    buttons.groups,
  );
  return part(
    element,
    effect(() => {
      for (const [of, one] of Object.entries(buttons)) {
        one.setAttribute("aria-pressed", String(of === mode.value));
        one.disabled = query_label.value !== ""; // the similar images are one list
      }
    }),
  );
}

export function createToolbar(store: Store): Part {
  const { traits } = store;
  const title = h("div", { class: "title" });
  const query = chip("Back to all", () => store.clear("query"));
  const filter = chip("Clear filter", () => store.clear("filters"));
  const count = h("span", { class: "count", role: "status" });

  const missing = h("span", { class: "missing-count" });
  const sort = h("select", { "aria-label": "Sort by" });
  const direction = h("button", { type: "button", class: "icon-button direction" });
  sort.addEventListener("change", () => store.sortBy(sort.value));
  direction.addEventListener("click", () => {
    // Of what has just been chosen, which the kernel perhaps has not heard of yet.
    store.sortBy(traits.sort.value.startsWith("-") ? sort.value : `-${sort.value}`);
  });

  const modes = createModes(store);
  const size = h("input", {
    type: "range",
    min: 96,
    max: 320,
    step: 8,
    "aria-label": "Thumbnail size",
    title: "Thumbnail size",
  });
  size.addEventListener("input", () => store.setThumbnailSize(size.valueAsNumber, false));
  size.addEventListener("change", () => store.setThumbnailSize(size.valueAsNumber, true));

  const element = h(
    "div",
    { class: "toolbar" },
    title,
    h("div", { class: "chips" }, query.element, filter.element),
    h("span", { class: "spring" }),
    count,
    modes.element,
    missing,
    h("label", { class: "sort" }, h("span", {}, "Sort"), sort, direction),
    h("label", { class: "size" }, icon(SMALL_ICON), size, icon(LARGE_ICON)),
  );

  return part(
    element,
    () => modes.dispose(),
    effect(() => {
      title.textContent = traits.title.value;
      title.title = traits.title.value;
    }),
    effect(() => query.show(traits.query_label.value)),
    effect(() => filter.show(traits.filter_label.value)),
    effect(() => {
      const shown = traits.count.value;
      const total = traits.total.value;
      const groups = traits.mode.value === "groups";
      count.textContent = groups
        ? `${formatItems(shown)} in ${formatItems(traits.group_count.value, "group")}`
        : shown === total
          ? formatItems(total)
          : `${formatCount(shown)} of ${formatCount(total)}`;
      count.title = groups ? `Within ${traits.group_threshold.value} of the image to keep` : "";
    }),
    effect(() => {
      const without = traits.missing_count.value;
      missing.hidden = without === 0;
      missing.textContent = `${formatCount(without)} without come last`;
      missing.title = `${formatItems(without)} without ${traits.value_name.value}`;
    }),
    effect(() => {
      const key = traits.sort.value.replace(/^-/, "");
      const keys = traits.sort_keys.value;
      const options = keys.includes(key) ? keys : [key, ...keys];
      sort.replaceChildren(...options.map((name) => h("option", { value: name }, name)));
      sort.value = key;
    }),
    effect(() => {
      const descending = traits.sort.value.startsWith("-");
      direction.textContent = descending ? "↓" : "↑";
      direction.title = descending ? "Descending; click for ascending" : "Ascending; click for descending";
      direction.setAttribute("aria-label", `Sort order: ${descending ? "descending" : "ascending"}`);
      // The nearest come first when looking at similar items; the other way round shows nothing of use.
      direction.disabled = !traits.sort_keys.value.includes(traits.sort.value.replace(/^-/, ""));
    }),
    effect(() => {
      size.value = String(traits.thumbnail_size.value);
    }),
  );
}
