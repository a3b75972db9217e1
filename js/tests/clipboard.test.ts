import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { settle } from "./kernel";
import { clearPage, display, standInForLayout, type View } from "./page";

let copied: string[];

beforeEach(() => {
  standInForLayout();
  copied = [];
  standInForClipboard({ writeText: async (text: string) => void copied.push(text) });
});
afterEach(clearPage);

/** The clipboard as a browser shows it to a page; `undefined` in one that is not secure. */
function standInForClipboard(clipboard: object | undefined): void {
  vi.spyOn(navigator, "clipboard", "get").mockReturnValue(clipboard as Clipboard);
}

/** The old way to copy: takes what is selected in the field that has the focus. */
function standInForCopying(view: View, isAllowed: boolean): void {
  document.execCommand = (command) => {
    const field = view.root.activeElement as HTMLTextAreaElement;
    expect(command).toBe("copy");
    if (isAllowed) copied.push(field.value.slice(field.selectionStart, field.selectionEnd));
    return isAllowed;
  };
}

async function displaySelected() {
  const shown = await display({ n: 20 });
  shown.kernel.select([103, 101]);
  await settle();
  shown.view.card(5).focus();
  return shown;
}

const feedback = (view: View) => view.find(".feedback").textContent;
const PATHS = "/photos/103.jpg\n/photos/101.jpg";

describe("copying paths", () => {
  it.each([
    ["the button", (view: View) => view.click(view.button("Copy paths"))],
    ["Ctrl+C", (view: View) => view.press("c", { ctrlKey: true })],
    ["Cmd+C with Caps Lock", (view: View) => view.press("C", { metaKey: true })],
  ])("by %s", async (_, act) => {
    const { kernel, view } = await displaySelected();
    act(view);
    await vi.waitFor(() => expect(copied).toEqual([PATHS]));
    expect(kernel.sentOf("paths")).toHaveLength(1);
    await vi.waitFor(() => expect(feedback(view)).toBe("Copied 2 paths."));
    kernel.select([104]);
    await settle();
    expect(feedback(view)).toBe("");
    act(view);
    await vi.waitFor(() => expect(feedback(view)).toBe("Copied 1 path."));
  });

  it("by Ctrl+C in the preview", async () => {
    const { view } = await displaySelected();
    view.press("Enter");
    view.press("c", { ctrlKey: true });
    await vi.waitFor(() => expect(copied).toEqual([PATHS]));
  });

  it("is not what Ctrl+C does where it is for something else", async () => {
    const { kernel, view } = await displaySelected();
    view.find("input[type=text]").focus();
    expect(view.press("c", { ctrlKey: true }).defaultPrevented).toBe(false);
    view.card(5).focus();
    for (const other of [{}, { ctrlKey: true, shiftKey: true }, { ctrlKey: true, altKey: true }]) {
      expect(view.press("c", other).defaultPrevented).toBe(false);
    }
    const selection = vi.spyOn(document, "getSelection");
    selection.mockReturnValue({ toString: () => "a file name" } as Selection);
    expect(view.press("c", { ctrlKey: true }).defaultPrevented).toBe(false);
    selection.mockRestore();
    expect(view.press("c", { ctrlKey: true, repeat: true }).defaultPrevented).toBe(true);
    kernel.select([]);
    await settle();
    expect(view.press("c", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(view.button("Copy paths").disabled).toBe(true);
    expect(kernel.sentOf("paths")).toEqual([]);
  });

  it.each([
    ["there is no clipboard", undefined],
    [
      "the page may not write there",
      { writeText: () => Promise.reject(new DOMException("NotAllowedError")) },
    ],
  ])("takes the old way where %s, and leaves the focus where it was", async (_, clipboard) => {
    standInForClipboard(clipboard);
    const { view } = await displaySelected();
    standInForCopying(view, true);
    view.press("c", { ctrlKey: true });
    await vi.waitFor(() => expect(copied).toEqual([PATHS]));
    await vi.waitFor(() => expect(feedback(view)).toBe("Copied 2 paths."));
    expect(view.focused).toBe(5);
    expect(view.root.querySelector("textarea")).toBeNull();
  });

  it.each([
    ["refuses", (view: View) => standInForCopying(view, false)],
    [
      "has no such way",
      () => {
        document.execCommand = () => {
          throw new Error("not supported");
        };
      },
    ],
  ])("says where else the paths are where the browser %s", async (_, standIn) => {
    standInForClipboard(undefined);
    const { view } = await displaySelected();
    standIn(view);
    view.click(view.button("Copy paths"));
    await vi.waitFor(() =>
      expect(view.find(".toast").textContent).toContain("use Copy paths in the Tags tab"),
    );
    expect(feedback(view)).toBe("");
    expect(view.root.querySelector("textarea")).toBeNull();
  });

  it("says what the kernel refuses", async () => {
    const { kernel, view } = await displaySelected();
    kernel.refuse.add("paths");
    view.click(view.button("Copy paths"));
    await vi.waitFor(() => expect(view.find(".toast").textContent).toContain("paths refused"));
    expect(copied).toEqual([]);
  });
});
