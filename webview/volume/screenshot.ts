import type { Pane } from './pane';

/** The slices and renderings as they lie on the page, as a PNG file. */
export async function screenshot(area: HTMLElement, panes: readonly Pane[]): Promise<Uint8Array> {
  const ratio = devicePixelRatio || 1;
  const frame = area.getBoundingClientRect();
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(frame.width * ratio);
  canvas.height = Math.round(frame.height * ratio);
  const context = canvas.getContext('2d')!;
  context.fillStyle = '#000';
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const pane of panes) {
    const rendered = pane.renderedPicture();
    const pictures = [...pane.node.querySelectorAll<HTMLCanvasElement>('.surface canvas')];
    for (const picture of pictures) {
      const box = picture.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      if (picture.closest('.rendering') && picture !== rendered) continue;
      const [x, y] = [(box.left - frame.left) * ratio, (box.top - frame.top) * ratio];
      context.drawImage(picture, x, y, box.width * ratio, box.height * ratio);
    }
  }
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (!blob) throw new Error('The picture can’t be made.');
  return new Uint8Array(await blob.arrayBuffer());
}
