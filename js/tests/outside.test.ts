import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MAX_QUERY_BYTES } from "../src/protocol";
import { settle } from "./kernel";
import { clearPage, display, standInForLayout, type View } from "./page";

beforeEach(standInForLayout);
afterEach(() => {
  clearPage();
  vi.unstubAllGlobals();
});

const MESSAGE = "is no image that can be read.";

function file(name: string, type: string, content: Uint8Array<ArrayBuffer> | string = "jpeg"): File {
  return new File([content], name, { type });
}

/** Something that the mouse does with what it drags; `types` as a browser tells them. */
function drag(type: string, target: EventTarget, files: File[] = [], types = ["Files"]): Event {
  const event = new Event(type, { bubbles: true, composed: true, cancelable: true });
  Object.assign(event, { dataTransfer: { types, files, dropEffect: "none" } });
  target.dispatchEvent(event);
  return event;
}

function paste(target: EventTarget, files: File[]): Event {
  const event = new Event("paste", { bubbles: true, composed: true, cancelable: true });
  Object.assign(event, { clipboardData: { files } });
  target.dispatchEvent(event);
  return event;
}

/** A browser that decodes every image as one of this size, and encodes it as so many bytes. */
function standInForDecoding(size: { width: number; height: number }, encoded = (_quality: number) => 5) {
  const drawn: { width: number; height: number; options: unknown }[] = [];
  vi.stubGlobal("createImageBitmap", async (blob: Blob) => {
    if (!blob.type.startsWith("image/")) throw new DOMException("no image", "InvalidStateError");
    return { ...size, close: () => {} };
  });
  vi.stubGlobal(
    "OffscreenCanvas",
    class {
      constructor(
        readonly width: number,
        readonly height: number,
      ) {}
      getContext() {
        return { fillRect: () => {}, drawImage: () => {} };
      }
      async convertToBlob(options: { quality: number }) {
        drawn.push({ width: this.width, height: this.height, options });
        return new Blob([new Uint8Array(encoded(options.quality))]);
      }
    },
  );
  return drawn;
}

const overlay = (view: View) => view.find(".drop");
const toast = (view: View) => view.find(".toast").textContent;
const asked = (kernel: { sent: { kind: string }[]; buffers: ArrayBuffer[][] }) =>
  kernel.sent.flatMap((message, i) =>
    message.kind === "similar_image" ? [{ ...message, bytes: kernel.buffers[i]?.[0]?.byteLength }] : [],
  );

