import { UserError } from '../../errors/userError';
import { isItem, type Item } from './json';

/** Whether a JSON is nnssl's list of a collection: datasets of subjects of sessions of images. */
export const isNnssl = (content: Item): boolean =>
  isItem(content.datasets) && (content.collection_name !== undefined || content.collection_index !== undefined);

/** The entries of one level, a map or a list. */
function entriesOf(value: unknown, where: string): [string, Item][] {
  const entries = Array.isArray(value)
    ? value.map((item, i) => [String(i), item] as const)
    : Object.entries(value ?? {});
  return entries.map(([key, item]) => {
    if (!isItem(item)) throw new UserError(`${where}.${key}: expected an object, as nnssl's pretrain_data.json has it`);
    return [key, item];
  });
}

/**
 * The images of nnssl's `pretrain_data.json` as entries of a datalist. Subjects' and images' facts are not needed.
 *
 * @throws UserError naming the entry that is not as nnssl writes it
 */
export function nnsslEntries(content: Item, file: string): Item[] {
  const entries: Item[] = [];
  for (const [dataset, { subjects }] of entriesOf(content.datasets, `${file}: datasets`))
    for (const [subject, { sessions }] of entriesOf(subjects, `${file}: ${dataset}.subjects`))
      for (const [session, { images }] of entriesOf(sessions, `${file}: ${dataset}.${subject}.sessions`))
        for (const [i, image] of entriesOf(images, `${file}: ${dataset}.${subject}.${session}.images`)) {
          if (typeof image.image_path !== 'string')
            throw new UserError(`${file}: image ${i} of ${dataset}, ${subject}, ${session} has no "image_path"`);
          if (/\.b2nd$/i.test(image.image_path))
            throw new UserError(
              `${file}: lists what nnssl has preprocessed (.b2nd); point at the pretrain_data.json of the raw data`,
            );
          const name = [dataset, subject, session, image.name ?? i].map(String).join('__');
          const masks = image.associated_masks;
          entries.push({
            image: image.image_path,
            name: name.replace(/\.nii(\.gz)?$/i, ''),
            ...(masks !== undefined && masks !== null && { associated_masks: masks }),
          });
        }
  return entries;
}
