/** The details of the item that is looked at. */

import type { Details } from "./protocol";
import type { Store } from "./store";

export class DetailsOf {
  readonly #store: Store;
  readonly #onChange: () => void;
  #abort = new AbortController();
  #item: number | undefined;
  #stamp = "";
  #value: Details | undefined;
  #hasFailed = false;

  /** @param onChange Called when there is more to show. */
  constructor(store: Store, onChange: () => void) {
    this.#store = store;
    this.#onChange = onChange;
  }

  /** Of the item wanted last; perhaps of before the last change while newer ones are on their way. */
  get value(): Details | undefined {
    return this.#value;
  }

  /** Whether none will come. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Say which item is looked at; `stamp` is another one when its details may have changed. */
  want(item: number | undefined, stamp: string): void {
    if (item === this.#item && stamp === this.#stamp) return;
    this.#abort.abort();
    if (item !== this.#item) this.#value = undefined;
    this.#item = item;
    this.#stamp = stamp;
    this.#hasFailed = false;
    if (item === undefined) return;
    this.#abort = new AbortController();
    void this.#load(item, this.#abort.signal);
  }

  async #load(item: number, abort: AbortSignal): Promise<void> {
    const details = await this.#store.details(item, abort);
    if (abort.aborted) return;
    if (details?.item === item) this.#value = details;
    else this.#hasFailed = true;
    this.#onChange();
  }
}
