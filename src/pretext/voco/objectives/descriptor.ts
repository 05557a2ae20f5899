/** The light half of an objective of VoCo: a loss, and the teacher it needs. */
export interface ObjectiveDescriptor {
  readonly name: string;
  /** What it minimises, and where it was published; a sentence for the config's documentation. */
  readonly description: string;
  /** The teacher of its authors. */
  readonly needs: { readonly teacherEncoder: boolean; readonly teacherProjector: boolean };
  /** The projector of its authors. */
  readonly projector: { readonly hidden: number; readonly out: number };
  /** Names of the loss's parts in metrics.jsonl. */
  readonly partNames: readonly string[];
  /** It contrasts the volumes of a batch, so that one volume a step leaves something out. */
  readonly contrastsVolumes: boolean;
}
