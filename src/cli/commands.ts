import type { Register } from './context.ts';
export const commands: readonly Register[] = [];
