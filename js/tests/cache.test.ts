import { beforeEach, describe, expect, it, vi } from "vitest";
import { LruCache, Thumbnails } from "../src/cache";
import { Client } from "../src/client";
import { Kernel } from "./kernel";
import { standInForLayout } from "./page";

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
    standInForLayout();
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
    const prototype = Uint8Array.prototype as { toBase64?: (() => string) | undefined };
    const { toBase64 } = prototype;
    prototype.toBase64 = undefined;
    thumbnails.supply(new Map([[200, jpeg]]));
    const { 1: text = "" } = thumbnails.url(200)?.split("data:image/jpeg;base64,") ?? [];
    expect([...atob(text)].map((character) => character.charCodeAt(0))).toEqual([...jpeg]);
    prototype.toBase64 = () => "AAEC";
    thumbnails.supply(new Map([[201, jpeg]]));
    expect(thumbnails.url(201)).toBe("data:image/jpeg;base64,AAEC");
    prototype.toBase64 = toBase64;
  });

  it("of what is expected come after what is wanted, and are given up for others", async () => {
    thumbnails.expect([300, 301]);
    thumbnails.want(view, [200]);
    expect(kernel.sentOf("thumbs").map(({ items }) => items)).toEqual([[300, 301], [200]]);
    thumbnails.expect([400]);
    expect(kernel.sentOf("cancel")).toHaveLength(1);
    thumbnails.want(view, [201]);
    await vi.waitFor(() => expect(kernel.sentOf("thumbs").at(-1)?.items).toEqual([201, 400]));
  });

  it("are decoded while they are wanted or expected", async () => {
    thumbnails.supply(new Map([200, 300].map((item) => [item, new Uint8Array(4)])));
    expect(thumbnails.decoded(200)).toBeUndefined();
    const { value } = thumbnails.version;
    thumbnails.expect([300]);
    await vi.waitFor(() => expect(thumbnails.decoded(300)).toBe(thumbnails.url(300)));
    expect(thumbnails.version.value).toBe(value); // no view shows it
    thumbnails.want(view, [200]);
    await vi.waitFor(() => expect(thumbnails.decoded(200)).toBe(thumbnails.url(200)));
    expect(thumbnails.version.value).toBe(value + 1);
    thumbnails.expect([]);
    expect([200, 300].map((item) => thumbnails.decoded(item) === undefined)).toEqual([false, true]);
    thumbnails.release(view);
    expect(thumbnails.decoded(200)).toBeUndefined();
    expect(thumbnails.url(200)).toMatch(/^data:image/); // it stays for a while all the same
  });

  it("are decoded a few at a time, urgent ones first, and not while a view draws", async () => {
    const started = vi.spyOn(HTMLImageElement.prototype, "decode").mockReturnValue(new Promise(() => {}));
    const jpeg = (item: number) => [item, Uint8Array.of(item - 200)] as const;
    thumbnails.supply(new Map(items(200, 220).map(jpeg)));
    expect(started).toHaveBeenCalledTimes(8);
    thumbnails.want(view, items(200, 220).reverse());
    expect(started).toHaveBeenCalledTimes(8);
    await vi.waitFor(() => expect(started).toHaveBeenCalledTimes(20));
    const sources = started.mock.instances.map((image) => (image as unknown as HTMLImageElement).src);
    const order = [...items(200, 208), ...items(208, 220).reverse()];
    expect(sources).toEqual(order.map((item) => thumbnails.url(item)));
  });

  it("that the browser cannot decode are missing, unless nobody looks any more", async () => {
    vi.spyOn(HTMLImageElement.prototype, "naturalWidth", "get").mockReturnValue(0);
    const failures: ((reason: Error) => void)[] = [];
    HTMLImageElement.prototype.decode = () => new Promise((_, reject) => failures.push(reject));
    thumbnails.supply(new Map([200, 201].map((item) => [item, new Uint8Array(4)])));
    thumbnails.want(view, [200, 201]);
    await vi.waitFor(() => expect(failures).toHaveLength(2));
    thumbnails.want(view, [201]);
    for (const fail of failures) fail(new Error("EncodingError"));
    await vi.waitFor(() => expect(thumbnails.url(201)).toBeNull());
    expect(thumbnails.url(200)).toMatch(/^data:image/);
    expect(thumbnails.decoded(201)).toBeNull();
    expect(kernel.unanswered).toEqual([]);
  });

  it("that the browser has, but rejects for the moment, are shown", async () => {
    HTMLImageElement.prototype.decode = () => Promise.reject(new Error("EncodingError"));
    thumbnails.supply(new Map([[200, new Uint8Array(4)]]));
    thumbnails.want(view, [200]);
    await vi.waitFor(() => expect(thumbnails.decoded(200)).toMatch(/^data:image/));
  });

  it("are let go with the model", async () => {
    thumbnails.want(view, [200, 201]);
    await answered();
    await vi.waitFor(() => expect(thumbnails.url(201)).toBeDefined());
    thumbnails.dispose();
    expect(thumbnails.url(200)).toBeUndefined();
  });
});
