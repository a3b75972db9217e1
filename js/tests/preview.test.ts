import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Preview } from "../src/preview";
import { Store } from "../src/store";
import { Kernel, type KernelOptions, settle } from "./kernel";
import { clearPage, inGallery, standInForLayout, View } from "./page";

const previews = new Set<() => void>();

beforeEach(standInForLayout);
afterEach(() => {
  for (const dispose of previews) dispose();
  previews.clear();
  clearPage();
});

/** A preview on a page, without the gallery around it. */
async function show(options: KernelOptions, position?: number) {
  const kernel = new Kernel(options);
  const store = new Store(kernel.model);
  kernel.model.on("msg:custom", (content: unknown, buffers: DataView[]) =>
    store.client.receive(content, buffers),
  );
  for (const event of Store.events) kernel.model.on(event, () => store.pull());
  const actions = { moved: vi.fn(), closed: vi.fn(), tag: vi.fn() };
  const preview = new Preview(store, actions);
  const el = inGallery(preview.element);
  const dispose = () => {
    preview.dispose();
    store.dispose();
  };
  previews.add(dispose);
  const view = new View(el, dispose);
  if (position !== undefined) preview.open(position);
  await settle();
  await settle();
  return { kernel, store, preview, actions, view };
}

const images = (view: View) => [...view.root.querySelectorAll<HTMLImageElement>(".layer img")];
const asked = (kernel: Kernel, kind: string) => kernel.sentOf(kind).map(({ item }) => item);
const facts = (view: View) =>
  Object.fromEntries(
    [...view.root.querySelectorAll("dl > div")].map((row) => [
      row.querySelector("dt")?.textContent,
      row.querySelector("dd")?.textContent,
    ]),
  );
const others = (view: View) => [...view.root.querySelectorAll<HTMLButtonElement>(".other")];
const percent = (view: View) => view.find(".percent").textContent;
const press = async (view: View, key: string) => {
  const event = view.press(key);
  await settle();
  return event;
};

