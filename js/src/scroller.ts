/** Where the viewport is: a virtual offset, and the browser's scroll offset that stands for it. */

import { follow, isStuck, type Layout, maxTop, toScroll } from "./virtual";

/** Where the browser does not say that scrolling has come to rest, it has after this long. */
const REST_MS = 150;

export class Scroller {
  readonly #viewport: HTMLElement;
  readonly #onRest: () => void;
  /** Virtual offset of the viewport's top edge. */
  top = 0;
  #scrollTop = 0;
  #hasScrolled = false;
  #restTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param onScroll Called when the browser has scrolled: `take` is to be called in the next frame.
   * @param onRest Called when it has come to rest: `moveTo` makes the two offsets agree again.
   */
  constructor(viewport: HTMLElement, onScroll: () => void, onRest: () => void) {
    this.#viewport = viewport;
    this.#onRest = onRest;
    viewport.addEventListener(
      "scroll",
      () => {
        this.#hasScrolled = true;
        onScroll();
        if (!("onscrollend" in window)) this.#waitForRest();
      },
      { passive: true },
    );
    viewport.addEventListener("scrollend", onRest);
  }

  /** What is to be added to a virtual offset to get one within the scrolled element. */
  get shift(): number {
    return this.#scrollTop - this.top;
  }

  /** Go to a virtual offset, in whole pixels, so that the browser need not be asked how it has rounded. */
  moveTo(layout: Layout, top: number): void {
    this.top = Math.round(Math.max(0, Math.min(top, maxTop(layout))));
    const scrollTop = Math.round(toScroll(layout, this.top));
    if (scrollTop !== this.#scrollTop) this.#viewport.scrollTop = scrollTop;
    this.#scrollTop = scrollTop;
  }

  /** Go where the browser has scrolled to since the last time. */
  take(layout: Layout | undefined): void {
    if (!this.#hasScrolled) return;
    this.#hasScrolled = false;
    const { scrollTop } = this.#viewport;
    if (scrollTop === this.#scrollTop) return; // our own doing
    if (layout) this.top = follow(layout, this.top, this.#scrollTop, scrollTop);
    this.#scrollTop = scrollTop;
    if (layout && isStuck(layout, this.top, scrollTop)) this.moveTo(layout, this.top);
  }

  /** A browser forgets how far an element is scrolled while that is not shown. */
  restore(): void {
    this.#viewport.scrollTop = this.#scrollTop;
  }

  dispose(): void {
    clearTimeout(this.#restTimer);
  }

  #waitForRest(): void {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(this.#onRest, REST_MS);
  }
}
