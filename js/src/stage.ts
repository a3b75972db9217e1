/** The preview's stage: one image or two side by side or over each other, zoomed and panned together. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import { h } from "./dom";
import { Layer, type LayerActions, type Picture } from "./layer";
import {
  actualFactor,
  clampPan,
  FIT,
  fitScale,
  frameOf,
  limitFactor,
  type Point,
  panBy,
  type Size,
  type Zoom,
  zoomTo,
} from "./zoom";

const STEP = 1.25;
/** Zoom for each pixel of wheel: a notch of a mouse is some 100 pixels, a pinch on a trackpad sends few. */
const WHEEL = 0.002;
const PINCH = 0.01;
const LINE = 16;
/** From how many screen pixels a file's pixel on its edges are shown. */
const PIXELATED = 2;

interface Pane {
  view: HTMLElement;
  loading: HTMLElement;
  failure: HTMLElement;
  missing: HTMLElement;
  layer: Layer;
}

function createPane(actions: LayerActions): Pane {
  const layer = new Layer(actions);
  const layers = h("div", { class: "layers" }, layer.element);
  const missing = h("span", { class: "pane-missing" }, "No preview");
  const loading = h("span", { class: "pill loading-pill", "aria-hidden": "true" }, "Loading…");
  const failure = h("span", { class: "pill failure-pill", role: "status", dir: "auto" });
  const view = h("div", { class: "pane" }, layers, missing, loading, failure);
  return { view, layer, missing, loading, failure };
}

export class Stage {
  readonly element: HTMLElement;
  readonly #panes: HTMLElement;
  readonly #first: Pane;
  readonly #second: Pane;
  readonly #percent = signal<number | undefined>(undefined);
  readonly #pointers = new Map<number, Point>();
  readonly #resize: ResizeObserver;
  #zoom: Zoom = FIT;
  #isDifference = false;

