/** One view of a gallery: the parts in a shadow root, where the page's styles do not reach. */

import { effect } from "@preact/signals-core";
import { h } from "./dom";
import { Grid } from "./grid";
import gridStyles from "./grid.css";
import { createConnectionNotice, createEmptyState, createToast } from "./notices";
import type { Part } from "./part";
import { createSelectionBar } from "./selection";
import type { Store } from "./store";
import styles from "./styles.css";
import { createToolbar } from "./toolbar";

export function createView(store: Store): Part {
  const toolbar = createToolbar(store);
  const grid = new Grid(store);
  const selection = createSelectionBar(store);
  const empty = createEmptyState(store);
  const connection = createConnectionNotice(store);
  const toast = createToast(store);
  const parts: readonly Part[] = [toolbar, grid, selection, empty, connection, toast];

  // JupyterLab would take S or A for its own while a card has the focus (it listens first, hence the attribute), and
  // keep Enter from sending the tag (it listens last, hence the end of every key below).
  const host = h("div", { class: "simwidget-gallery", "data-lm-suppress-shortcuts": "true" });
  const stage = h("div", { class: "stage" }, grid.element, empty.element, toast.element);
  const gallery = h(
    "div",
    { class: "gallery" },
    toolbar.element,
    connection.element,
    stage,
    selection.element,
  );
  host.attachShadow({ mode: "open" }).append(h("style", {}, styles, gridStyles), gallery);

  gallery.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape" || (event.target as Element).matches("input[type=text], select")) return;
    if (store.traits.query_label.value) store.clear("query");
  });
  const stop = effect(() => {
    const gone = store.client.gone.value;
    gallery.classList.toggle("gone", gone);
    toolbar.element.inert = gone;
    selection.element.inert = gone;
  });

  return {
    element: host,
    dispose() {
      stop();
      for (const part of parts) part.dispose();
      host.remove();
    },
  };
}
