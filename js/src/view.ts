/** One view of a gallery: the parts in a shadow root, where the page's styles do not reach. */

import { effect } from "@preact/signals-core";
import { h, isTextField } from "./dom";
import { Grid } from "./grid";
import gridStyles from "./grid.css";
import { createConnectionNotice, createEmptyState, createToast } from "./notices";
import { createOutside } from "./outside";
import type { Part } from "./part";
import { Preview } from "./preview";
import previewStyles from "./preview.css";
import { createSelectionBar } from "./selection";
import type { Store } from "./store";
import styles from "./styles.css";
import { createToolbar } from "./toolbar";

export function createView(store: Store): Part {
  const toolbar = createToolbar(store);
  const selection = createSelectionBar(store, () => {
    if (preview.isOpen.value) preview.focus();
    else grid.focusActive();
  });
  const tag = () => selection.focusTag();
  const grid: Grid = new Grid(store, { preview: (position) => preview.open(position), tag });
  const preview: Preview = new Preview(store, {
    moved: (position) => grid.activate(position),
    closed: () => grid.focusActive(),
    tag,
  });
  const empty = createEmptyState(store);
  const connection = createConnectionNotice(store);
  const toast = createToast(store);

  // JupyterLab would take S or A for its own while a card has the focus (it listens first, hence the attribute), and
  // keep Enter from sending the tag (it listens last, hence the end of every key below).
  const host = h("div", { class: "simwidget-gallery", "data-lm-suppress-shortcuts": "true" });
  const stage = h("div", { class: "stage" }, grid.element, empty.element, preview.element, toast.element);
  const gallery = h(
    "div",
    { class: "gallery" },
    toolbar.element,
    connection.element,
    stage,
    selection.element,
  );
  const outside = createOutside(store, gallery, {
    asked: () => {
      if (preview.isOpen.value) preview.close();
    },
    say: (what) => selection.say(what),
  });
  gallery.append(outside.element);
  const parts: readonly Part[] = [toolbar, grid, preview, selection, empty, connection, toast, outside];
  host.attachShadow({ mode: "open" }).append(h("style", {}, styles, gridStyles, previewStyles), gallery);

  gallery.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const target = event.target as Element;
    const isCommand = (event.ctrlKey || event.metaKey) && !isTextField(target);
    // Browsers would undo what was last typed in the page: in a cell of the notebook, unseen.
    if (isCommand && /^[zy]$/i.test(event.key)) event.preventDefault();
    if (isCommand && /^c$/i.test(event.key) && !event.shiftKey && !event.altKey && canCopy()) {
      event.preventDefault();
      if (!event.repeat) selection.copyPaths();
    }
    if (event.key !== "Escape" || isTextField(target) || target.matches("select")) return;
    if (store.traits.query_label.value) store.clear("query");
  });
  // Text that is selected, a file name in the preview for instance, is what the user wants then.
  const canCopy = () => store.traits.selection_count.value > 0 && !document.getSelection()?.toString();
  const stop = effect(() => {
    const gone = store.client.gone.value;
    gallery.classList.toggle("gone", gone);
    const previewing = preview.isOpen.value;
    gallery.classList.toggle("previewing", previewing);
    toolbar.element.inert = gone || previewing;
    grid.element.inert = previewing;
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
