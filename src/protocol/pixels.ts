import type { CropPicture, GreyImage } from './crops';

/** A picture with its grey values in another form. */
export function mapPixels<From, To>(picture: CropPicture<From>, change: (pixels: From) => To): CropPicture<To> {
  const { images, hidden, asked, ...rest } = picture;
  const all = (list: readonly GreyImage<From>[]): GreyImage<To>[] =>
    list.map((image) => ({ ...image, data: change(image.data) }));
  return { ...rest, images: all(images), ...(hidden && { hidden: all(hidden) }), ...(asked && { asked: all(asked) }) };
}