describe("the preview", () => {
  it("shows the thumbnail at once and the large image when it is here", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    expect(preview.isOpen.value).toBe(false);
    expect(preview.element.hidden).toBe(true);
    preview.open(5);
    expect(preview.isOpen.value).toBe(true);
    expect(view.find("[role=dialog]").hidden).toBe(false);
    expect(view.root.activeElement).toBe(view.find(".preview-stage"));
    expect(view.find(".preview-name").textContent).toBe("Loading…");
    kernel.answer(); // rows
    await settle();
    expect(view.find(".preview-name").textContent).toBe("image 105.jpg");
    expect(view.find(".loading-pill").hidden).toBe(false);
    const [image] = kernel.sentOf("image");
    expect(image).toMatchObject({ item: 105, side: 1024 });
    kernel.answer(kernel.sentOf("thumbs")[0]);
    await settle();
    expect(asked(kernel, "image")).toEqual([105]); // the next one has to wait
    const thumbnail = images(view)[0]?.src;
    expect(thumbnail).toMatch(/^data:/);
    kernel.answer(image);
    await settle();
    expect(images(view).map(({ alt }) => alt)).toEqual(["image 105.jpg"]);
    expect(images(view)[0]?.src).toMatch(/^blob:/);
    expect(images(view)[0]?.src).not.toBe(thumbnail);
    expect(view.find(".loading-pill").hidden).toBe(true);
    expect(asked(kernel, "image")).toEqual([105, 106]);
  });

  it("shows nothing of the image before, however late it comes", async () => {
    const decoded: (() => void)[] = [];
    const { view } = await show({ n: 20 }, 6);
    HTMLImageElement.prototype.decode = () => new Promise((resolve) => decoded.push(resolve));
    await press(view, "ArrowRight");
    await press(view, "ArrowRight");
    for (const resolve of decoded.reverse()) resolve();
    await settle();
    expect(images(view).map(({ alt }) => alt)).toEqual(["image 108.jpg"]);
  });

  it("says which image it is, where, and everything known of it", async () => {
    const { view } = await show({ n: 2000 }, 1);
    expect(view.find("[role=dialog]").getAttribute("aria-label")).toBe("Preview of image 101.jpg");
    expect(view.find(".preview-name").title).toBe("image 101.jpg");
    expect(view.find(".preview-position").textContent).toBe("2 of 2,000");
    expect(view.find("[aria-live=polite]").textContent).toBe("image 101.jpg, 2 of 2,000");
    expect(facts(view)).toMatchObject({
      Path: "folder/image 101.jpg",
      Size: "4,000 × 3,000 px",
      File: "2.5 MB",
      Label: "odd",
      Tags: "abc",
      Uniqueness: "0.25",
      Brightness: "–",
    });
    expect(facts(view).Modified).toContain("2026");
    expect([...view.root.querySelectorAll(".facts .tag")].map((tag) => tag.textContent)).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  it("says when the file is no longer the one that was read", async () => {
    const { view } = await show({ n: 20 }, 5);
    expect(view.find(".facts-note").hidden).toBe(false);
    expect(view.find(".facts-note").textContent).toContain("has changed");
    await press(view, "ArrowRight");
    expect(view.find(".facts-note").hidden).toBe(true);
  });

  it("keeps the keys when what had the focus is hidden", async () => {
    const { view } = await show({ n: 20 }, 3);
    await press(view, "c");
    await press(view, "d");
    view.button("Amplification: 1 times").focus();
    await press(view, "Escape");
    expect(view.root.activeElement).toBe(view.find(".preview-stage"));
    await press(view, "Escape");
    expect(view.find(".compare-bar").hidden).toBe(true);
  });

  it("says why there is no large image, and keeps the thumbnail", async () => {
    const { kernel, view, preview } = await show({ n: 20 });
    kernel.refuse.add("image");
    preview.open(5);
    await settle();
    expect(view.find(".failure-pill").textContent).toBe("image refused");
    expect(view.find(".failure-pill").hidden).toBe(false);
    expect(view.find(".loading-pill").hidden).toBe(true);
    expect(images(view)).toHaveLength(1);
    await press(view, "ArrowLeft"); // has no thumbnail, either
    expect(images(view)).toHaveLength(0);
    expect(view.find(".pane-missing").hidden).toBe(false);
    kernel.refuse.clear();
    await press(view, "ArrowLeft");
    await press(view, "ArrowRight");
    expect(view.find(".failure-pill").textContent).toBe("image 104.jpg: the file is no longer there");
    await press(view, "ArrowRight");
    expect(view.find(".failure-pill").hidden).toBe(true);
    expect(images(view)).toHaveLength(1);
  });

  it("says so when the browser cannot decode the large image", async () => {
    HTMLImageElement.prototype.decode = () => Promise.reject(new Error("EncodingError"));
    vi.spyOn(HTMLImageElement.prototype, "naturalWidth", "get").mockReturnValue(0);
    const { kernel, view } = await show({ n: 20 }, 5);
    expect(view.find(".failure-pill").textContent).toContain("cannot decode");
    expect(asked(kernel, "image").filter((item) => item === 105)).toHaveLength(1);
    expect(images(view)).toHaveLength(0);
    expect(view.find(".pane-missing").hidden).toBe(false);
  });

  it("says that there are no details when they are refused or broken", async () => {
    const { kernel, store, view, preview } = await show({ n: 20, manual: true });
    preview.open(5);
    kernel.answer();
    await settle();
    expect(view.find(".facts-note").textContent).toBe("Loading details…");
    expect([view.find(".others-heading").hidden, view.find(".others").hidden]).toEqual([true, true]);
    const [details] = kernel.sentOf("details");
    kernel.reply(details?.id as number, { item: 105, name: 7 });
    await settle();
    expect(view.find(".facts-note").textContent).toBe("No details");
    expect(store.notice.value?.message).toContain("name");
    kernel.refuse.add("details");
    view.press("ArrowRight");
    kernel.answer();
    await settle();
    kernel.answer();
    await settle();
    expect(view.find(".facts-note").textContent).toBe("No details");
    expect(view.find(".facts-note").hidden).toBe(false);
  });

  it("shows no details of the image before, nor of another one", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    preview.open(5);
    kernel.answer();
    await settle();
    const [details] = kernel.sentOf("details");
    kernel.answer(details);
    await settle();
    expect(facts(view).Path).toBe("folder/image 105.jpg");
    const panel = view.find(".facts");
    panel.scrollTop = 30;
    kernel.select([101]);
    await settle();
    kernel.answer(kernel.sentOf("details").at(-1));
    await settle();
    expect(panel.scrollTop).toBe(30);
    await press(view, "ArrowRight");
    expect(facts(view)).toEqual({});
    expect(panel.scrollTop).toBe(0);
    kernel.answer({ ...details, id: kernel.sentOf("details").at(-1)?.id as number, kind: "details" });
    await settle();
    expect(facts(view)).toEqual({});
    expect(view.find(".facts-note").textContent).toBe("No details");
  });

  it("keeps the thumbnail when an image of another item or no image at all comes back", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    preview.open(5);
    kernel.answer();
    await settle();
    const [image] = kernel.sentOf("image");
    const size = { width: 4, height: 3, full_width: 4, full_height: 3, mime: "image/jpeg" };
    kernel.reply(image?.id as number, { item: 106, ...size }, [new DataView(new ArrayBuffer(9))]);
    kernel.answer(kernel.sentOf("thumbs")[0]);
    await settle();
    expect(view.find(".failure-pill").hidden).toBe(false);
    expect(images(view)).toHaveLength(1);
  });

  it("says which label the neighbors suggest, where that is another", async () => {
    const { view } = await show({ n: 20 }, 7);
    const labels = () => Object.entries(facts(view)).filter(([name]) => /label/i.test(name ?? ""));
    expect(labels()).toEqual([
      ["Label", "odd"],
      ["Suggested label", "even"],
    ]);
    await press(view, "ArrowRight");
    expect(labels()).toEqual([]);
    await press(view, "ArrowRight");
    expect(labels()).toEqual([["Label", "odd"]]);
    for (let left = 109; left > 102; left--) await press(view, "ArrowLeft");
    expect(labels()).toEqual([["Suggested label", "odd"]]);
  });

  it("never takes text for HTML", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    const evil = `<img src=x onerror=alert(1)>"'&amp; ${"\u202e"}gpj.${"é".repeat(300)}`;
    preview.open(5);
    kernel.answer();
    await settle();
    const [details] = kernel.sentOf("details");
    kernel.reply(details?.id as number, {
      item: 105,
      name: evil,
      path: evil,
      width: 4000,
      height: 3000,
      bytes: 999,
      modified: 9e18, // no date at all
      label: evil,
      suspected: evil,
      split: evil,
      tags: [evil],
      selected: false,
      changed: false,
      metrics: [[evil, 0.1]],
      keeper: null,
      others: [{ item: 7, name: evil, role: "selected", distance: 0.00005, reason: evil }],
    });
    await settle();
    expect(facts(view)).toMatchObject({
      Path: evil,
      Label: evil,
      "Suggested label": evil,
      Tags: evil,
      Modified: "–",
      File: "999 bytes",
    });
    expect(others(view)[0]?.textContent).toContain(evil);
    await press(view, "c");
    expect(view.root.querySelectorAll(".caption-name")[1]?.textContent).toBe(evil);
    expect(view.root.querySelectorAll("dl img, [onerror], img[src=x]")).toHaveLength(0);
  });
});

