/** What the grid asks of the caches: rows and thumbnails near the viewport, the most urgent first. */

import type { Store } from "./store";
import type { Layout, RowRange } from "./virtual";

/** While the user scrolls by more than a screen a frame, what is flown past is asked for no more often than this. */
const FLIGHT_MS = 100;

export class Wishes {
  readonly #store: Store;
  readonly #again: () => void;
  #near: RowRange = { first: -1, stop: -1 };
  #inView: RowRange = { first: -1, stop: -1 };
  /** What the positions near the viewport were when the thumbnails were asked for. */
  #version = -1;
  #last = { first: 0, time: 0 };

  /** @param again Called when something was put off: `ask` is to be called in the next frame. */
  constructor(store: Store, again: () => void) {
    this.#store = store;
    this.#again = again;
  }

  /** The order has changed: what was asked for is no longer on its way. */
  forget(): void {
    this.#near = { first: -1, stop: -1 };
  }

  /** Ask for rows alone, in place of all that was asked for before. */
  rows({ arrangement }: Layout, { first, stop }: RowRange): void {
    const start = arrangement.first(first);
    const end = Math.min(this.#store.traits.count.value, arrangement.first(stop));
    this.#store.rows.want(this, Math.min(start, end), end);
    this.forget();
  }

  /** Ask for all that is near the viewport, unless it is the same as before. */
  ask(layout: Layout, inView: RowRange, near: RowRange): void {
    const { rows, thumbnails } = this.#store;
    const isMoved = !isSame(near, this.#near) || !isSame(inView, this.#inView);
    if (!isMoved && rows.version.value === this.#version) return;
    const now = performance.now();
    const isFlying = Math.abs(inView.first - this.#last.first) > inView.stop - inView.first;
    const isUp = inView.first < this.#inView.first;
    this.#last.first = inView.first;
    if (isFlying && now - this.#last.time < FLIGHT_MS) {
      this.#again();
      return;
    }
    this.#last.time = now;
    this.#near = near;
    this.#inView = inView;
    this.#version = rows.version.value;
    const { arrangement } = layout;
    rows.want(this, arrangement.first(near.first), arrangement.first(near.stop));
    const before = { first: near.first, stop: inView.first };
    const after = { first: inView.stop, stop: near.stop };
    const ranges = isUp ? [inView, before, after] : [inView, after, before];
    thumbnails.want(this, this.#items(layout, ranges));
  }

  dispose(): void {
    this.#store.rows.release(this);
    this.#store.thumbnails.release(this);
  }

  #items({ arrangement }: Layout, ranges: readonly RowRange[]): number[] {
    const items: number[] = [];
    for (const { first, stop } of ranges) {
      for (let position = arrangement.first(first); position < arrangement.first(stop); position++) {
        const row = this.#store.rows.at(position);
        if (row) items.push(row.id);
      }
    }
    return items;
  }
}

function isSame(a: RowRange, b: RowRange): boolean {
  return a.first === b.first && a.stop === b.stop;
}
