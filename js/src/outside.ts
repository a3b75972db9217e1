/** An image from outside the project, dropped on the gallery or pasted into it: what is similar to it is shown. */

import { h, isTextField } from "./dom";
import { readImage } from "./imagefile";
import { type Part, part } from "./part";
import { MAX_FILE_NAME } from "./protocol";
import type { Store } from "./store";

export interface OutsideActions {
  /** Similar images are about to be asked for. */
  asked(): void;
  /** Say what was done. */
  say(what: string): void;
}

/**
 * Listen for images from outside.
 *
 * @param gallery Where they are dropped, and what has to have the focus when they are pasted.
 * @returns What lies over the gallery while a file is dragged over it.
 */
export function createOutside(store: Store, gallery: HTMLElement, actions: OutsideActions): Part {
  const element = h(
    "div",
    { class: "drop", "aria-hidden": "true", hidden: true },
    h("p", { class: "message" }, "Drop an image to find similar ones"),
  );
  const listening = new AbortController();
  const { signal } = listening;
  // What the mouse is over. To count what is entered and left goes wrong where cards come and go under the mouse.
  let over: EventTarget | null = null;
  let latest = 0;

  const hide = () => {
    over = null;
    element.hidden = true;
  };

  async function search(files: readonly File[]): Promise<void> {
    // Of some kinds of images, and of folders, browsers do not know the type.
    const file = files.find(({ type }) => type.startsWith("image/")) ?? files.find(({ type }) => type === "");
    const number = ++latest;
    const data = file && (await readImage(file));
    if (number !== latest || signal.aborted) return; // another one came while this one was read
    if (!data) {
      store.notify(`${(file ?? files[0])?.name ?? "What was dropped"} is no image that can be read.`);
      return;
    }
    actions.asked();
    actions.say(files.length > 1 ? `The first image of ${files.length} files is searched for.` : "");
    store.showSimilarTo([...file.name].slice(0, MAX_FILE_NAME).join(""), data);
  }

  /** Whether files are dragged and not, for instance, text or a tab; if so nothing else on the page gets them. */
  const take = (event: DragEvent): boolean => {
    if (!event.dataTransfer?.types.includes("Files")) return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const onDrag = (type: "dragenter" | "dragover" | "dragleave" | "drop", act: (event: DragEvent) => void) =>
    gallery.addEventListener(type, (event) => take(event) && act(event), { signal });

  onDrag("dragenter", (event) => {
    over = event.target;
    element.hidden = store.client.gone.value;
  });
  onDrag("dragover", ({ dataTransfer }) => {
    if (dataTransfer) dataTransfer.dropEffect = "copy";
  });
  onDrag("dragleave", (event) => {
    if (event.target === over) hide(); // what is entered is told before what is left
  });
  onDrag("drop", ({ dataTransfer }) => {
    hide();
    void search([...(dataTransfer?.files ?? [])]);
  });
  document.addEventListener("dragend", hide, { capture: true, signal });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide(), {
    capture: true,
    signal,
  });

  // Browsers send it to where text is selected, which need not be where the focus is.
  document.addEventListener(
    "paste",
    (event) => {
      const { activeElement } = gallery.getRootNode() as ShadowRoot;
      const files = [...(event.clipboardData?.files ?? [])];
      if (!activeElement || isTextField(activeElement) || files.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      void search(files);
    },
    { capture: true, signal },
  );
  return part(element, () => listening.abort());
}