describe("stepping through the view", () => {
  it("goes by keys and buttons, and ends at the ends", async () => {
    const { actions, view } = await show({ n: 300 }, 1);
    const position = () => view.find(".preview-position").textContent;
    for (const [key, wanted] of [
      ["ArrowRight", 2],
      ["ArrowDown", 3],
      ["PageDown", 4],
      ["ArrowLeft", 3],
      ["ArrowUp", 2],
      ["PageUp", 1],
      ["End", 299],
      ["Home", 0],
    ] as const) {
      expect((await press(view, key)).defaultPrevented).toBe(true);
      expect(actions.moved).toHaveBeenLastCalledWith(wanted);
      expect(position()).toBe(`${wanted + 1} of 300`);
      expect(view.find(".preview-name").textContent).toBe(`image ${wanted + 100}.jpg`);
    }
    expect(view.button("Previous image (←)").disabled).toBe(true);
    actions.moved.mockClear();
    await press(view, "ArrowLeft");
    expect(actions.moved).not.toHaveBeenCalled();
    view.click(view.button("Next image (→)"));
    expect(actions.moved).toHaveBeenLastCalledWith(1);
    await press(view, "End");
    expect(view.button("Next image (→)").disabled).toBe(true);
  });

  it("keeps the focus when the button that has it comes to an end", async () => {
    const { view } = await show({ n: 3 }, 1);
    view.button("Next image (→)").focus();
    view.click(view.button("Next image (→)"));
    await settle();
    expect(view.root.activeElement).toBe(view.find(".preview-stage"));
  });

  it("has the next image ready, and those seen before", async () => {
    const { kernel, view } = await show({ n: 20 }, 8);
    expect(asked(kernel, "image")).toEqual([108, 109]);
    await press(view, "ArrowRight");
    expect(asked(kernel, "image")).toEqual([108, 109, 110]);
    await press(view, "ArrowLeft");
    expect(asked(kernel, "image")).toEqual([108, 109, 110, 107]);
    expect(images(view)).toHaveLength(1);
  });

  it("cancels what is passed by", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    preview.open(5);
    kernel.answer();
    await settle();
    await press(view, "ArrowRight");
    const cancelled = kernel.sentOf("cancel").map(({ target }) => target);
    const passed = [...kernel.sentOf("image"), ...kernel.sentOf("details")].filter(
      ({ item }) => item === 105,
    );
    expect(cancelled).toEqual(expect.arrayContaining(passed.map(({ id }) => id)));
    expect(passed).toHaveLength(2);
  });

  it("gives back all addresses of images, and keeps no more than 6 MB of them", async () => {
    const made = vi.spyOn(URL, "createObjectURL");
    const revoked = vi.spyOn(URL, "revokeObjectURL");
    const { kernel, view, preview } = await show({ n: 40, manual: true });
    const large = (calls: unknown[][]) => calls.filter(([blob]) => (blob as Blob).size === 1_000_000).length;
    const size = { width: 2048, height: 1536, full_width: 4000, full_height: 3000, mime: "image/jpeg" };
    preview.open(0);
    for (let round = 0; round < 24; round++) {
      for (const message of kernel.unanswered.splice(0)) {
        const { id, kind, item } = message;
        if (kind !== "image") kernel.answer(message);
        else kernel.reply(id, { item, ...size }, [new DataView(new ArrayBuffer(1_000_000))]);
      }
      await settle();
      if (round % 2) view.press("ArrowRight");
    }
    const count = large(made.mock.calls);
    expect(count).toBeGreaterThan(8);
    expect(revoked.mock.calls.length).toBe(count - 6);
    view.dispose();
    expect(revoked.mock.calls.length).toBe(made.mock.calls.length);
  });

  it("stays with its item in a new order, and closes when that has gone", async () => {
    const { kernel, actions, view, preview } = await show({ n: 1000 }, 500);
    const { order } = kernel;
    kernel.reorder(order.filter((item) => item < 200 || item >= 260));
    await settle();
    expect(preview.isOpen.value).toBe(true);
    expect(view.find(".preview-name").textContent).toBe("image 600.jpg");
    expect(view.find(".preview-position").textContent).toBe("441 of 940");
    expect(actions.moved).toHaveBeenLastCalledWith(440);
    expect(actions.closed).not.toHaveBeenCalled();
    kernel.reorder(order.filter((item) => item !== 600));
    await settle();
    expect(preview.isOpen.value).toBe(false);
    expect(actions.closed).toHaveBeenCalledTimes(1);
  });

  it("shows the item on while the rows of a new order are on their way", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    preview.open(5);
    for (let round = 0; round < 4; round++) {
      kernel.answer();
      await settle();
    }
    kernel.reorder([...kernel.order].reverse());
    await settle();
    expect(view.find(".preview-name").textContent).toBe("image 105.jpg");
    expect(images(view)).toHaveLength(1);
    kernel.answer();
    await settle();
    expect(view.find(".preview-position").textContent).toBe("15 of 20");
  });

  it("closes when nothing is in view any more, and does not open then", async () => {
    const { kernel, actions, preview } = await show({ n: 20 }, 5);
    kernel.reorder([]);
    await settle();
    expect(preview.isOpen.value).toBe(false);
    expect(actions.closed).toHaveBeenCalledTimes(1);
    preview.open(0);
    expect(preview.isOpen.value).toBe(false);
  });
});

