/** Endings of files that torch.save writes, as trainings name them; the content decides what a file is. */
export const TORCH_EXTENSIONS = ['pt', 'pth', 'ckpt', 'bin', 'pth.tar', 'pt.tar'] as const;

/** Endings of all files of weights that are read. */
export const WEIGHT_EXTENSIONS = ['safetensors', ...TORCH_EXTENSIONS] as const;

/** The same for a file dialog, which looks at what follows the last dot. */
export const dialogExtensions = (extensions: readonly string[]): string[] => [
  ...new Set(extensions.map((extension) => extension.split('.').at(-1)!)),
];

const ENDING = new RegExp(`\\.(${TORCH_EXTENSIONS.join('|').replaceAll('.', '\\.')})$`, 'i');

export const isNamedAsTorch = (file: string): boolean => ENDING.test(file);

/** The command that converts a PyTorch file. */
export const importCommand = (file: string): string =>
  `voco import ${/\s/.test(file) ? JSON.stringify(file) : file} --out weights.safetensors`;
