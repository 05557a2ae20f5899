export const targets: Readonly<Record<string, { readonly binding: string; readonly engine: boolean }>>;
export const UNIVERSAL: string;
export function obstacle(
  target: string,
  options: { readonly withoutEngine?: boolean; readonly engine: boolean; readonly machine?: string },
): string | undefined;