describe("zoom and pan", () => {
  const frame = (view: View, layer = 0) => {
    const style = view.root.querySelectorAll<HTMLElement>(".layer")[layer]?.style.transform ?? "";
    const [x, y, scale] = (style.match(/-?[\d.]+(e-\d+)?/g) ?? []).map(Number);
    return { x: x ?? 0, y: y ?? 0, scale: scale ?? 0 };
  };

  it("goes by keys and buttons, in percent of the file's pixels", async () => {
    const { kernel, view } = await show({ n: 20 }, 5);
    expect(percent(view)).toBe("19%"); // 560 of 3000 pixels
    expect(view.find(".percent").title).toBe("Shown at 1,024 of 4,000 pixels");
    await press(view, "1");
    expect(percent(view)).toBe("100%");
    expect(frame(view).x).toBeCloseTo(400 - 2000);
    expect(kernel.sentOf("image").at(-1)).toMatchObject({ side: 2048 });
    expect(view.find(".percent").title).toBe("Shown at 2,048 of 4,000 pixels");
    await press(view, "+");
    expect(percent(view)).toBe("125%");
    await press(view, "-");
    expect(percent(view)).toBe("100%");
    await press(view, "0");
    expect(percent(view)).toBe("19%");
    for (let step = 0; step < 40; step++) view.click(view.button("Zoom in (+)"));
    await settle();
    expect(percent(view)).toBe("800%");
    expect(view.find(".panes").classList.contains("pixelated")).toBe(true);
    view.click(view.button("100%"));
    await settle();
    expect(percent(view)).toBe("100%");
    expect(view.find(".panes").classList.contains("pixelated")).toBe(false);
    view.click(view.button("Fit"));
    view.click(view.button("Zoom out (-)"));
    await settle();
    expect(percent(view)).toBe("19%");
    await press(view, "1");
    await press(view, "ArrowRight"); // the next image is shown whole
    expect(percent(view)).toBe("19%");
  });

  it("asks for a larger image instead of the one that is still on its way", async () => {
    const { kernel, view, preview } = await show({ n: 20, manual: true });
    preview.open(5);
    kernel.answer();
    await settle();
    kernel.answer(kernel.sentOf("details")[0]);
    await settle();
    await press(view, "1");
    const [small, large] = kernel.sentOf("image");
    expect([small?.side, large?.side]).toEqual([1024, 2048]);
    expect(kernel.sentOf("cancel").at(-1)).toMatchObject({ target: small?.id });
    await press(view, "0");
    expect(kernel.sentOf("image")).toHaveLength(2);
  });

  it("goes by the wheel at the pointer, and does not scroll the page", async () => {
    const { view } = await show({ n: 20 }, 5);
    const before = frame(view);
    const wheel = (deltaY: number, target: Element) => {
      const event = new WheelEvent("wheel", { deltaY, bubbles: true, cancelable: true });
      Object.defineProperties(event, { clientX: { value: 200 }, clientY: { value: 100 } });
      target.dispatchEvent(event);
      return event;
    };
    expect(wheel(-400, view.find(".layers")).defaultPrevented).toBe(true);
    const after = frame(view);
    expect(after.scale).toBeCloseTo(Math.exp(0.8));
    expect((200 - after.x) / after.scale).toBeCloseTo((200 - before.x) / before.scale);
    expect((100 - after.y) / after.scale).toBeCloseTo((100 - before.y) / before.scale);
    wheel(9000, view.find(".layers"));
    expect(frame(view)).toEqual(before);
    expect(wheel(-100, view.find(".facts")).defaultPrevented).toBe(false);
  });

  it("toggles by a double click, and pans by dragging", async () => {
    const { view } = await show({ n: 20 }, 5);
    const pane = view.find(".pane");
    const point = (type: string, clientX: number, clientY: number) =>
      pane.dispatchEvent(
        new PointerEvent(type, {
          clientX,
          clientY,
          pointerId: 1,
          button: 0,
          bubbles: true,
          cancelable: true,
        }),
      );
    const whole = frame(view);
    point("pointerdown", 100, 100);
    point("pointermove", 150, 150);
    point("pointerup", 150, 150);
    expect(frame(view)).toEqual(whole);
    pane.dispatchEvent(new MouseEvent("dblclick", { clientX: 400, clientY: 280, bubbles: true }));
    await settle();
    expect(percent(view)).toBe("100%");
    const start = frame(view);
    point("pointerdown", 100, 100);
    point("pointermove", 150, 80);
    expect(frame(view).x).toBeCloseTo(start.x + 50);
    expect(frame(view).y).toBeCloseTo(start.y - 20);
    point("pointerup", 150, 80);
    point("pointermove", 0, 0);
    expect(frame(view).x).toBeCloseTo(start.x + 50);
    pane.dispatchEvent(new MouseEvent("dblclick", { clientX: 400, clientY: 280, bubbles: true }));
    await settle();
    expect(frame(view)).toEqual(whole);
  });

  it("zooms by two fingers, where they are", async () => {
    const { view } = await show({ n: 20 }, 5);
    const pane = view.find(".pane");
    const point = (type: string, pointerId: number, clientX: number) =>
      pane.dispatchEvent(new PointerEvent(type, { clientX, clientY: 280, pointerId, button: 0 }));
    point("pointerdown", 1, 400);
    point("pointerdown", 2, 500);
    point("pointermove", 2, 600);
    expect(frame(view).scale).toBeCloseTo(2);
  });
});

