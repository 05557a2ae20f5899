import type { TensorRow } from '../../src/protocol/checkpoint';

/** A module of a network, or one of its tensors. */
export interface ModuleNode {
  /** Dotted, from the root. */
  readonly path: string;
  readonly label: string;
  readonly children: ModuleNode[];
  /** Present for a tensor. */
  readonly tensor?: TensorRow;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

interface Branch {
  readonly children: Map<string, Branch>;
  tensor?: TensorRow;
}

function toNode(label: string, path: string, branch: Branch): ModuleNode {
  const { tensor } = branch;
  const children = [...branch.children].map(([name, child]) => toNode(name, path ? `${path}.${name}` : name, child));
  // A module that has nothing but one other module is shown together with it.
  const [only] = children;
  if (!tensor && children.length === 1 && only && !only.tensor && path !== '')
    return { ...only, label: `${label}.${only.label}` };
  const sum = (key: 'tensors' | 'parameters' | 'bytes'): number => children.reduce((n, child) => n + child[key], 0);
  if (!tensor)
    return { path, label, children, tensors: sum('tensors'), parameters: sum('parameters'), bytes: sum('bytes') };
  return {
    ...{ path, label, children, tensor, tensors: 1 + sum('tensors') },
    parameters: sizeOf(tensor.shape) + sum('parameters'),
    bytes: tensor.bytes + sum('bytes'),
  };
}

/** The tree of modules that dotted names make, in the order of the file. */
export function moduleTree(tensors: readonly TensorRow[]): ModuleNode {
  const root: Branch = { children: new Map() };
  for (const tensor of tensors) {
    let at = root;
    for (const part of tensor.name.split('.')) {
      const next = at.children.get(part) ?? { children: new Map() };
      at.children.set(part, next);
      at = next;
    }
    at.tensor = tensor;
  }
  return toNode('', '', root);
}

export interface VisibleNode {
  readonly node: ModuleNode;
  readonly level: number;
  readonly open: boolean;
}

/** The nodes to draw, from top to bottom; a search shows every tensor that has it in its name, with its modules opened. */
export function visibleNodes(root: ModuleNode, open: ReadonlySet<string>, search: string): VisibleNode[] {
  const wanted = search.trim().toLowerCase();
  const list: VisibleNode[] = [];
  const hasMatch = (node: ModuleNode): boolean =>
    node.path.toLowerCase().includes(wanted) || node.children.some(hasMatch);
  const add = (node: ModuleNode, level: number): void => {
    if (wanted !== '' && !hasMatch(node)) return;
    const isOpen = node.children.length > 0 && (wanted !== '' || open.has(node.path));
    list.push({ node, level, open: isOpen });
    if (isOpen) for (const child of node.children) add(child, level + 1);
  };
  for (const child of root.children) add(child, 1);
  return list;
}
