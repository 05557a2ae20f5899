import { Registry } from '../registry/registry';
import { isRecord } from '../schema';
import { completeSection, type NetworkDescriptor, type NetworkSection } from './descriptor';
import { primus } from './primus/descriptor';
import { segresnet } from './segresnet/descriptor';
import { resencUnet } from './resenc-unet/descriptor';
import { swinUnetr } from './swin-unetr/descriptor';
import { unet3d } from './unet3d/descriptor';

/** The light half of every network, by its name in configs; the first is the one of a config that names none. */
const own = {
  'swin-unetr': swinUnetr,
  unet3d,
  primus,
  segresnet,
  'resenc-unet': resencUnet,
} as const;

export type NetworkName = keyof typeof own;

/** The schemas of our networks' sections. */
export type OwnSchema = (typeof own)[NetworkName]['schema'];

/** A network's section with every default filled in. */
export type SectionOf<Name extends NetworkName> =
  (typeof own)[Name] extends NetworkDescriptor<infer Section> ? Section : never;

/** A network's section in which all but the name may be left out. */
export type NetworkConfig = {
  [Name in NetworkName]: { name: Name } & Partial<Omit<SectionOf<Name>, 'name'>>;
}[NetworkName];

export const networkDescriptors = new Registry<NetworkDescriptor>('network', own);

/** The network of a section without a name. */
export const defaultNetwork = (): string => networkDescriptors.names[0]!;

/** The descriptor of a section's network, and the section with every default. @throws UserError where there is none */
export function describedSection(section: object): { descriptor: NetworkDescriptor; section: NetworkSection } {
  const { name = defaultNetwork() } = section as { name?: string };
  const descriptor = networkDescriptors.get(name);
  return { descriptor, section: completeSection(descriptor.schema, section) };
}

/** As {@link describedSection}, of a section that may be of another version, or none; undefined where no such network is known. */
export function knownNetwork(section: unknown): ReturnType<typeof describedSection> | undefined {
  if (!isRecord(section)) return undefined;
  const { name = defaultNetwork() } = section;
  return networkDescriptors.names.some((known) => known === name) ? describedSection(section) : undefined;
}

/** A `network` section in a few words, "swin-unetr, feature size 48"; its name alone where no such network is known. */
export function networkText(section: unknown): string | undefined {
  try {
    const known = knownNetwork(section);
    if (known) return `${known.descriptor.name}, ${known.descriptor.summary(known.section)}`;
  } catch {
    // A section of another version, or of a file that states nonsense.
  }
  return isRecord(section) && typeof section.name === 'string' ? section.name : undefined;
}

/** The key that makes the network of this name smaller or larger, as users write it: `network.featureSize`. */
export function sizeKeyOf(name: string): string {
  return `network.${networkDescriptors.get(name).sizeKey}`;
}
