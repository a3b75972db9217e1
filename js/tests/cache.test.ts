import { beforeEach, describe, expect, it, vi } from "vitest";
import { LruCache, Thumbnails } from "../src/cache";
import { Client } from "../src/client";
import { Kernel } from "./kernel";

describe("LruCache", () => {
  const setUp = (budget: number) => {
    const evicted: string[] = [];
    return { evicted, cache: new LruCache<number, string>(budget, (value) => evicted.push(value)) };
  };

  it("forgets the least recently used", () => {
    const { cache, evicted } = setUp(10);
    cache.set(1, "a", 4);
    cache.set(2, "b", 4);
    expect(cache.get(1)).toBe("a");
    cache.set(3, "c", 4);
    expect(evicted).toEqual(["b"]);
    expect([cache.has(1), cache.has(2), cache.has(3)]).toEqual([true, false, true]);
    expect(cache.bytes).toBe(8);
  });

  it("replaces an entry and accounts for it once", () => {
    const { cache, evicted } = setUp(10);
    cache.set(1, "a", 4);
    cache.set(1, "b", 6);
    expect(cache.get(1)).toBe("b");
    expect(cache.bytes).toBe(6);
    expect(evicted).toEqual(["a"]);
  });

  it("keeps the newest even when it is too big", () => {
    const { cache, evicted } = setUp(10);
    cache.set(1, "a", 4);
    cache.set(2, "b", 40);
    expect(evicted).toEqual(["a"]);
    expect(cache.get(2)).toBe("b");
  });

  it("hands back everything when it is cleared", () => {
    const { cache, evicted } = setUp(10);
    cache.set(1, "a", 4);
    cache.set(2, "b", 4);
    cache.clear();
    expect(evicted).toEqual(["a", "b"]);
    expect(cache.bytes).toBe(0);
  });
});

