// The only file that knows NiiVue. It is a bundle of its own, loaded when a 3-D rendering is first shown.
import { Niivue, NVImage, SLICE_TYPE } from '@niivue/niivue';
import type { ReducedVolume, Voxels } from '../../src/protocol/volume';
import type { Colour } from './raster';

export interface RenderingContent {
  readonly volume: ReducedVolume;
  readonly slope: number;
  readonly intercept: number;
  readonly window: readonly [number, number];
  /** Colours of labels; without it the volume is an image. */
  readonly labels?: ReadonlyMap<number, Colour>;
}

export interface Rendering {
  show(content: RenderingContent): Promise<void>;
  /** Degrees. */
  turn(azimuth: number, elevation: number): void;
  /** A canvas that holds the picture when this returns. */
  redraw(): HTMLCanvasElement;
  dispose(): void;
}

export interface RenderingModule {
  create(canvas: HTMLCanvasElement): Promise<Rendering>;
}

declare global {
  var vocoRendering3d: RenderingModule | undefined;
}

/** Values that NiiVue can upload: a label map as bytes, anything else as float32. */
function prepared({ volume, slope, intercept, labels }: RenderingContent): { data: Voxels; code: number } {
  const { data } = volume;
  if (labels) return { data: Uint8Array.from(data, (value) => value * slope + intercept), code: 2 };
  if (data instanceof Int16Array && slope === 1 && intercept === 0) return { data, code: 4 };
  return { data: Float32Array.from(data, (value) => value * slope + intercept), code: 16 };
}

function colourTable(labels: ReadonlyMap<number, Colour>): Parameters<NVImage['setColormapLabel']>[0] {
  const [R, G, B, A, I]: number[][] = [[], [], [], [], []];
  for (let value = 0; value < 256; value++) {
    const colour = value === 0 ? undefined : labels.get(value);
    I!.push(value);
    R!.push(colour?.[0] ?? 0);
    G!.push(colour?.[1] ?? 0);
    B!.push(colour?.[2] ?? 0);
    A!.push(colour ? 255 : 0);
  }
  return { R, G, B, A, I, labels: I!.map(String) } as Parameters<NVImage['setColormapLabel']>[0];
}

async function create(canvas: HTMLCanvasElement): Promise<Rendering> {
  const nv = new Niivue({
    isResizeCanvas: true,
    loadingText: '',
    show3Dcrosshair: false,
    isOrientCube: true,
    backColor: [0, 0, 0, 1],
    logLevel: 'silent',
  });
  await nv.attachToCanvas(canvas);
  canvas.tabIndex = -1;
  nv.setSliceType(SLICE_TYPE.RENDER);
  let shown: ReducedVolume | undefined;
  return {
    async show(content) {
      const { volume, window, labels } = content;
      if (shown !== volume) {
        for (const old of [...nv.volumes]) nv.removeVolume(old);
        const { data, code } = prepared(content);
        const spacing = [0, 1, 2].map((axis) => Math.hypot(...[0, 4, 8].map((row) => volume.grid.affine[row + axis]!)));
        const file = NVImage.createNiftiArray(
          [...volume.grid.size],
          spacing,
          [...volume.grid.affine],
          code,
          data as Uint8Array,
        );
        await nv.loadFromArrayBuffer(file.buffer as ArrayBuffer, 'volume.nii');
        shown = volume;
      }
      const image = nv.volumes[0];
      if (!image) return;
      if (labels) image.setColormapLabel(colourTable(labels));
      else [image.cal_min, image.cal_max] = window;
      nv.updateGLVolume();
    },
    turn(azimuth, elevation) {
      nv.setRenderAzimuthElevation(azimuth, elevation);
    },
    redraw() {
      nv.drawScene();
      return canvas;
    },
    dispose() {
      nv.cleanup();
      canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext();
    },
  };
}

globalThis.vocoRendering3d = { create };
