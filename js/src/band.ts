/** The rubber band: what lies under it (pure), and drawing one with the mouse. */

import { h } from "./dom";
import { MAX_RANGES } from "./protocol";
import type { Range } from "./ranges";
import { type Layout, rowTop } from "./virtual";

/** Distances from the left edge of the viewport, and virtual offsets. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** So far the mouse may move between down and up in a click, pixels. */
const SLACK = 4;
/** So near to the upper or lower edge the viewport starts to scroll. */
const ZONE = 16;
/** Pixels a second for every pixel that the mouse is in that zone or past it. */
const SPEED = 25;

/**
 * The positions of the cells under a box, ascending, adjacent ones in one range.
 *
 * Where that would be more ranges than one message holds, whole rows are taken instead.
 */
export function rangesUnder(layout: Layout, box: Box): Range[] {
  const { arrangement, cell, columns, gap, rowHeight, rows } = layout;
  const pitch = cell + gap;
  const firstColumn = Math.max(0, Math.ceil((box.left - gap - cell) / pitch));
  const lastColumn = Math.min(columns - 1, Math.floor((box.right - gap) / pitch));
  const firstRow = Math.max(0, Math.ceil((box.top - rowTop(layout, 1) + gap) / rowHeight));
  const lastRow = Math.min(rows - 1, Math.floor((box.bottom - gap) / rowHeight));
  const ranges: [number, number][] = [];
  if (firstColumn > lastColumn) return ranges;
  for (let row = firstRow; row <= lastRow; row++) {
    const start = arrangement.first(row) + firstColumn;
    const stop = Math.min(arrangement.first(row) + lastColumn + 1, arrangement.first(row + 1));
    if (start >= stop) continue;
    const last = ranges.at(-1);
    if (last?.[1] === start) last[1] = stop;
    else ranges.push([start, stop]);
    if (ranges.length > MAX_RANGES) return [[arrangement.first(firstRow), arrangement.first(lastRow + 1)]];
  }
  return ranges;
}

/** Where a point of the page is, counted from the upper left corner of what a viewport shows. */
export function placeIn(viewport: HTMLElement, point: { clientX: number; clientY: number }) {
  const { left, top } = viewport.getBoundingClientRect();
  return { x: point.clientX - left - viewport.clientLeft, y: point.clientY - top - viewport.clientTop };
}

/** How fast to scroll, pixels a second, with the mouse at a distance from the upper edge of a viewport. */
export function scrollSpeed(y: number, height: number): number {
  const above = Math.min(0, y - ZONE);
  const below = Math.max(0, y - (height - ZONE));
  return SPEED * (above + below);
}

/** The grid as the band sees it. */
export interface Bandable {
  /** The layout, the virtual offset of the viewport's top edge, and what makes of one an offset in the spacer. */
  look(): { layout: Layout | undefined; top: number; shift: number };
  scrollBy(pixels: number): void;
  /** Show which cells are under the band. */
  mark(ranges: readonly Range[]): void;
  /** Select what the band was drawn over. */
  select(ranges: readonly Range[], replace: boolean): void;
}

interface Press {
  readonly pointer: number;
  /** Where the mouse was pressed: from the left edge of the viewport, and as a virtual offset. */
  readonly x: number;
  readonly y: number;
  readonly clientX: number;
  readonly clientY: number;
  /** Lets go of the listeners. */
  readonly end: AbortController;
}

/** Whether what is under the band is to be selected instead of what was. */
function replaces(event: PointerEvent): boolean {
  return !(event.ctrlKey || event.metaKey || event.shiftKey);
}

export class Band {
  /** To be put into the scrolled element. */
  readonly element = h("div", { role: "presentation", class: "band", hidden: true });
  readonly #viewport: HTMLElement;
  readonly #grid: Bandable;
  readonly #stop = new AbortController();
  #press: Press | undefined;
  #isDrawn = false;
  /** Whether the next click is the release of a band. */
  #isReleased = false;
  /** Where the mouse is now. */
  #mouse = { clientX: 0, clientY: 0 };
  #frame = 0;
  #time = 0;

  constructor(viewport: HTMLElement, grid: Bandable) {
    this.#viewport = viewport;
    this.#grid = grid;
    const { signal } = this.#stop;
    viewport.addEventListener("pointerdown", (event) => this.#onDown(event), { signal });
    viewport.addEventListener("click", (event) => this.#isReleased && event.stopImmediatePropagation(), {
      capture: true,
      signal,
    });
  }