describe("Thumbnails", () => {
  let kernel: Kernel;
  let client: Client;
  let thumbnails: Thumbnails;
  const errors: string[] = [];
  const view = {};
  const items = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  beforeEach(() => {
    kernel = new Kernel({ n: 1000, manual: true });
    const { model } = kernel;
    client = new Client((content) => model.send(content));
    model.on("msg:custom", (content, buffers) => client.receive(content, buffers));
    errors.length = 0;
    thumbnails = new Thumbnails(client, (message) => errors.push(message));
  });

  const answered = async () => {
    kernel.answer();
    await vi.waitFor(() => expect(kernel.unanswered.filter(({ kind }) => kind === "cancel")).toEqual([]));
  };

  it("are fetched in batches, urgent ones first, until all are here", async () => {
    thumbnails.want(view, items(200, 300));
    expect(kernel.sentOf("thumbs").map(({ items }) => (items as number[])[0])).toEqual([200, 232]);
    while (kernel.unanswered.length) await answered();
    expect(kernel.sentOf("thumbs").flatMap(({ items }) => items)).toEqual(items(200, 300));
    for (const item of items(200, 300)) expect(thumbnails.url(item)).toMatch(/^data:image\/jpeg;base64,/);
    thumbnails.want(view, items(250, 280));
    expect(kernel.unanswered).toEqual([]);
  });

  it("are asked for again when a reply left them out", async () => {
    thumbnails.want(view, [200, 201]);
    kernel.reply(kernel.sent[0]?.id ?? 0, { items: [200], lengths: [4] }, [new DataView(new ArrayBuffer(4))]);
    await vi.waitFor(() => expect(kernel.sent).toHaveLength(2));
    expect(kernel.sent[1]).toMatchObject({ kind: "thumbs", items: [201] });
  });

  it("are cancelled once nobody wants any of a batch", async () => {
    const other = {};
    thumbnails.want(view, items(200, 264));
    thumbnails.want(other, [232]);
    const [first, second] = kernel.sentOf("thumbs");
    thumbnails.want(view, items(500, 510));
    await vi.waitFor(() => expect(kernel.sentOf("thumbs")).toHaveLength(3));
    expect(kernel.sentOf("cancel").map(({ target }) => target)).toEqual([first?.id]);
    thumbnails.release(other);
    expect(kernel.sentOf("cancel").map(({ target }) => target)).toEqual([first?.id, second?.id]);
  });

  it("can be missing, or turn out to be broken", async () => {
    thumbnails.want(view, [103, 104]);
    expect(thumbnails.url(103)).toBeUndefined();
    await answered();
    await vi.waitFor(() => expect(thumbnails.url(104)).toBeNull());
    thumbnails.reject(103);
    expect(thumbnails.url(103)).toBeNull();
    thumbnails.want(view, [103, 104]);
    expect(kernel.unanswered).toEqual([]);
  });

  it("that cannot be had are shown as missing, with a reason, and not asked for for ever", async () => {
    kernel.refuse.add("thumbs");
    thumbnails.want(view, [200]);
    await answered();
    await vi.waitFor(() => expect(errors).toEqual(["thumbs refused"]));
    expect(thumbnails.url(200)).toBeNull();
    expect(kernel.unanswered).toEqual([]);
  });

  it("of a malformed reply are missing", async () => {
    thumbnails.want(view, [200]);
    kernel.reply(kernel.sent[0]?.id ?? 0, { items: [200], lengths: [4] }, []);
    await vi.waitFor(() => expect(thumbnails.url(200)).toBeNull());
    expect(errors[0]).toContain("buffers of");
  });

  it("carry their bytes in their address, in browsers with a fast way to write them and in others", async () => {
    const jpeg = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    for (const item of [200, 201]) {
      if (item === 201) Object.assign(jpeg, { toBase64: () => "AAEC" });
      thumbnails.supply(new Map([[item, jpeg]]));
    }
    const { 1: text = "" } = thumbnails.url(200)?.split("data:image/jpeg;base64,") ?? [];
    expect([...atob(text)].map((character) => character.charCodeAt(0))).toEqual([...jpeg]);
    expect(thumbnails.url(201)).toBe("data:image/jpeg;base64,AAEC");
  });

  it("of what is expected come after what is wanted, are decoded, and are given up for others", async () => {
    const decode = vi.fn(() => Promise.resolve());
    HTMLImageElement.prototype.decode = decode;
    thumbnails.expect([300, 301]);
    thumbnails.want(view, [200]);
    expect(kernel.sentOf("thumbs").map(({ items }) => items)).toEqual([[300, 301], [200]]);
    thumbnails.expect([400]);
    expect(kernel.sentOf("cancel")).toHaveLength(1);
    thumbnails.want(view, [201]);
    await vi.waitFor(() => expect(kernel.sentOf("thumbs").at(-1)?.items).toEqual([201, 400]));
    expect(thumbnails.isDecoded(400)).toBe(false);
    while (kernel.unanswered.length) await answered();
    await vi.waitFor(() => expect(thumbnails.isDecoded(400)).toBe(true));
    expect([decode.mock.calls.length, thumbnails.isDecoded(201)]).toEqual([1, false]);
    thumbnails.expect([]);
    expect(thumbnails.isDecoded(400)).toBe(false);
    expect(thumbnails.url(400)).toMatch(/^data:image/); // it stays for a while all the same
  });

  it("that the browser cannot decode are not decoded", async () => {
    HTMLImageElement.prototype.decode = () => Promise.reject(new Error("EncodingError"));
    thumbnails.supply(new Map([[200, new Uint8Array(4)]]));
    thumbnails.expect([200, 104]);
    await answered();
    expect([thumbnails.isDecoded(200), thumbnails.isDecoded(104)]).toEqual([false, false]);
  });

  it("are let go with the model", async () => {
    thumbnails.want(view, [200, 201]);
    await answered();
    await vi.waitFor(() => expect(thumbnails.url(201)).toBeDefined());
    thumbnails.dispose();
    expect(thumbnails.url(200)).toBeUndefined();
  });
});
