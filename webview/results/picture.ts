/** Pictures made of drawings. */

/** Resolution of a saved picture against the screen's CSS pixels. */
const SCALE = 2;
const MARGIN = 16;

function load(svg: string): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error('the browser could not draw the chart'));
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  });
}

/** A drawing as a PNG file. */
export async function svgAsPng(svg: string, background: string): Promise<Uint8Array> {
  const image = await load(svg);
  const canvas = document.createElement('canvas');
  canvas.width = (image.width + 2 * MARGIN) * SCALE;
  canvas.height = (image.height + 2 * MARGIN) * SCALE;
  const context = canvas.getContext('2d')!;
  context.fillStyle = background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(SCALE, SCALE);
  context.drawImage(image, MARGIN, MARGIN);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error('the browser could not make a picture');
  return new Uint8Array(await blob.arrayBuffer());
}

/** Puts SVG text into the page as elements; scripts in it would not run. */
export function drawing(svg: string, label: string): SVGElement {
  const node = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement as unknown as SVGElement;
  node.setAttribute('role', 'img');
  node.setAttribute('aria-label', label);
  return document.importNode(node, true);
}
