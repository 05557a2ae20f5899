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

/** Datatype codes of NIfTI. */
const [INT16, FLOAT32, RGBA32] = [4, 16, 2304];
/** How much surfaces are shaded by the light. */
const SHADING = 0.5;

/** What NiiVue can draw as it is: labels become colours with transparency, other values int16 or float32. */
function prepared({ volume, slope, intercept, labels }: RenderingContent): { data: Voxels; code: number } {
  const { data } = volume;
  if (labels) {
    const pixels = new Uint32Array(data.length);
    const packed = new Map([...labels].map(([value, [r, g, b]]) => [value, 0xff000000 | (b << 16) | (g << 8) | r]));
    packed.delete(0);
    data.forEach((stored: number, at: number) => (pixels[at] = packed.get(stored * slope + intercept) ?? 0));
    return { data: new Uint8Array(pixels.buffer), code: RGBA32 };
  }
  if (data instanceof Int16Array && slope === 1 && intercept === 0) return { data, code: INT16 };
  return { data: Float32Array.from(data, (value) => value * slope + intercept), code: FLOAT32 };
}

function niftiOf(content: RenderingContent): ArrayBuffer {
  const { affine, size } = content.volume.grid;
  const { data, code } = prepared(content);
  const spacing = [0, 1, 2].map((axis) => Math.hypot(...[0, 4, 8].map((row) => affine[row + axis]!)));
  const file = NVImage.createNiftiArray([...size], spacing, [...affine], code, data as Uint8Array);
  return file.buffer as ArrayBuffer;
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
  let shown: Partial<Pick<RenderingContent, 'volume' | 'labels'>> = {};
  return {
    async show(content) {
      const { volume, window, labels } = content;
      if (shown.volume !== volume || shown.labels !== labels) {
        for (const old of [...nv.volumes]) nv.removeVolume(old);
        await nv.loadFromArrayBuffer(niftiOf(content), 'volume.nii');
        await nv.setVolumeRenderIllumination(SHADING);
        shown = { volume, labels };
      }
      const image = nv.volumes[0];
      if (!image || labels) return;
      [image.cal_min, image.cal_max] = window;
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
