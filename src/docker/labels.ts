/** What marks a thing on the engine as ours; a label alone never proves it. */
export const label = {
  instance: 'plimsoll.instance',
  app: 'plimsoll.app',
  specHash: 'plimsoll.spec-hash',
  deployment: 'plimsoll.deployment',
  replica: 'plimsoll.replica',
  hook: 'plimsoll.hook',
  /** See `asked-spec.ts`; no part of a spec. */
  asked: 'plimsoll.asked',
  /** These three: see `secret-labels.ts`; no part of a spec. */
  secrets: 'plimsoll.secrets',
  secretFiles: 'plimsoll.secret-files',
  files: 'plimsoll.files',
} as const;

/** What a container bears for this room alone. */
export const ownNotes: readonly string[] = [label.asked, label.secrets, label.secretFiles, label.files];

export const labelPrefix = 'plimsoll.';

/**
 * Ends the name of a container that still lacks its files or networks: it gets its own name only when it is
 * whole, so a crash in between leaves something that tells what it is.
 */
export const unfinished = '.unfinished';