  /** Take the band away, with the button still held; nothing is selected. */
  abandon(): void {
    if (!this.#remove()) return;
    const options = { capture: true, once: true, signal: this.#stop.signal };
    window.addEventListener("pointerup", () => this.#forgetClick(), options);
  }

  dispose(): void {
    this.#remove();
    this.#stop.abort();
  }

  /** @returns Whether there was a band. */
  #remove(): boolean {
    this.#press?.end.abort();
    this.#press = undefined;
    cancelAnimationFrame(this.#frame);
    if (!this.#isDrawn) return false;
    this.#isDrawn = false;
    this.#isReleased = true;
    this.element.hidden = true;
    this.#viewport.classList.remove("replacing");
    this.#grid.mark([]);
    return true;
  }

  /** The click that browsers make of a release comes before anything else. */
  #forgetClick(): void {
    setTimeout(() => {
      this.#isReleased = false;
    });
  }

  #release(): void {
    this.#remove();
    this.#forgetClick();
  }

  #onDown(event: PointerEvent): void {
    this.#remove();
    this.#isReleased = false;
    const { layout, top } = this.#grid.look();
    // Fingers and pens scroll.
    if (event.button !== 0 || event.pointerType !== "mouse" || !layout) return;
    if ((event.target as Element).closest("button, input")) return;
    const at = placeIn(this.#viewport, event);
    if (at.x < 0 || at.x >= this.#viewport.clientWidth) return; // on the scrollbar
    const end = new AbortController();
    const { pointerId, clientX, clientY } = event;
    this.#press = { pointer: pointerId, x: at.x, y: at.y + top, clientX, clientY, end };
    const options = { capture: true, signal: end.signal };
    window.addEventListener("pointermove", (move) => this.#onMove(move), options);
    window.addEventListener("pointerup", (up) => this.#onUp(up), options);
    window.addEventListener("pointercancel", () => this.#release(), options);
    window.addEventListener("keydown", (key) => this.#onKey(key), options);
  }

  #onMove(event: PointerEvent): void {
    const press = this.#press;
    if (!press || event.pointerId !== press.pointer) return;
    if ((event.buttons & 1) === 0) {
      this.#release(); // unseen, in a context menu for instance
      return;
    }
    this.#mouse = { clientX: event.clientX, clientY: event.clientY };
    if (this.#isDrawn) {
      this.#viewport.classList.toggle("replacing", replaces(event));
      return;
    }
    if (Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) <= SLACK) return;
    this.#isDrawn = true;
    this.#viewport.setPointerCapture(press.pointer);
    this.#time = performance.now();
    this.#draw();
    this.#frame = requestAnimationFrame((time) => this.#onFrame(time));
  }

  #onFrame(time: number): void {
    const seconds = Math.max(0, Math.min(time - this.#time, 100)) / 1000;
    this.#time = time;
    const speed = scrollSpeed(placeIn(this.#viewport, this.#mouse).y, this.#viewport.clientHeight);
    if (speed !== 0) this.#grid.scrollBy(Math.trunc(speed * seconds) || Math.sign(speed));
    this.#draw();
    this.#frame = requestAnimationFrame((next) => this.#onFrame(next));
  }

  #onUp(event: PointerEvent): void {
    if (event.pointerId !== this.#press?.pointer) return;
    this.#mouse = { clientX: event.clientX, clientY: event.clientY };
    const ranges = this.#isDrawn ? this.#draw() : undefined;
    this.#release();
    if (ranges) this.#grid.select(ranges, replaces(event));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.#isDrawn) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    this.abandon();
  }

  /** @returns What is under the band. */
  #draw(): Range[] {
    const { layout, top, shift } = this.#grid.look();
    const press = this.#press;
    if (!layout || !press) return [];
    const { x, y } = placeIn(this.#viewport, this.#mouse);
    // What is past the edge has not been seen yet: the band stops there until it is scrolled into view.
    const end = top + Math.max(0, Math.min(y, layout.viewport));
    const box = {
      left: Math.min(press.x, x),
      right: Math.max(press.x, x),
      top: Math.min(press.y, end),
      bottom: Math.max(press.y, end),
    };
    // Only what can be seen of it is drawn, however long it is.
    const upper = Math.max(box.top, top - ZONE);
    const lower = Math.min(box.bottom, top + layout.viewport + ZONE);
    this.element.hidden = false;
    this.element.style.transform = `translate(${box.left}px, ${upper + shift}px)`;
    this.element.style.width = `${box.right - box.left}px`;
    this.element.style.height = `${Math.max(0, lower - upper)}px`;
    const ranges = rangesUnder(layout, box);
    this.#grid.mark(ranges);
    return ranges;
  }
}
