/** What is selected by clicks and keys, and the place from which Shift extends it. */

import type { Store } from "./store";

export class Picker {
  readonly #store: Store;
  /** View position; `undefined` when the order has changed since. */
  #anchor: number | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Positions mean something else from here on. */
  forget(): void {
    this.#anchor = undefined;
  }

  /** Select the item at a position and no other. */
  only(position: number): void {
    const row = this.#store.rows.at(position);
    if (!row) return;
    this.#store.selectOnly(row.id);
    this.#anchor = position;
  }

  toggle(position: number): void {
    const row = this.#store.rows.at(position);
    if (!row) return;
    this.#store.setSelected(row.id, !row.selected);
    this.#anchor = position;
  }

  /**
   * Select from the anchor to a position, both included.
   *
   * @param from The anchor where there is none yet.
   * @param replace Instead of what is selected; otherwise besides it.
   */
  extend(position: number, { from = position, replace }: { from?: number; replace: boolean }): void {
    this.#anchor ??= from;
    const start = Math.min(this.#anchor, position);
    const stop = Math.max(this.#anchor, position) + 1;
    this.#store.selectRanges([[start, stop]], replace);
  }

  /** Select what a rubber band was drawn over. */
  ranges(ranges: readonly (readonly [number, number])[], replace: boolean): void {
    this.#store.selectRanges(ranges, replace);
    this.#anchor = ranges[0]?.[0];
  }

  none(): void {
    this.#store.selectView("none");
    this.#anchor = undefined;
  }
}