describe("an image dropped on the gallery", () => {
  it("is sent as it is, and the similar ones are shown", async () => {
    const { kernel, view } = await display({ n: 20 });
    const outside = vi.fn();
    document.body.addEventListener("drop", outside);
    const event = drag("drop", view.card(3), [file("<b>cat.jpg", "image/jpeg")]);
    expect([event.defaultPrevented, outside.mock.calls.length]).toEqual([true, 0]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "<b>cat.jpg", bytes: 4 }]));
    await settle();
    expect(view.find(".toast").hidden).toBe(true);
    document.body.removeEventListener("drop", outside);
  });

  it("is announced for as long as it is over the gallery, whatever is below the mouse", async () => {
    const { view } = await display({ n: 20 });
    expect(overlay(view).hidden).toBe(true);
    drag("dragenter", view.card(0));
    expect(overlay(view).hidden).toBe(false);
    const over = drag("dragover", view.card(0)) as DragEvent;
    expect([over.defaultPrevented, over.dataTransfer?.dropEffect]).toEqual([true, "copy"]);
    for (const [from, to] of [
      [view.card(0), overlay(view)],
      [overlay(view), view.find(".toolbar")],
    ] as const) {
      drag("dragenter", to);
      drag("dragenter", to); // as Firefox does at times
      drag("dragleave", from);
      expect(overlay(view).hidden).toBe(false);
    }
    drag("dragleave", view.find(".toolbar"));
    expect(overlay(view).hidden).toBe(true);
  });

  it.each([
    ["is dropped", (view: View) => drag("drop", view.card(0), [file("a.jpg", "image/jpeg")])],
    ["is let go elsewhere", () => drag("dragend", document.body)],
    ["Escape is pressed", (view: View) => view.press("Escape")],
  ])("is no longer announced when it %s", async (_, end) => {
    const { view } = await display({ n: 20 });
    drag("dragenter", view.card(0));
    end(view);
    expect(overlay(view).hidden).toBe(true);
    drag("dragenter", view.card(1));
    expect(overlay(view).hidden).toBe(false);
  });

  it("is left alone when it is no file", async () => {
    const { kernel, view } = await display({ n: 20 });
    const outside = vi.fn();
    for (const type of ["dragenter", "dragover", "drop"]) {
      document.body.addEventListener(type, outside);
      expect(drag(type, view.card(0), [], ["text/plain"]).defaultPrevented).toBe(false);
      document.body.removeEventListener(type, outside);
    }
    expect(outside).toHaveBeenCalledTimes(3);
    expect(overlay(view).hidden).toBe(true);
    expect(asked(kernel)).toEqual([]);
  });

  it("is not announced by a gallery without a kernel, and does not take the page away either", async () => {
    const { kernel, view } = await display({ n: 20 });
    kernel.emit("comm:close");
    expect(drag("dragenter", view.card(0)).defaultPrevented).toBe(true);
    expect(overlay(view).hidden).toBe(true);
    expect(drag("drop", view.card(0), [file("a.jpg", "image/jpeg")]).defaultPrevented).toBe(true);
  });

  it("closes the preview", async () => {
    const { kernel, view } = await display({ n: 20 });
    view.card(0).focus();
    view.press("Enter");
    expect(view.find(".preview").hidden).toBe(false);
    drag("drop", view.find(".preview"), [file("a.jpg", "image/jpeg")]);
    await vi.waitFor(() => expect(asked(kernel)).toHaveLength(1));
    expect(view.find(".preview").hidden).toBe(true);
  });

  it("is the first of several, and the user is told", async () => {
    const { kernel, view } = await display({ n: 20 });
    const files = [file("a.txt", "text/plain"), file("b.png", "image/png"), file("c.jpg", "image/jpeg")];
    drag("drop", view.card(0), files);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "b.png" }]));
    expect(view.find(".feedback").textContent).toBe("The first image of 3 files is searched for.");
    drag("drop", view.card(0), [file("c.jpg", "image/jpeg")]);
    await vi.waitFor(() => expect(asked(kernel)).toHaveLength(2));
    expect(view.find(".feedback").textContent).toBe("");
  });

  it("is the last one when one comes while another is read", async () => {
    const { kernel, view } = await display({ n: 20 });
    const slow = file("slow.jpg", "image/jpeg");
    let finish: (data: ArrayBuffer) => void = () => {};
    vi.spyOn(slow, "arrayBuffer").mockReturnValue(
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    drag("drop", view.card(0), [slow]);
    drag("drop", view.card(0), [file("fast.jpg", "image/jpeg")]);
    await vi.waitFor(() => expect(asked(kernel)).toHaveLength(1));
    finish(new ArrayBuffer(3));
    await settle();
    expect(asked(kernel)).toMatchObject([{ name: "fast.jpg" }]);
  });

  it("has a name that the kernel takes", async () => {
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [file("🎈".repeat(300), "image/jpeg")]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "🎈".repeat(255) }]));
  });
});