  /**
   * @param captions What stands below the two images while they are compared.
   * @param controls What lies over them.
   */
  constructor(
    actions: LayerActions,
    captions: readonly [HTMLElement, HTMLElement],
    controls: readonly HTMLElement[],
  ) {
    const changed = () => {
      this.#place();
      actions.changed();
    };
    this.#first = createPane({ ...actions, changed });
    this.#second = createPane({ ...actions, changed });
    this.#panes = h("div", { class: "panes" }, this.#first.view, this.#second.view, ...captions);
    this.element = h(
      "div",
      { class: "preview-stage", tabindex: 0, role: "group", "aria-label": "Image" },
      this.#panes,
      ...controls,
    );
    // On the controls, too, no wheel meant to zoom scrolls the page.
    this.element.addEventListener("wheel", (event) => event.preventDefault(), { passive: false });
    for (const { view } of [this.#first, this.#second]) {
      view.addEventListener("wheel", (event) => this.#onWheel(event, view), { passive: true });
      view.addEventListener("dblclick", (event) => this.#toggleActual(pointIn(view, event)));
      view.addEventListener("pointerdown", (event) => this.#onDown(event, view));
      view.addEventListener("pointermove", (event) => this.#onMove(event, view));
      view.addEventListener("pointerup", (event) => this.#pointers.delete(event.pointerId));
      view.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
    }
    this.#resize = new ResizeObserver(changed);
    this.#resize.observe(this.#first.view);
  }

  dispose(): void {
    this.#resize.disconnect();
  }

  /** Screen pixels for 100 pixels of the first image's file; `undefined` while that is not known. */
  get percent(): ReadonlySignal<number | undefined> {
    return this.#percent;
  }

  /** The longer side that an image to look at needs, in the screen's pixels. */
  get pixels(): number {
    const { clientWidth, clientHeight } = this.element;
    return Math.max(clientWidth, clientHeight) * Math.max(1, this.#zoom.factor) * devicePixelRatio;
  }

  /** Whether what is shown of the items in `show` is all there. */
  get isComplete(): boolean {
    return this.#first.layer.isLarge && this.#second.layer.isLarge;
  }

  /** Show an image, beside another one or, as `isDifference`, that one's difference to it. */
  show(first: Picture | undefined, second: Picture | undefined, isDifference: boolean): void {
    this.#isDifference = isDifference && second !== undefined;
    this.#fill(this.#first, first);
    this.#fill(this.#second, second);
    const home = this.#isDifference ? this.#first : this.#second;
    const layers = home.view.firstElementChild;
    if (this.#second.layer.element.parentElement !== layers) layers?.append(this.#second.layer.element);
    this.#second.view.hidden = second === undefined || this.#isDifference;
    this.#panes.classList.toggle("two", second !== undefined);
    this.#panes.classList.toggle("difference", this.#isDifference);
    this.#place();
  }

  /** How much brighter than it is a difference is shown. */
  amplify(times: number): void {
    this.#panes.style.setProperty("--amplify", String(times));
  }

  fit(): void {
    this.#zoom = FIT;
    this.#place();
  }

  /** Show the file's pixels as the screen's. */
  actual(): void {
    const { stage, image } = this.#sizes();
    if (!image) return;
    this.#zoomTo(actualFactor(stage, image, devicePixelRatio), middle(stage));
  }

  /** Zoom in by steps, out by negative ones. */
  zoomBy(steps: number): void {
    this.#zoomTo(this.#zoom.factor * STEP ** steps, middle(this.#sizes().stage));
  }

  #fill({ layer, missing, loading, failure }: Pane, picture: Picture | undefined): void {
    layer.show(picture);
    const isSettled = picture?.large !== undefined || picture?.reason !== undefined;
    loading.hidden = isSettled;
    failure.hidden = picture?.large !== undefined || picture?.reason === undefined;
    failure.textContent = failure.hidden ? "" : (picture?.reason ?? "");
    missing.hidden = !isSettled || layer.element.hasChildNodes();
  }

  #sizes(): { stage: Size; image: Size | undefined } {
    const { clientWidth, clientHeight } = this.#first.view;
    return { stage: { width: clientWidth, height: clientHeight }, image: this.#first.layer.size };
  }

  /** Lay the images out anew, the second one in the first one's frame where their difference is shown. */
  #place(): void {
    const { stage, image } = this.#sizes();
    if (stage.width === 0 || stage.height === 0) return; // not shown
    const first = this.#first.layer.proportions ?? stage;
    const own = this.#second.layer.proportions ?? stage;
    const factor = image ? limitFactor(this.#zoom.factor, stage, image, devicePixelRatio) : this.#zoom.factor;
    this.#zoom = clampPan({ ...this.#zoom, factor }, stage, first);
    this.#transform(this.#first.layer, stage, first);
    this.#transform(this.#second.layer, stage, this.#isDifference ? first : own);
    const scale = image && fitScale(stage, image) * factor * devicePixelRatio;
    this.#panes.classList.toggle("pixelated", scale !== undefined && scale > PIXELATED);
    const { width, height } = frameOf(this.#zoom, stage, first);
    this.#panes.classList.toggle("pannable", width > stage.width + 1 || height > stage.height + 1);
    this.#percent.value = scale && scale * 100;
  }

  #transform({ element }: Layer, stage: Size, image: Size): void {
    const fit = frameOf(FIT, stage, image);
    const { x, y } = frameOf(clampPan(this.#zoom, stage, image), stage, image);
    element.style.width = `${fit.width}px`;
    element.style.height = `${fit.height}px`;
    element.style.transform = `translate(${x}px, ${y}px) scale(${this.#zoom.factor})`;
  }

  #zoomTo(factor: number, at: Point): void {
    const { stage, image } = this.#sizes();
    if (!image || stage.width === 0 || stage.height === 0) return;
    const limited = limitFactor(factor, stage, image, devicePixelRatio);
    this.#zoom = zoomTo(this.#zoom, limited, at, stage, image);
    this.#place();
  }

  #pan(by: Point): void {
    const { stage, image } = this.#sizes();
    if (!image || stage.width === 0 || stage.height === 0) return;
    this.#zoom = panBy(this.#zoom, by, stage, image);
    this.#place();
  }

  #toggleActual(at: Point): void {
    const { stage, image } = this.#sizes();
    if (this.#zoom.factor !== 1) this.fit();
    else if (image) this.#zoomTo(actualFactor(stage, image, devicePixelRatio), at);
  }

  #onWheel(event: WheelEvent, view: HTMLElement): void {
    const unit = [1, LINE, view.clientHeight][event.deltaMode] ?? 1;
    const speed = event.ctrlKey ? PINCH : WHEEL;
    this.#zoomTo(this.#zoom.factor * Math.exp(-event.deltaY * unit * speed), pointIn(view, event));
  }

  #onDown(event: PointerEvent, view: HTMLElement): void {
    if (event.button !== 0) return;
    view.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, pointIn(view, event));
  }

  /** One pointer drags the image, two also zoom it. */
  #onMove(event: PointerEvent, view: HTMLElement): void {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = pointIn(view, event);
    this.#pointers.set(event.pointerId, now);
    const [still] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (!still) {
      this.#pan({ x: now.x - before.x, y: now.y - before.y });
      return;
    }
    const apart = Math.hypot(before.x - still.x, before.y - still.y);
    if (apart > 0) {
      const grown = Math.hypot(now.x - still.x, now.y - still.y) / apart;
      this.#zoomTo(this.#zoom.factor * grown, still);
    }
  }
}

function middle({ width, height }: Size): Point {
  return { x: width / 2, y: height / 2 };
}

function pointIn(view: HTMLElement, { clientX, clientY }: MouseEvent): Point {
  const { left, top } = view.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}