describe("keys", () => {
  it("select, before and after the kernel has confirmed", async () => {
    const { kernel, view } = await show({ n: 20 }, 5);
    const box = view.find<HTMLInputElement>(".pick input");
    expect(box.checked).toBe(false);
    view.press(" ");
    await new Promise(requestAnimationFrame);
    expect(box.checked).toBe(true);
    await settle();
    expect([...kernel.selected]).toEqual([105]);
    view.click(box);
    await settle();
    expect([...kernel.selected]).toEqual([]);
    kernel.refuse.add("select");
    await press(view, " ");
    expect(box.checked).toBe(false);
  });

  it("show similar images, tag, and close", async () => {
    const { kernel, actions, view, preview } = await show({ n: 20 }, 5);
    kernel.select([101, 102]); // looked at before
    await press(view, "t");
    expect([...kernel.selected]).toEqual([105]);
    await press(view, "T");
    expect(actions.tag).toHaveBeenCalledTimes(2);
    expect(kernel.sentOf("select")).toHaveLength(1);
    expect([...kernel.selected]).toEqual([105]);
    expect(preview.isOpen.value).toBe(true);
    await press(view, "s");
    expect(preview.isOpen.value).toBe(false);
    expect(actions.closed).toHaveBeenCalledTimes(1);
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "similar", items: [105] });
    preview.open(6);
    await settle();
    await press(view, "Enter");
    expect(actions.closed).toHaveBeenCalledTimes(2);
    preview.open(6);
    view.click(view.button("Back to the grid (Esc)"));
    expect(actions.closed).toHaveBeenCalledTimes(3);
    expect(view.find("[role=dialog]").hidden).toBe(true);
    expect(images(view)).toHaveLength(0);
  });

  it("are left to the buttons, to the panel that scrolls and to the browser", async () => {
    const { view, preview } = await show({ n: 20 }, 5);
    view.button("Similar items").focus();
    expect(view.press("Enter").defaultPrevented).toBe(false);
    expect(view.press(" ").defaultPrevented).toBe(false);
    view.find(".facts").focus();
    for (const key of ["ArrowDown", "PageDown", "End", " "]) {
      expect(view.press(key).defaultPrevented).toBe(false);
    }
    expect(view.press("c", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(view.find(".preview-position").textContent).toBe("6 of 20");
    expect(preview.isOpen.value).toBe(true);
  });

  it("Escape ends the difference, then the comparison, then the preview, and nothing else", async () => {
    const { view, preview } = await show({ n: 20 }, 3);
    const outside = vi.fn();
    view.root.addEventListener("keydown", outside);
    await press(view, "c");
    await press(view, "d");
    expect(view.find(".panes").className).toContain("difference");
    await press(view, "Escape");
    expect(view.find(".panes").className).not.toContain("difference");
    expect(view.find(".panes").className).toContain("two");
    await press(view, "Escape");
    expect(view.find(".panes").className).not.toContain("two");
    expect(preview.isOpen.value).toBe(true);
    await press(view, "Escape");
    expect(preview.isOpen.value).toBe(false);
    expect(outside).not.toHaveBeenCalled();
  });
});

