/**
 * Where an image lies in the stage that zooms and pans it: pure arithmetic, no DOM.
 *
 * Lengths are CSS pixels, those of images their files' pixels. Sizes are above 0.
 */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** In terms that hold whatever the resolution, so that two images can share one zoom. */
export interface Zoom {
  /** Size relative to that at which all of the image just fits. */
  readonly factor: number;
  /** The point of the image in the middle of the stage, as shares of its width and height. */
  readonly x: number;
  readonly y: number;
}

export const FIT: Zoom = { factor: 1, x: 0.5, y: 0.5 };

/** How many screen pixels a file's pixel may get. */
const MAX_ENLARGED = 8;

/** CSS pixels a file's pixel at which all of the image just fits. */
export function fitScale(stage: Size, image: Size): number {
  return Math.min(stage.width / image.width, stage.height / image.height);
}

/** The factor at which a file's pixel is one of the screen's. */
export function actualFactor(stage: Size, image: Size, pixelRatio: number): number {
  return 1 / (pixelRatio * fitScale(stage, image));
}

/** A factor within its limits: at least all of the image or its own pixels, at most 8 times the latter. */
export function limitFactor(factor: number, stage: Size, image: Size, pixelRatio: number): number {
  const actual = actualFactor(stage, image, pixelRatio);
  return Math.max(Math.min(1, actual), Math.min(Math.max(1, MAX_ENLARGED * actual), factor));
}

/** The rectangle that the image takes up, from the stage's top left corner. */
export function frameOf(zoom: Zoom, stage: Size, image: Size): Point & Size {
  const scale = fitScale(stage, image) * zoom.factor;
  const width = image.width * scale;
  const height = image.height * scale;
  return { x: stage.width / 2 - zoom.x * width, y: stage.height / 2 - zoom.y * height, width, height };
}

function clampShare(share: number, length: number, stage: number): number {
  if (length <= stage) return 0.5;
  const half = stage / (2 * length);
  return Math.max(half, Math.min(1 - half, share));
}

/** Pan as little as it takes that the image fills the stage, or lies in its middle where it is smaller. */
export function clampPan(zoom: Zoom, stage: Size, image: Size): Zoom {
  const { width, height } = frameOf(zoom, stage, image);
  return {
    factor: zoom.factor,
    x: clampShare(zoom.x, width, stage.width),
    y: clampShare(zoom.y, height, stage.height),
  };
}

/** Zoom to a factor; what lies at a point of the stage stays there as far as `clampPan` lets it. */
export function zoomTo(zoom: Zoom, factor: number, at: Point, stage: Size, image: Size): Zoom {
  const { x, y, width, height } = frameOf(zoom, stage, image);
  const grown = factor / zoom.factor;
  const moved = {
    factor,
    x: (at.x - x) / width + (stage.width / 2 - at.x) / (width * grown),
    y: (at.y - y) / height + (stage.height / 2 - at.y) / (height * grown),
  };
  return clampPan(moved, stage, image);
}

/** Move the image by so many pixels, as far as `clampPan` lets it. */
export function panBy(zoom: Zoom, by: Point, stage: Size, image: Size): Zoom {
  const { width, height } = frameOf(zoom, stage, image);
  return clampPan({ factor: zoom.factor, x: zoom.x - by.x / width, y: zoom.y - by.y / height }, stage, image);
}
