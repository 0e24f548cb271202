import { registerApply } from './apply.ts';
import { registerApprove } from './approve.ts';
import { registerAudit } from './audit.ts';
import { registerCompletion } from './completion.ts';
import { registerConfig } from './config.ts';
import type { Register } from './context.ts';
import { registerController } from './controller.ts';
import { registerDiff } from './diff.ts';
import { registerDoctor } from './doctor.ts';
import { registerDown } from './down.ts';
import { registerEvents } from './events.ts';
import { registerGet } from './get.ts';
import { registerHistory } from './history.ts';
import { registerInit } from './init.ts';
import { registerLogs } from './logs.ts';
import { registerPlan } from './plan.ts';
import { registerReconcile } from './reconcile.ts';
import { registerRender } from './render.ts';
import { registerRestart } from './restart.ts';
import { registerResume } from './resume.ts';
import { registerRollback } from './rollback.ts';
import { registerSecret } from './secret.ts';
import { registerSource } from './source.ts';
import { registerStatus } from './status.ts';
import { registerSuspend } from './suspend.ts';
import { registerToken } from './token.ts';
import { registerTop } from './top.ts';
import { registerValidate } from './validate.ts';
import { registerVersion } from './version.ts';
import { registerWait } from './wait.ts';

/** In the order that help lists them. */
export const commands: readonly Register[] = [
  registerController,
  registerApply,
  registerPlan,
  registerDiff,
  registerValidate,
  registerStatus,
  registerGet,
  registerTop,
  registerHistory,
  registerEvents,
  registerLogs,
  registerReconcile,
  registerWait,
  registerRestart,
  registerSuspend,
  registerResume,
  registerRollback,
  registerApprove,
  registerToken,
  registerAudit,
  registerRender,
  registerDoctor,
  registerInit,
  registerDown,
  registerSource,
  registerSecret,
  registerConfig,
  registerVersion,
  registerCompletion,
];
