/** An image file of the user's, made fit to send to the kernel. */

import { MAX_QUERY_BYTES } from "./protocol";

/** What Pillow reads; of anything else the browser's own decoder is asked first. */
const READABLE = /^image\/(jpeg|png|gif|bmp|webp|tiff)$/;
/** Pixels of the longer side of what is sent in place of a file. */
const MAX_SIDE = 2048;
/** Of its JPEG: the second where noise of 2,048 × 2,048 pixels, 4.3 MB of the first, is more than can be sent. */
const QUALITIES = [0.95, 0.8];

/** The bytes of an image file, or of a JPEG of it; `undefined` where neither can be had. */
export async function readImage(file: File): Promise<ArrayBuffer | undefined> {
  const fits = file.size > 0 && file.size <= MAX_QUERY_BYTES;
  if (fits && READABLE.test(file.type)) return attempt(file.arrayBuffer());
  const scaled = await attempt(encode(file));
  return scaled ?? (fits ? attempt(file.arrayBuffer()) : undefined);
}

/** A folder cannot be read, nor can what has been deleted since; and not every file is an image. */
function attempt<T>(result: Promise<T>): Promise<T | undefined> {
  return result.catch(() => undefined);
}

/** A JPEG of an image, upright, on white where it is transparent; rejects where the browser cannot decode it. */
async function encode(file: File): Promise<ArrayBuffer | undefined> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const side = (pixels: number) => Math.max(1, Math.round(scale * pixels));
  const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height));
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  for (const quality of QUALITIES) {
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
    if (blob.size <= MAX_QUERY_BYTES) return blob.arrayBuffer();
  }
  return undefined;
}
