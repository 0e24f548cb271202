import { accessOperations } from './access-operations.ts';
import { accessSchemas } from './access-schemas.ts';
import { appOperations } from './app-operations.ts';
import { appSchemas } from './app-schemas.ts';
import { deploymentLogOperations } from './deployment-log-operations.ts';
import { hostOperations } from './host-operations.ts';
import { hostSchemas } from './host-schemas.ts';
import type { Operation } from './operation.ts';
import type { Schema } from './schema.ts';
import { sourceOperations } from './source-operations.ts';
import { sourceSchemas } from './source-schemas.ts';
import { usageOperations } from './usage-operations.ts';
import { usageSchemas } from './usage-schemas.ts';

/** Everything that the API does. A new group is one line here and one in `schemas`. */
export const operations = {
  ...appOperations,
  ...deploymentLogOperations,
  ...sourceOperations,
  ...usageOperations,
  ...hostOperations,
  ...accessOperations,
} as const satisfies Readonly<Record<string, Operation>>;

export type Operations = typeof operations;
export type OperationId = keyof Operations;

/** What the operations name by `$ref`. */
export const schemas: Readonly<Record<string, Schema>> = {
  ...appSchemas,
  ...sourceSchemas,
  ...usageSchemas,
  ...hostSchemas,
  ...accessSchemas,
};

export const operationList = Object.entries(operations) as unknown as readonly (readonly [
  OperationId,
  Operation,
])[];
