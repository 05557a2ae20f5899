import { vocoDescriptor } from './voco/descriptor';

const own = { voco: vocoDescriptor } as const;
export type PretextName = keyof typeof own;