describe("what is sent of a file", () => {
  it("is a JPEG of at most 2,048 pixels where the file is too large", async () => {
    const drawn = standInForDecoding({ width: 8192, height: 3 });
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [file("a.png", "image/png", new Uint8Array(MAX_QUERY_BYTES + 1))]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "a.png", bytes: 5 }]));
    expect(drawn).toEqual([{ width: 2048, height: 1, options: { type: "image/jpeg", quality: 0.95 } }]);
  });

  it("is a worse JPEG where a good one is too large", async () => {
    standInForDecoding({ width: 2048, height: 2048 }, (quality) => MAX_QUERY_BYTES + (quality > 0.9 ? 1 : 0));
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [file("a.png", "image/png", new Uint8Array(MAX_QUERY_BYTES + 1))]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ bytes: MAX_QUERY_BYTES }]));
  });

  it("is the file itself up to 8 MiB, and never more", async () => {
    const drawn = standInForDecoding({ width: 100, height: 100 });
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [file("a.png", "image/png", new Uint8Array(MAX_QUERY_BYTES))]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ bytes: MAX_QUERY_BYTES }]));
    expect(drawn).toEqual([]);
  });

  it("is a JPEG of what only the browser is sure to decode", async () => {
    const drawn = standInForDecoding({ width: 100, height: 50 });
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [file("a.avif", "image/avif")]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "a.avif", bytes: 5 }]));
    expect(drawn).toMatchObject([{ width: 100, height: 50 }]);
  });

  it("is the file itself where the browser cannot decode it: the kernel may", async () => {
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("no image")));
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [file("a.jp2", "", "jpeg 2000")]);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "a.jp2", bytes: 9 }]));
  });

  it.each([
    ["is no image", file("a.txt", "text/plain")],
    ["is empty", file("a.jpg", "image/jpeg", "")],
    [
      "is too large for a browser that cannot decode it",
      file("a.jp2", "", new Uint8Array(MAX_QUERY_BYTES + 1)),
    ],
    [
      "cannot be read, as a folder cannot",
      Object.assign(file("photos", ""), { arrayBuffer: () => Promise.reject(new DOMException("a folder")) }),
    ],
  ])("is nothing where it %s, and the user is told", async (_, bad) => {
    standInForDecoding({ width: 100, height: 100 });
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("no image")));
    const { kernel, view } = await display({ n: 20 });
    drag("drop", view.card(0), [bad]);
    await vi.waitFor(() => expect(toast(view)).toContain(`${bad.name} ${MESSAGE}`));
    expect(asked(kernel)).toEqual([]);
  });

  it("is nothing where nothing is in what was dropped", async () => {
    const { view } = await display({ n: 20 });
    drag("drop", view.card(0), []);
    await vi.waitFor(() => expect(toast(view)).toContain(`What was dropped ${MESSAGE}`));
  });

  it("is taken back by the kernel where that cannot read it", async () => {
    const { kernel, view } = await display({ n: 20 });
    kernel.refuse.add("similar_image");
    drag("drop", view.card(0), [file("a.jpg", "image/jpeg")]);
    await vi.waitFor(() => expect(toast(view)).toContain("similar_image refused"));
  });
});

describe("an image pasted into the gallery", () => {
  it("is searched for by the gallery that has the focus, wherever the browser says it is pasted", async () => {
    const { kernel, view, other } = await display({ n: 20 }, 2);
    const [page, here] = [vi.fn(), file("image.png", "image/png")];
    document.body.addEventListener("paste", page);
    paste(document.body, [here]);
    expect(page).toHaveBeenCalledTimes(1);
    view.card(2).focus();
    expect(paste(document.body, [here]).defaultPrevented).toBe(true);
    expect(page).toHaveBeenCalledTimes(1);
    await vi.waitFor(() => expect(asked(kernel)).toMatchObject([{ name: "image.png", bytes: 4 }]));
    await settle();
    expect(asked(kernel)).toHaveLength(1);
    expect(other.find(".toast").hidden).toBe(true);
    document.body.removeEventListener("paste", page);
  });

  it("is left alone where it is text, or pasted into a field", async () => {
    const { kernel, view } = await display({ n: 20 });
    view.card(2).focus();
    expect(paste(view.card(2), []).defaultPrevented).toBe(false);
    view.click(view.card(2));
    await settle();
    view.find("input[type=text]").focus();
    const field = view.find("input[type=text]");
    expect(paste(field, [file("image.png", "image/png")]).defaultPrevented).toBe(false);
    expect(asked(kernel)).toEqual([]);
  });

  it("is left alone by a gallery that is gone from the page", async () => {
    const { kernel, view } = await display({ n: 20 });
    view.card(2).focus();
    view.dispose();
    expect(paste(document.body, [file("image.png", "image/png")]).defaultPrevented).toBe(false);
    expect(asked(kernel)).toEqual([]);
  });
});
