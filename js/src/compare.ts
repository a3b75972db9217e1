/** What stands around two images that are compared: a bar above them, a caption below each. */

import { h } from "./dom";
import { formatBytes, formatPixels } from "./format";
import type { Details } from "./protocol";

const AMPLIFICATIONS = [1, 4, 16];

export interface CaptionContent {
  id: number;
  name: string;
  /** `undefined` while they are on their way. */
  details: Details | undefined;
  /** The keeper of the group that both images are in; none where they are in none. */
  keeper: number | null | undefined;
}

export class Caption {
  readonly element: HTMLElement;
  readonly #name = h("span", { class: "caption-name", dir: "auto" });
  readonly #size = h("span", { class: "caption-size" });
  readonly #keeper = h("span", { class: "keeper-mark" }, "Keeper");
  readonly #keep = h("button", { type: "button", title: "Make this the image that stays of its group" });
  #item: number | undefined;

  /** @param onKeep Called with the item that is to stay of its group. */
  constructor(onKeep: (item: number) => void) {
    this.#keep.textContent = "Keep this";
    this.#keep.addEventListener("click", () => {
      if (this.#item !== undefined) onKeep(this.#item);
    });
    this.element = h(
      "div",
      { class: "pane-caption", hidden: true },
      h("span", { class: "caption-text" }, this.#name, this.#size),
      this.#keeper,
      this.#keep,
    );
  }

  show(content: CaptionContent | undefined): void {
    this.element.hidden = content === undefined;
    this.#item = content?.id;
    if (!content) return;
    const { id, name, details, keeper } = content;
    this.#name.textContent = name;
    this.#name.title = name;
    this.#size.textContent = details
      ? `${formatPixels(details.width, details.height)} · ${formatBytes(details.bytes)}`
      : "";
    this.#keeper.hidden = keeper !== id;
    this.#keep.hidden = keeper === undefined || keeper === null || keeper === id;
    this.#keep.setAttribute("aria-label", `Keep this: ${name}`);
  }
}

export interface CompareActions {
  difference(): void;
  amplify(times: number): void;
  leave(): void;
}

export class CompareBar {
  readonly element: HTMLElement;
  readonly #difference = h(
    "button",
    { type: "button", title: "Show the two over each other (D)" },
    "Difference",
  );
  readonly #amplify = h("button", { type: "button", title: "How much brighter differences are shown" });
  readonly #hint = h("span", { class: "compare-hint", role: "status" });
  #times = 1;

  constructor(actions: CompareActions) {
    const leave = h("button", { type: "button", title: "Back to one image (C)" }, "Leave comparison");
    leave.addEventListener("click", () => actions.leave());
    this.#difference.addEventListener("click", () => actions.difference());
    this.#amplify.addEventListener("click", () => {
      const next = AMPLIFICATIONS.indexOf(this.#times) + 1;
      this.#times = AMPLIFICATIONS[next % AMPLIFICATIONS.length] ?? 1;
      this.#showTimes();
      actions.amplify(this.#times);
    });
    this.#showTimes();
    this.element = h(
      "div",
      { class: "compare-bar", hidden: true },
      this.#difference,
      this.#amplify,
      this.#hint,
      h("span", { class: "spring" }),
      leave,
    );
  }

  /** @param isComplete Whether both large images are shown, without which their difference says little. */
  show(isComparing: boolean, isDifference: boolean, isComplete: boolean): void {
    this.element.hidden = !isComparing;
    this.#difference.setAttribute("aria-pressed", String(isDifference));
    this.#amplify.hidden = !isDifference;
    const hint = isComplete
      ? "Black: no difference"
      : "Black: no difference (of thumbnails, until both are loaded)";
    this.#hint.textContent = isDifference ? hint : "";
  }

  #showTimes(): void {
    this.#amplify.textContent = `× ${this.#times}`;
    this.#amplify.setAttribute("aria-label", `Amplification: ${this.#times} times`);
  }
}
