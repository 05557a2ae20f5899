import type { Vec3 } from '../../geometry';
import type { FieldPlan } from './fieldPlan';

const by = (sizes: Vec3): string => sizes.join('×');

/** The plan that nnssl and nnU-Net save beside their weights, in a few words; sizes along x, y, z. */
export function planText(plan: FieldPlan): string | undefined {
  const { architecture, trainer, dataset, configuration, patch, spacing } = plan;
  const facts = [
    architecture,
    trainer,
    dataset,
    configuration && `configuration ${configuration}`,
    patch && `patch ${by(patch)}`,
    spacing && `spacing ${by(spacing)} mm`,
  ];
  const known = facts.filter((fact) => fact !== undefined);
  return known.length > 0 ? `plan of ${plan.origin}: ${known.join(', ')}` : undefined;
}
