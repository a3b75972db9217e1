/** Sizes of the groups of duplicates in view, which decide what stands in which row of the group view. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { Client } from "./client";
import { MAX_GROUPS, unpackGroups } from "./protocol";

export class GroupSizes {
  readonly #client: Client;
  readonly #onError: (message: string) => void;
  readonly #sizes = signal<Int32Array | undefined>(undefined);
  #abort = new AbortController();

  constructor(client: Client, onError: (message: string) => void) {
    this.#client = client;
    this.#onError = onError;
  }

  /** Of all groups of the current order; `undefined` while they are not here, and outside the group view. */
  get sizes(): ReadonlySignal<Int32Array | undefined> {
    return this.#sizes;
  }

  /** The order has changed: ask for its `count` groups, none outside the group view. */
  reset(epoch: number, count: number): void {
    this.#abort.abort();
    this.#sizes.value = undefined;
    if (count === 0) return;
    this.#abort = new AbortController();
    void this.#load(epoch, count, this.#abort.signal);
  }

  dispose(): void {
    this.#abort.abort();
  }

  async #load(epoch: number, count: number, abort: AbortSignal): Promise<void> {
    const all = new Int32Array(count);
    for (let start = 0; start < count; start += MAX_GROUPS) {
      const stop = Math.min(start + MAX_GROUPS, count);
      const outcome = await this.#client.request({ kind: "groups", epoch, start, stop }, abort);
      if (outcome.status === "error") this.#onError(outcome.error);
      if (outcome.status !== "ok") return;
      try {
        const payload = unpackGroups(outcome.content, outcome.buffers);
        if (payload.epoch !== epoch || payload.start !== start || payload.stop !== stop) return;
        all.set(payload.sizes, start);
      } catch (error) {
        this.#onError(String(error));
        return;
      }
    }
    if (!abort.aborted) this.#sizes.value = all;
  }
}
