/** The bar below the grid: how many items are selected, and what to do with them. */

import { effect, signal } from "@preact/signals-core";
import { copyText } from "./clipboard";
import { h } from "./dom";
import { formatCount, formatItems } from "./format";
import { type Part, part } from "./part";
import type { Store } from "./store";

let lists = 0;

function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = h("button", { type: "button" }, text);
  element.addEventListener("click", onClick);
  return element;
}

const NO_CLIPBOARD = "The browser does not allow copying; use Copy paths in the Tags tab.";

export interface SelectionBar extends Part {
  /** Take the user to the field for the tag as soon as something is selected. */
  focusTag(): void;
  /** Copy the paths of the selected images, one a line. */
  copyPaths(): void;
  /** Say what was done. */
  say(what: string): void;
}

/** @param leave Takes the focus back to the images: the user is done with the field for the tag. */
export function createSelectionBar(store: Store, leave: () => void): SelectionBar {
  const { traits } = store;
  const feedback = signal("");
  const selected = h("span", { class: "selected", role: "status" });
  const all = button("Select all", () => store.selectView("all"));
  const invert = button("Invert", () => store.selectView("invert"));
  const none = button("Clear", () => store.selectView("none"));
  const copy = button("Copy paths", () => void copyPaths());
  copy.title = "Copy the paths of the selected images, one a line (Ctrl/Cmd+C)";
  const extras = button("All but keepers", () => store.selectView("extras"));
  extras.title = "Select all in view but the image to keep of each group";

  const known = h("datalist", { id: `tags-${++lists}` });
  const name = h("input", {
    type: "text",
    placeholder: "Tag",
    "aria-label": "Tag for the selected images",
    list: known.id,
    maxlength: 100,
    autocomplete: "off",
    spellcheck: "false",
  });
  const tag = h("button", { type: "submit", class: "primary" }, "Tag");
  const untag = button("Untag", () => void apply("untag"));
  const result = h("span", { class: "feedback", role: "status" });
  const form = h("form", { class: "tagging" }, name, known, tag, untag);
  name.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void apply("tag");
    if ((name.getRootNode() as ShadowRoot).activeElement === name) leave(); // it was Enter, not the button
  });

  async function apply(kind: "tag" | "untag"): Promise<void> {
    const text = name.value.trim();
    if (text === "" || traits.selection_count.value === 0) return;
    const changed = await store.tag(kind, text);
    if (changed === undefined) return;
    const verb = kind === "tag" ? "tagged" : "untagged";
    feedback.value =
      changed === 0 ? `All were ${verb} ${text} already` : `${formatCount(changed)} ${verb} ${text}`;
  }

  async function copyPaths(): Promise<void> {
    const paths = await store.paths();
    if (!paths) return;
    if (await copyText(paths.join("\n"), element))
      feedback.value = `Copied ${formatItems(paths.length, "path")}.`;
    else store.notify(NO_CLIPBOARD);
  }

  const hasText = signal(false);
  name.addEventListener("input", () => {
    hasText.value = name.value.trim() !== "";
  });

  const wantsFocus = signal(false);
  const element = h(
    "div",
    { class: "selection" },
    selected,
    h("span", { class: "buttons" }, extras, all, invert, none, copy),
    h("span", { class: "spring" }),
    result,
    form,
  );
  const bar = part(
    element,
    effect(() => {
      const n = traits.selection_count.value;
      const hidden = n - traits.selection_in_view.value;
      selected.textContent =
        n === 0
          ? "None selected"
          : `${formatCount(n)} selected${hidden ? ` (${formatCount(hidden)} not in view)` : ""}`;
      element.classList.toggle("any", n > 0);
      none.disabled = n === 0;
      copy.disabled = n === 0;
      name.disabled = n === 0;
      tag.disabled = n === 0 || !hasText.value;
      untag.disabled = n === 0 || !hasText.value;
    }),
    effect(() => {
      const n = traits.count.value;
      all.disabled = n === 0 || traits.selection_in_view.value === n;
      invert.disabled = n === 0;
      all.title = `Add all ${formatCount(n)} in view to the selection`;
      invert.title = "Invert the selection within the view";
    }),
    effect(() => {
      const tags = traits.tag_counts.value;
      known.replaceChildren(...tags.map(([text]) => h("option", { value: text })));
    }),
    effect(() => {
      // What was done to one selection says nothing about the next.
      void traits.selection_count.value;
      feedback.value = "";
    }),
    effect(() => {
      result.textContent = feedback.value;
    }),
    effect(() => {
      const groups = traits.mode.value === "groups";
      extras.hidden = !groups;
      extras.disabled = traits.count.value === 0;
    }),
    effect(() => {
      if (!wantsFocus.value || traits.selection_count.value === 0) return;
      wantsFocus.value = false;
      name.focus();
      name.select();
    }),
  );
  return {
    ...bar,
    focusTag() {
      wantsFocus.value = true;
    },
    copyPaths: () => void copyPaths(),
    say(what) {
      feedback.value = what;
    },
  };
}
