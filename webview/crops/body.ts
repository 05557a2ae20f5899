import type { Vec3 } from '../../src/geometry';
import type { BodySurface } from '../../src/protocol/crops';
import type { Camera } from './camera';

/** Pixels of the picture a voxel of the surface; the picture is scaled up smoothly. */
const DENSITY = 1.5;
/** Millimetres that a line may lie behind the surface and still be seen, in voxels of the surface. */
const SLACK = 1.2;

/** A shaded picture of the body's surface, by points with a depth buffer: quick enough to turn without WebGL. */
export class BodyPicture {
  private readonly canvas = document.createElement('canvas');
  private depth = new Float32Array(0);
  private image?: ImageData;

  /**
   * Draws the surface of a volume of `lengths` millimetres.
   *
   * @returns whether a place of the picture (with its depth) is hidden by the body
   */
  draw(context: CanvasRenderingContext2D, body: BodySurface, lengths: Vec3, camera: Camera): (at: Vec3) => boolean {
    const voxels = lengths.map((length, axis) => length / body.size[axis]!);
    const voxel = Math.max(...voxels);
    const shrink = (camera.scale * voxel) / DENSITY;
    const { clientWidth, clientHeight } = context.canvas;
    const [width, height] = [Math.ceil(clientWidth / shrink), Math.ceil(clientHeight / shrink)];
    const image = this.prepare(width, height);
    this.points(body, voxels as unknown as Vec3, lengths, camera, shrink, image);
    this.canvas.getContext('2d')!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.canvas, 0, 0, width * shrink, height * shrink);
    const { depth } = this;
    return ([x, y, near]) => {
      const [column, row] = [Math.floor(x / shrink), Math.floor(y / shrink)];
      if (column < 0 || row < 0 || column >= width || row >= height) return false;
      return depth[row * width + column]! > near + SLACK * voxel;
    };
  }

  private prepare(width: number, height: number): ImageData {
    if (this.image?.width !== width || this.image.height !== height) {
      [this.canvas.width, this.canvas.height] = [width, height];
      this.image = new ImageData(width, height);
      this.depth = new Float32Array(width * height);
    }
    this.depth.fill(-Infinity);
    this.image.data.fill(0);
    return this.image;
  }

  private points(
    { places, normals, greys }: BodySurface,
    voxels: Vec3,
    lengths: Vec3,
    camera: Camera,
    shrink: number,
    { data, width, height }: ImageData,
  ): void {
    const { depth } = this;
    const [rx, ry, rz] = camera.towards;
    // A little from above and from the left of the viewer.
    const light = [0, 1, 2].map((i) => 0.82 * camera.towards[i]! + 0.45 * camera.up[i]! - 0.35 * camera.right[i]!);
    const radius = DENSITY / 2 + 0.5;
    for (let i = 0, n = greys.length; i < n; i++) {
      const [nx, ny, nz] = [normals[3 * i]!, normals[3 * i + 1]!, normals[3 * i + 2]!];
      if (nx * rx + ny * ry + nz * rz < -20) continue;
      const place = [0, 1, 2].map((axis) => (places[3 * i + axis]! + 0.5) * voxels[axis]! - lengths[axis]! / 2);
      const [x, y, near] = camera.project(place as unknown as Vec3);
      const shade = Math.max(0, (nx * light[0]! + ny * light[1]! + nz * light[2]!) / 127);
      const tone = (0.42 + (0.58 * greys[i]!) / 255) * (0.28 + 0.72 * Math.min(1, shade));
      const [left, right] = [
        Math.max(0, Math.round(x / shrink - radius)),
        Math.min(width, Math.round(x / shrink + radius)),
      ];
      const bottom = Math.min(height, Math.round(y / shrink + radius));
      for (let row = Math.max(0, Math.round(y / shrink - radius)); row < bottom; row++) {
        for (let column = left; column < right; column++) {
          const at = row * width + column;
          if (depth[at]! >= near) continue;
          depth[at] = near;
          data[4 * at] = 232 * tone;
          data[4 * at + 1] = 222 * tone;
          data[4 * at + 2] = 210 * tone;
          data[4 * at + 3] = 255;
        }
      }
    }
  }
}