describe("comparison", () => {
  it("offers the keeper, the duplicates and what is selected", async () => {
    const { kernel, view } = await show({ n: 20 }, 3);
    const texts = () => others(view).map((other) => [...other.children].slice(1).map((c) => c.textContent));
    expect(texts()).toEqual([
      ["image 102.jpg", "Keeper · 0.0102", "near"],
      ["image 101.jpg", "Duplicate · 0.0101", "near"],
    ]);
    expect(others(view)[0]?.querySelector("img")?.src).toMatch(/^data:/);
    others(view)[1]?.focus();
    kernel.select([110]);
    await settle();
    expect(view.root.activeElement).toBe(others(view)[1]); // though they are new ones
    expect(texts().at(-1)).toEqual(["image 110.jpg", "Selected · 0.011", ""]);
    expect(asked(kernel, "details")).toEqual([103, 103]);
    kernel.select([]);
    await press(view, "ArrowRight");
    expect(others(view)).toHaveLength(0);
    expect(view.find(".others").hidden).toBe(true);
    expect(view.button("Compare").disabled).toBe(true);
    await press(view, "c");
    expect(view.find(".panes").className).not.toContain("two");
  });

  it("shows another image beside this one, both with their facts, zoomed together", async () => {
    const { kernel, view } = await show({ n: 20 }, 3);
    view.click(others(view)[1] as HTMLElement);
    await settle();
    await settle();
    expect(images(view).map(({ alt }) => alt)).toEqual(["image 103.jpg", "image 101.jpg"]);
    expect(asked(kernel, "image")).toContain(101);
    const captions = [...view.root.querySelectorAll<HTMLElement>(".pane-caption")];
    expect(captions.map(({ hidden }) => hidden)).toEqual([false, false]);
    expect(captions[1]?.textContent).toContain("image 101.jpg");
    expect(captions[1]?.textContent).toContain("4,000 × 3,000 px · 2.5 MB");
    expect(others(view).map((other) => other.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
    await press(view, "1");
    const transforms = [...view.root.querySelectorAll<HTMLElement>(".layer")].map((l) => l.style.transform);
    expect(transforms[0]).toContain("scale(5.35");
    expect(transforms[1]).toBe(transforms[0]);
    view.click(others(view)[1] as HTMLElement);
    await settle();
    expect(captions.map(({ hidden }) => hidden)).toEqual([true, true]);
    expect(images(view)).toHaveLength(1);
  });

  it("steps through the others up and down, and through the view left and right", async () => {
    const { view } = await show({ n: 20 }, 3);
    const compared = () => images(view)[1]?.alt;
    await press(view, "c");
    expect(compared()).toBe("image 102.jpg");
    await press(view, "ArrowDown");
    expect(compared()).toBe("image 101.jpg");
    await press(view, "ArrowDown");
    expect(compared()).toBe("image 101.jpg");
    await press(view, "ArrowUp");
    expect(compared()).toBe("image 102.jpg");
    await press(view, "c");
    expect(compared()).toBeUndefined();
    await press(view, "c");
    await press(view, "ArrowLeft");
    expect(images(view).map(({ alt }) => alt)).toEqual(["image 102.jpg"]);
    expect(view.find(".preview-position").textContent).toBe("3 of 20");
  });

  it("marks the keeper, and makes the other one it", async () => {
    const { kernel, view } = await show({ n: 20 }, 3);
    await press(view, "c");
    const marks = [...view.root.querySelectorAll<HTMLElement>(".keeper-mark")].map(({ hidden }) => hidden);
    expect(marks).toEqual([true, false]);
    expect(view.button("Keep this: image 102.jpg").hidden).toBe(true);
    view.click(view.button("Keep this: image 103.jpg"));
    expect(kernel.sent.at(-1)).toMatchObject({ kind: "keep", item: 103 });
    // The kernel makes a new view of it: the comparison stays.
    kernel.reorder([...kernel.order].reverse());
    await settle();
    expect(view.find(".preview-name").textContent).toBe("image 103.jpg");
    expect(images(view)[1]?.alt).toBe("image 102.jpg");
  });

  it("has nothing to keep among images that are no duplicates", async () => {
    const { kernel, view } = await show({ n: 20 }, 3);
    kernel.select([110]);
    await settle();
    view.click(others(view)[2] as HTMLElement);
    await settle();
    await settle();
    expect(images(view)[1]?.alt).toBe("image 110.jpg");
    for (const caption of view.root.querySelectorAll<HTMLElement>(".pane-caption")) {
      expect(caption.querySelector<HTMLElement>("button")?.hidden).toBe(true);
      expect(caption.querySelector<HTMLElement>(".keeper-mark")?.hidden).toBe(true);
    }
  });

  it("shows the difference in one frame, amplified", async () => {
    const { kernel, view } = await show({ n: 20 }, 3);
    const answer = kernel.answer.bind(kernel);
    const tall = { width: 600, height: 1000, full_width: 1200, full_height: 2000, mime: "image/jpeg" };
    kernel.answer = (message) => {
      if (message?.kind !== "image" || message.item !== 102) answer(message);
      else kernel.reply(message.id, { item: 102, ...tall }, [new DataView(new ArrayBuffer(9))]);
    };
    await press(view, "d"); // nothing is compared yet
    expect(view.find(".panes").className).not.toContain("difference");
    await press(view, "c");
    view.click(view.button("Difference"));
    await settle();
    const layers = view.find(".layers").querySelectorAll<HTMLElement>(".layer");
    expect([...layers].map((layer) => layer.querySelector("img")?.alt)).toEqual([
      "image 103.jpg",
      "image 102.jpg",
    ]);
    const [first, second] = [...layers].map(({ style }) => [style.width, style.height, style.transform]);
    expect(second).toEqual(first);
    expect(first?.slice(0, 2)).toEqual(["746.666667px", "560px"]);
    expect(view.find(".compare-hint").textContent).toBe("Black: no difference");
    const amplify = view.button("Amplification: 1 times");
    const shown = [];
    for (let step = 0; step < 3; step++) {
      view.click(amplify);
      shown.push(view.find(".panes").style.getPropertyValue("--amplify"));
    }
    expect(shown).toEqual(["4", "16", "1"]);
    await press(view, "d");
    expect(view.root.querySelectorAll(".layers")[1]?.querySelector("img")?.alt).toBe("image 102.jpg");
    expect(view.root.querySelectorAll<HTMLElement>(".layer")[1]?.style.width).toBe("336px"); // its own
    await press(view, "d");
    view.click(view.button("Leave comparison"));
    await settle();
    expect(view.find(".compare-bar").hidden).toBe(true);
    await press(view, "c");
    expect(view.find(".panes").className).not.toContain("difference");
  });
});

describe("full screen", () => {
  it("is offered where it can be had, ends with the preview, and says why it fails", async () => {
    const { view: without } = await show({ n: 20 });
    expect(without.button("Full screen").hidden).toBe(true);
    Object.assign(document, { fullscreenEnabled: true, exitFullscreen: vi.fn(() => Promise.resolve()) });
    const { store, view } = await show({ n: 20 }, 5);
    const request = vi.fn(() => Promise.resolve());
    Object.assign(view.root.host, { requestFullscreen: request });
    view.click(view.button("Full screen"));
    expect(request).toHaveBeenCalledTimes(1);
    request.mockReturnValueOnce(Promise.reject(new TypeError("not allowed")));
    view.click(view.button("Full screen"));
    await settle();
    expect(store.notice.value?.message).toContain("not allowed");
    Object.assign(document, { fullscreenElement: view.root.host });
    await press(view, "Escape");
    expect(document.exitFullscreen).toHaveBeenCalledTimes(1);
    Object.assign(document, { fullscreenEnabled: false, fullscreenElement: null });
  });
});

describe("lifecycle", () => {
  it("asks for nothing while it is closed or when it is gone", async () => {
    const { kernel, view, preview } = await show({ n: 20 }, 5);
    await press(view, "Escape");
    const sent = kernel.sent.length;
    kernel.select([101]);
    kernel.reorder([...kernel.order].reverse());
    await settle();
    expect(kernel.sent).toHaveLength(sent);
    preview.open(3);
    view.dispose();
    const after = kernel.sent.filter(({ kind }) => kind !== "cancel").length;
    await settle();
    expect(kernel.sent.filter(({ kind }) => kind !== "cancel")).toHaveLength(after);
  });

  it("stays calm when the kernel goes", async () => {
    const { kernel, store, view } = await show({ n: 20 }, 5);
    store.client.lose();
    await press(view, "ArrowRight");
    await press(view, "ArrowRight");
    expect(view.find(".preview-name").textContent).toBe("image 107.jpg");
    expect(view.find(".failure-pill").hidden).toBe(false);
    expect(view.find(".facts-note").textContent).toBe("No details");
    expect(kernel.sentOf("image").some(({ item }) => item === 107)).toBe(false);
  });
});
