/** A gallery on a page, for tests: displayed on a test kernel, found and worked as a user does. */

import { vi } from "vitest";
import createWidget from "../src/widget";
import { Kernel, type KernelOptions, settle } from "./kernel";

export const WIDTH = 800;
export const HEIGHT = 560;

/** happy-dom lays nothing out and decodes no image: this much stands in for a browser of 800 × 560 pixels. */
export function standInForLayout(): void {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(WIDTH);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(HEIGHT);
  vi.spyOn(HTMLImageElement.prototype, "naturalWidth", "get").mockReturnValue(200);
  HTMLImageElement.prototype.decode = () => Promise.resolve();
  // happy-dom throws where a browser says that the focus is not in this shadow root but in another.
  const { get } = Object.getOwnPropertyDescriptor(ShadowRoot.prototype, "activeElement") as {
    get(this: ShadowRoot): Element | null;
  };
  vi.spyOn(ShadowRoot.prototype, "activeElement", "get").mockImplementation(function (this: ShadowRoot) {
    try {
      return get.call(this);
    } catch {
      return null;
    }
  });
}

/** One displayed view, found by what a user sees. */
export class View {
  readonly root: ShadowRoot;

  constructor(
    readonly el: HTMLElement,
    readonly dispose: () => void,
  ) {
    this.root = el.querySelector(".simwidget-gallery")?.shadowRoot as ShadowRoot;
  }

  find<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = this.root.querySelector<T>(selector);
    if (!found) throw new Error(`no ${selector}`);
    return found;
  }

  get cards(): HTMLElement[] {
    const cells = [...this.root.querySelectorAll<HTMLElement>("[role=gridcell]:not([hidden])")];
    return cells.sort((a, b) => this.position(a) - this.position(b));
  }

  position(card: HTMLElement): number {
    const row = Number(card.parentElement?.getAttribute("aria-rowindex"));
    const columns = Number(this.find("[role=grid]").getAttribute("aria-colcount"));
    return (row - 1) * columns + Number(card.getAttribute("aria-colindex")) - 1;
  }

  card(position: number): HTMLElement {
    const card = this.cards.find((candidate) => this.position(candidate) === position);
    if (!card) throw new Error(`no card at ${position}`);
    return card;
  }

  get selected(): number[] {
    return this.cards
      .filter((card) => card.getAttribute("aria-selected") === "true")
      .map((c) => this.position(c));
  }

  get focused(): number {
    return this.position(this.root.activeElement as HTMLElement);
  }

  button(text: string): HTMLButtonElement {
    const buttons = [...this.root.querySelectorAll("button")];
    const button = buttons.find((b) => b.textContent === text || b.getAttribute("aria-label") === text);
    if (!button) throw new Error(`no button ${text}`);
    return button;
  }

  click(element: HTMLElement, options: MouseEventInit = {}): void {
    element.dispatchEvent(
      new MouseEvent("click", { bubbles: true, composed: true, cancelable: true, ...options }),
    );
  }

  doubleClick(element: HTMLElement): void {
    this.click(element);
    this.click(element);
    element.dispatchEvent(new MouseEvent("dblclick", { bubbles: true, composed: true }));
  }

  /** Something that the mouse does at a place, counted from the upper left corner of the grid. */
  mouse(type: string, element: HTMLElement, at: readonly [number, number], options: PointerEventInit = {}) {
    const place = { clientX: at[0], clientY: at[1], buttons: Number(type !== "pointerup") };
    const defaults = { bubbles: true, composed: true, cancelable: true, pointerId: 1, pointerType: "mouse" };
    element.dispatchEvent(new PointerEvent(type, { ...defaults, ...place, ...options }));
  }

  press(key: string, options: KeyboardEventInit = {}): KeyboardEvent {
    const event = new KeyboardEvent("keydown", {
      key,
      bubbles: true,
      composed: true,
      cancelable: true,
      ...options,
    });
    (this.root.activeElement ?? this.find("[role=grid]")).dispatchEvent(event);
    return event;
  }

  type(input: HTMLInputElement, text: string): void {
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** Put an element on the page alone, in a shadow root as in a gallery. */
export function inGallery(element: HTMLElement): HTMLElement {
  const host = document.createElement("div");
  host.className = "simwidget-gallery";
  host.attachShadow({ mode: "open" }).append(element);
  const el = document.body.appendChild(document.createElement("div"));
  el.append(host);
  return el;
}

const displayed = new Set<View>();

/** Take all galleries off the page; one that stayed would act when its timers fire in a later test. */
export function clearPage(): void {
  for (const view of displayed) view.dispose();
  displayed.clear();
  document.body.replaceChildren();
}

export async function display(options: KernelOptions, views = 1) {
  const kernel = new Kernel(options);
  const widget = createWidget();
  const dispose = widget.initialize({ model: kernel.model } as never);
  const shown = Array.from({ length: views }, () => {
    const el = document.body.appendChild(document.createElement("div"));
    return new View(el, widget.render({ model: kernel.model, el } as never));
  });
  for (const view of shown) displayed.add(view);
  await settle();
  return { kernel, dispose, view: shown[0] as View, other: shown[1] as View };
}
