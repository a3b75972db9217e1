/** What lies over the grid when there is something to say: nothing to show, a busy kernel, none, an error. */

import { effect } from "@preact/signals-core";
import { h } from "./dom";
import { type Part, part } from "./part";
import type { Store } from "./store";

const NOTICE_MS = 10_000;
const GONE = "The kernel has restarted or is gone. Run the cell again to bring the gallery back.";

/** Nothing in view: why, and the way out. */
export function createEmptyState(store: Store): Part {
  const { traits } = store;
  const message = h("p", { class: "message" });
  const hint = h("p", { class: "hint" });
  const back = h("button", { type: "button" });
  const element = h("div", { class: "empty", role: "status", hidden: true }, message, hint, back);
  back.addEventListener("click", () => store.clear(traits.query_label.value ? "query" : "filters"));
  const stop = effect(() => {
    element.hidden = traits.count.value > 0 || traits.epoch.value === 0;
    message.textContent = traits.status.value.message || "No images in view";
    hint.textContent = traits.status.value.hint ?? "";
    back.hidden = !traits.query_label.value && !traits.filter_label.value;
    back.textContent = traits.query_label.value ? "Back" : "Clear filter";
  });
  return part(element, stop);
}

/** The kernel does not answer, for now or for good. */
export function createConnectionNotice(store: Store): Part {
  const { gone, overdue } = store.client;
  const element = h("div", { class: "connection", role: "status", hidden: true });
  const stop = effect(() => {
    element.hidden = !gone.value && overdue.value.size === 0;
    element.classList.toggle("gone", gone.value);
    element.textContent = gone.value ? GONE : "The kernel is busy. The gallery goes on when it has finished.";
  });
  return part(element, stop);
}

/** Something that the user asked for has failed. */
export function createToast(store: Store): Part {
  const message = h("span", {});
  const close = h("button", { type: "button", "aria-label": "Dismiss" }, "×");
  const element = h("div", { class: "toast", role: "alert", hidden: true }, message, close);
  close.addEventListener("click", () => store.dismissNotice());
  const stop = effect(() => {
    const notice = store.notice.value;
    element.hidden = notice === undefined;
    message.textContent = notice?.message ?? "";
    if (notice === undefined) return undefined;
    const timer = setTimeout(() => store.dismissNotice(), NOTICE_MS);
    return () => clearTimeout(timer);
  });
  return part(element, stop);
}
