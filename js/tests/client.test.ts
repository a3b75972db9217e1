import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client, PATIENCE_MS } from "../src/client";

type Sent = { id: number; kind: string; target?: number };

function setUp() {
  const sent: Sent[] = [];
  const client = new Client((content) => sent.push(content as Sent));
  const answer = (index: number, content: object, buffers: DataView[] = []) =>
    client.receive({ kind: "reply", id: sent[index]?.id, ...content }, buffers);
  return { sent, client, answer };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("requests", () => {
  it("are answered by id, in any order", async () => {
    const { sent, client, answer } = setUp();
    const first = client.request({ kind: "sort", sort: "a" });
    const second = client.request({ kind: "tag", name: "b" });
    expect(sent[0]?.id).not.toBe(sent[1]?.id);
    const buffers = [new DataView(new ArrayBuffer(1))];
    answer(1, { status: "ok", changed: 2 }, buffers);
    answer(0, { status: "error", error: "no such key" });
    expect(await first).toMatchObject({ status: "error", error: "no such key" });
    expect(await second).toMatchObject({ status: "ok", content: { changed: 2 }, buffers });
  });

  it.each(["cancelled", "stale"])("can be %s by the kernel", async (status) => {
    const { client, answer } = setUp();
    const outcome = client.request({ kind: "sort", sort: "a" });
    answer(0, { status });
    expect(await outcome).toEqual({ status });
  });

  it("are settled by their first reply; what belongs to no request is dropped", async () => {
    const { client, answer } = setUp();
    const outcome = client.request({ kind: "sort", sort: "a" });
    client.receive({ kind: "reply", id: 1234567, status: "ok" });
    client.receive("noise");
    answer(0, { status: "stale" });
    answer(0, { status: "ok" });
    expect(await outcome).toEqual({ status: "stale" });
  });

  it("have safe ids that differ from another tab's", () => {
    const ids = [setUp(), setUp()].map(({ client, sent }) => {
      void client.request({ kind: "sort", sort: "a" });
      return sent[0]?.id ?? 0;
    });
    expect(ids.every(Number.isSafeInteger)).toBe(true);
    expect(Math.abs((ids[0] ?? 0) - (ids[1] ?? 0))).toBeGreaterThan(2 ** 20);
  });
});

describe("cancelling", () => {
  it("settles at once, tells the kernel, and drops a late reply", async () => {
    const { sent, client, answer } = setUp();
    const abort = new AbortController();
    const outcome = client.request({ kind: "thumbs", items: [1] }, abort.signal);
    abort.abort();
    expect(await outcome).toEqual({ status: "cancelled" });
    expect(sent[1]).toMatchObject({ kind: "cancel", target: sent[0]?.id });
    answer(0, { status: "ok" });
    vi.advanceTimersByTime(2 * PATIENCE_MS);
    expect(client.overdue.value.size).toBe(0);
  });

  it("before sending sends nothing, after the answer does nothing", async () => {
    const { sent, client, answer } = setUp();
    expect(await client.request({ kind: "thumbs", items: [1] }, AbortSignal.abort())).toEqual({
      status: "cancelled",
    });
    expect(sent).toEqual([]);
    const abort = new AbortController();
    const outcome = client.request({ kind: "thumbs", items: [1] }, abort.signal);
    answer(0, { status: "ok" });
    abort.abort();
    expect((await outcome).status).toBe("ok");
    expect(sent).toHaveLength(1);
  });
});

describe("a busy kernel", () => {
  it("is noticed after a while, until it answers", () => {
    const { client, answer } = setUp();
    void client.request({ kind: "sort", sort: "a" });
    void client.request({ kind: "sort", sort: "b" });
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    expect(client.overdue.value.size).toBe(0);
    vi.advanceTimersByTime(1);
    expect(client.overdue.value.size).toBe(2);
    answer(0, { status: "ok" });
    expect(client.overdue.value.size).toBe(1);
    answer(1, { status: "ok" });
    expect(client.overdue.value.size).toBe(0);
  });
});

describe("a kernel that is gone", () => {
  it("settles what waits for it and everything after", async () => {
    const { sent, client } = setUp();
    const waiting = client.request({ kind: "sort", sort: "a" });
    client.lose();
    expect(client.gone.value).toBe(true);
    expect(await waiting).toEqual({ status: "gone" });
    expect(await client.request({ kind: "sort", sort: "b" })).toEqual({ status: "gone" });
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(2 * PATIENCE_MS);
    expect(client.overdue.value.size).toBe(0);
  });

  it("is noticed when sending fails", async () => {
    const client = new Client(() => {
      throw new Error("Cannot send");
    });
    expect(await client.request({ kind: "sort", sort: "a" })).toEqual({ status: "gone" });
    expect(client.gone.value).toBe(true);
  });
});
