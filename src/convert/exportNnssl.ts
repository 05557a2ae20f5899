import { basename, dirname, join } from 'node:path';
import { validConfig, statedConfig } from '../config/ofCheckpoint';
import { UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { parseJson } from '../files/json';
import type { Vec3 } from '../geometry';
import { knownNetwork } from '../nets/descriptors';
import type { NnsslArchitecture } from '../nets/descriptor';
import {
  exportWith,
  TorchStateDict,
  writeTorchFile,
  type CardFacts,
  type ExportReport,
  type TorchValue,
} from '../runs/export';
import {
  inverse,
  planOfJson,
  SIMPLE_ITK,
  turnedTensor,
  type Branch,
  type Planned,
  type SourceTensor,
} from '../runs/import';
import { version } from '../text/version';
import { countCases } from './exportFile';
import { adaptationPlan, architectureKeys, nnsslDataOf } from './nnsslPlan';

export interface NnsslRequest {
  readonly file: string;
  readonly out: string;
  readonly branch?: Branch | undefined;
  /** Replaces the files to write where they are there. */
  readonly force?: boolean;
}

export interface NnsslReport extends ExportReport {
  /** The plan beside the checkpoint. */
  readonly plan: string;
  /** nnssl's name of the network. */
  readonly architecture: string;
  /** Keys of the state dict, which are more than tensors where the network has several names for one. */
  readonly keys: number;
  /** Of those, keys that nnU-Net's fine-tuning takes over. */
  readonly handedOn: number;
  /** What the plan cannot say of how images were prepared, and what nnU-Net does otherwise. */
  readonly notes: readonly string[];
}

type Metadata = Readonly<Record<string, string>>;

interface Target {
  readonly network: NonNullable<ReturnType<typeof knownNetwork>>;
  readonly architecture: NnsslArchitecture;
  readonly plan: Record<string, TorchValue>;
  /** Which of our axes each of nnssl's arrays is. */
  readonly axes: Vec3;
  readonly crop: Vec3 | undefined;
  readonly notes: readonly string[];
}

const OTHERS = 'only residual encoder U-Nets and Primus S, B, M and L are networks of nnssl';

function networkOf(file: string, section: unknown): Pick<Target, 'network' | 'architecture'> {
  const network = knownNetwork(section);
  const architecture = network?.descriptor.stateDict.nnssl?.(network.section);
  if (network && architecture) return { network, architecture };
  const what = network ? `a ${network.descriptor.title} of this size` : 'this network';
  throw new UserError(`${file}: ${what} cannot be exported for nnssl: ${OTHERS}; export it as .pt`);
}

/** The plan of weights that came from nnssl goes back as it came. */
function importedTarget(file: string, text: string, { plan }: Planned): Target {
  const json = parseJson(text, { depth: 20, values: 10_000 }) as Record<string, TorchValue>;
  const field = planOfJson(json, file);
  const section = plan.recognised?.section;
  const own = networkOf(file, section && { crop: field.patch, ...section });
  const { architecture_plans: stated, ...keys } = architectureKeys(own.architecture);
  return {
    ...own,
    plan: { ...json, architecture_plans: json.architecture_plans ?? stated!, ...keys },
    ...{ axes: inverse(field.axes), crop: field.patch, notes: [] },
  };
}

function trainedTarget(file: string, metadata: Metadata): Target {
  const config = validConfig(metadata);
  if (!config) {
    const stated = statedConfig(metadata) ? 'its config is of another version' : 'it has no config';
    throw new UserError(
      `${file}: ${stated}, which nnssl’s plan needs: export a checkpoint of voco pretrain, or weights imported from nnssl`,
    );
  }
  const own = networkOf(file, config.network);
  const { notes, ...data } = nnsslDataOf(config);
  const plan = adaptationPlan(own.architecture, { ...data, notes });
  return { ...own, plan, axes: SIMPLE_ITK, crop: data.patch, notes };
}

/** Every key that nnssl's network has, in its order; a tensor of several keys is shared by them. What is not the network's comes last. */
function entriesOf(tensors: readonly SourceTensor[], { network, axes, crop }: Target): TorchStateDict {
  const { descriptor, section } = network;
  const { aliases, names = descriptor.stateDict.encoder } = descriptor.stateDict;
  const how = { section, axes, crop: crop && (axes.map((axis) => crop[axis]!) as unknown as Vec3) };
  const turned = new Map(tensors.map((tensor) => [tensor.name, turnedTensor(tensor, descriptor, how)]));
  const [own, others] = [true, false].map((wanted) => [...turned.keys()].filter((name) => names.test(name) === wanted));
  const keys = aliases?.keysOf(own!) ?? own!.map((name) => ({ key: name, name }));
  return new TorchStateDict(
    [...keys, ...others!.map((name) => ({ key: name, name }))].map(({ key, name }) => ({
      name: key,
      tensor: turned.get(name)!,
    })),
  );
}

const under = ({ entries }: TorchStateDict, ...starts: readonly string[]): number =>
  entries.filter(({ name }) => starts.some((start) => name.startsWith(`${start}.`))).length;

const PLAN_FILE = 'adaptation_plan.json';

function useOf(out: string): CardFacts['use'] {
  const name = basename(out);
  return {
    text:
      `A checkpoint as nnssl saves it: \`network_weights\` with the axes z, y, x, and \`nnssl_adaptation_plan\`, which is also in \`${PLAN_FILE}\`. ` +
      'nnU-Net’s fine-tuning takes encoder and stem of it, and starts the decoder anew.',
    code: [
      `checkpoint = torch.load("${name}", map_location="cpu", weights_only=True)`,
      `# nnUNetv2_preprocess_like_nnssl -d ID -n NAME -pc ${name} -am like_pretrained`,
      '# nnUNetv2_train_pretrained ID 3d_fullres FOLD -p ptPlans__NAME____…',
    ],
  };
}

/**
 * Writes weights as a checkpoint of nnssl (MIC-DKFZ/nnssl), for nnU-Net's fine-tuning from pre-trained weights: with its plan, in the
 * file and in `adaptation_plan.json` beside it, and with the axes z, y, x.
 *
 * @throws UsageError when a file to write is there already; UserError naming the file when its network is none of nnssl's, nothing says
 *   how its images were prepared, or `out` cannot be written
 */
export async function exportNnssl({ file, out, branch, force }: NnsslRequest): Promise<NnsslReport> {
  const planFile = join(dirname(out), PLAN_FILE);
  const done = { plan: planFile, architecture: '', keys: 0, handedOn: 0, notes: [] as readonly string[] };
  const asked = {
    ...{ file, out, countCases, whole: true, use: useOf(out), others: { inputs: [], outputs: [planFile] } },
    ...(branch && { branch }),
    ...(force && { force }),
  };
  const report = await exportWith(asked, async (tensors, metadata, planned) => {
    const imported = metadata.adaptation_plan;
    const target = imported === undefined ? trainedTarget(file, metadata) : importedTarget(file, imported, planned);
    const { architecture, plan, notes } = target;
    const weights = entriesOf(tensors, target);
    const handedOn = under(weights, architecture.encoder, architecture.stem);
    if (under(weights, architecture.encoder) === 0 || under(weights, architecture.stem) === 0)
      throw new UserError(`${file}: has no encoder of a ${target.network.descriptor.title} in it`);
    const trainer_name = `voco ${metadata.kind ?? 'import'}`;
    await writeTorchFile(out, {
      network_weights: weights,
      nnssl_adaptation_plan: plan,
      trainer_name,
      voco: { version, ...(metadata.step !== undefined && { step: Number(metadata.step) }), notes },
    });
    await writeFileAtomically(planFile, `${JSON.stringify({ ...plan, trainer_name }, null, 4)}\n`);
    const { arch_class_name: name } = plan.architecture_plans as { arch_class_name: string };
    Object.assign(done, { architecture: name, keys: weights.entries.length, handedOn, notes });
  });
  return { ...report, ...done };
}
