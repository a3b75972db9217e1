/** Requests to the kernel by id: each is settled once, whatever becomes of the kernel. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import { MAX_ID, type Request, readEnvelope } from "./protocol";

/** How a request ended. `gone`: there is no kernel to answer it. */
export type Outcome =
  | { status: "ok"; content: unknown; buffers: readonly DataView[] }
  | { status: "error"; error: string }
  | { status: "cancelled" }
  | { status: "stale" }
  | { status: "gone" };

interface Pending {
  settle(outcome: Outcome): void;
}

/** A request that has had no answer for this long counts as waiting for a busy kernel. */
export const PATIENCE_MS = 3000;

export class Client {
  readonly #send: (content: object, buffers: ArrayBuffer[]) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #overdue = signal<ReadonlySet<number>>(new Set());
  readonly #gone = signal(false);
  #nextId: number;

  /** @param send Sends a custom message to the kernel; may throw when there is none. */
  constructor(send: (content: object, buffers: ArrayBuffer[]) => void) {
    this.#send = send;
    // Two browser tabs on one kernel hear each other's replies. With far apart ids they cannot mix them up.
    this.#nextId = 1 + Math.floor(Math.random() * 2 ** 31) * 2 ** 21;
  }

  /** Ids of the requests that a busy kernel keeps waiting. */
  get overdue(): ReadonlySignal<ReadonlySet<number>> {
    return this.#overdue;
  }

  /** Whether the kernel that this gallery belongs to has gone. */
  get gone(): ReadonlySignal<boolean> {
    return this.#gone;
  }

  /**
   * Send a request.
   *
   * @param abort Cancels the request: it is settled at once, and the kernel is told not to bother.
   * @param buffers What goes with it.
   * @returns How it ended; never rejects.
   */
  request(request: Request, abort?: AbortSignal, buffers: ArrayBuffer[] = []): Promise<Outcome> {
    if (this.#gone.value) return Promise.resolve({ status: "gone" });
    if (abort?.aborted) return Promise.resolve({ status: "cancelled" });
    const id = this.#newId();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#setOverdue(id, true), PATIENCE_MS);
      const onAbort = () => {
        this.#settle(id, { status: "cancelled" });
        this.#trySend({ kind: "cancel", id: this.#newId(), target: id });
      };
      this.#pending.set(id, {
        settle(outcome) {
          clearTimeout(timer);
          abort?.removeEventListener("abort", onAbort);
          resolve(outcome);
        },
      });
      abort?.addEventListener("abort", onAbort);
      this.#trySend({ ...request, id }, buffers);
    });
  }

  /** Take in a custom message from the kernel. */
  receive(content: unknown, buffers: readonly DataView[] = []): void {
    const envelope = readEnvelope(content);
    if (!envelope) return;
    if (envelope.status === "ok") this.#settle(envelope.id, { status: "ok", content, buffers });
    else if (envelope.status === "error") this.#settle(envelope.id, envelope);
    else this.#settle(envelope.id, { status: envelope.status });
  }

  /** Note that the kernel has gone, and settle everything that still waits for it. */
  lose(): void {
    this.#gone.value = true;
    for (const id of [...this.#pending.keys()]) this.#settle(id, { status: "gone" });
  }

  #newId(): number {
    const id = this.#nextId;
    this.#nextId = id < MAX_ID ? id + 1 : 1;
    return id;
  }

  #trySend(content: object, buffers: ArrayBuffer[] = []): void {
    try {
      this.#send(content, buffers);
    } catch {
      this.lose();
    }
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.#setOverdue(id, false);
    pending.settle(outcome);
  }

  #setOverdue(id: number, late: boolean): void {
    const before = this.#overdue.value;
    if (before.has(id) === late) return;
    const after = new Set(before);
    if (late) after.add(id);
    else after.delete(id);
    this.#overdue.value = after;
  }
}
