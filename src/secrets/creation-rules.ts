import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { EdgeError } from '../apply/ports.ts';
import { isRecord } from './sops-metadata.ts';
import { goRegExp, readRule, type SopsRule } from './sops-rule.ts';

/** What `.sops.yaml` says of a file: whom it is encrypted for. */
export interface CreationRule {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly rule: SopsRule | undefined;
  readonly macOnlyEncrypted: boolean;
  /** Key services that we cannot encrypt for, and that are left out. */
  readonly ignored: readonly string[];
}

const otherServices = [
  'kms',
  'pgp',
  'gcp_kms',
  'hckms',
  'azure_keyvault',
  'hc_vault_transit_uri',
  'hc_vault',
];

/**
 * The first rule of the nearest `.sops.yaml` whose `path_regex` matches; undefined where there is none of these
 * files, or one without rules. Throws EdgeError `Invalid` when none of its rules is for this file.
 */
export async function findCreationRule(file: string): Promise<CreationRule | undefined> {
  const path = resolve(file);
  const found = await nearest(dirname(path));
  if (found === undefined) return undefined;
  const rules = readRules(found.text, found.path);
  if (rules.length === 0) return undefined;
  const inside = relative(dirname(found.path), path);
  const rule = rules.find(({ path_regex: pattern }) => isMatch(pattern, inside, found.path));
  if (rule === undefined) throw invalid(found.path, `none of its creation_rules is for ${inside}`);
  return toRule(rule, found.path);
}

async function nearest(
  folder: string,
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const path = join(folder, '.sops.yaml');
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw invalid(path, `it cannot be read: ${code}`);
    return dirname(folder) === folder ? undefined : nearest(dirname(folder));
  }
}

function readRules(text: string, path: string): readonly Record<string, unknown>[] {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw invalid(path, 'it is no valid YAML');
  }
  const rules = isRecord(value) ? (value.creation_rules ?? []) : [];
  if (!Array.isArray(rules) || !rules.every(isRecord))
    throw invalid(path, 'creation_rules is no list of rules');
  return rules;
}

/** The user's own file: a few more repetitions are trusted than in a file from anywhere. */
function isMatch(pattern: unknown, path: string, from: string): boolean {
  if (pattern === undefined || pattern === '') return true;
  if (typeof pattern !== 'string') throw invalid(from, 'path_regex is no text');
  return goRegExp(pattern, 10).test(path);
}

function toRule(rule: Readonly<Record<string, unknown>>, from: string): CreationRule {
  const groups = Array.isArray(rule.key_groups) ? rule.key_groups.filter(isRecord) : [];
  if (groups.length > 1)
    throw invalid(from, 'several key_groups can be read here, and are written by sops alone');
  const keys = groups[0] ?? rule;
  const recipients = [...new Set(recipientsOf(keys.age, from))];
  if (recipients.length === 0) throw invalid(from, 'its rule for this file names no age recipient');
  return {
    from,
    recipients,
    rule: readableRule(rule),
    macOnlyEncrypted: rule.mac_only_encrypted === true,
    ignored: otherServices.filter((service) => keys[service] !== undefined),
  };
}

/** One that would encrypt what plimsoll must read without a key, or leave the values plain, is not for us. */
function readableRule(fields: Readonly<Record<string, unknown>>): SopsRule | undefined {
  const rule = readRule(fields);
  const plain = [['apiVersion'], ['kind'], ['metadata', 'name'], ['metadata', 'description'], ['provider']];
  const isFit = rule?.isEncrypted(['data', 'KEY']) && !plain.some((path) => rule.isEncrypted(path));
  return isFit ? rule : undefined;
}

function recipientsOf(value: unknown, from: string): readonly string[] {
  if (value === undefined || value === null) return [];
  const listed = Array.isArray(value) ? value : [value];
  if (!listed.every((item) => typeof item === 'string')) throw invalid(from, 'age is no list of recipients');
  return listed
    .flatMap((item: string) => item.split(',').map((one) => one.trim()))
    .filter((one) => one !== '');
}

function invalid(path: string, why: string): EdgeError {
  return new EdgeError('terminal', 'Invalid', `${path}: ${why}`);
}
