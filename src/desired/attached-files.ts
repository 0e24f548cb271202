import { decodeUtf8 } from './decode-text.ts';
import type { Problem, SourceFile } from './desired.ts';
import { didYouMean } from './did-you-mean.ts';
import { fieldProblem, isSound, type ManifestDocument, wrongValue } from './manifest-document.ts';
import { showValue } from './shown-text.ts';
import type { Fault } from './source-text.ts';

/** Largest file put into a container, in bytes. */
const sizeLimit = 1024 * 1024;

/** The contents of an app's `files`, in order, and what is wrong with the files it refers to. */
export interface AttachedFiles {
  readonly contents: readonly string[];
  readonly problems: readonly Problem[];
}

export function attachedFiles(
  document: ManifestDocument,
  files: ReadonlyMap<string, SourceFile>,
  /** Folder of its source: nothing above it is read. */
  root: string,
): AttachedFiles {
  if (!isSound(document, '/spec/files')) return { contents: [], problems: [] };
  const problems: Problem[] = [];
  const contents = document.value.spec.files.map(({ content, from }, index) => {
    if (from === undefined) return content ?? '';
    const read = readFrom(document.source.file, from, files, root);
    if (typeof read === 'string') return read;
    problems.push(fieldProblem(document, wrongValue(`/spec/files/${index}/from`, read)));
    return '';
  });
  return { contents, problems };
}

function readFrom(
  manifest: string,
  from: string,
  files: ReadonlyMap<string, SourceFile>,
  root: string,
): string | Fault {
  const path = resolvePath(manifest, from);
  if (path === undefined || !path.startsWith(root)) {
    return { code: 'E1308', message: `file ${showValue(from)} lies outside the config repo` };
  }
  const file = files.get(path);
  if (file === undefined) {
    const meant = didYouMean(path, [...files.keys()]);
    const hint =
      meant === undefined
        ? `looked for ${showValue(path === '' ? '.' : path)}; links and submodules are not followed`
        : `did you mean ${showValue(meant)}?`;
    return { code: 'E1309', message: `file ${showValue(from)} does not exist in the config repo`, hint };
  }
  if (file.content.length > sizeLimit) {
    return {
      code: 'E1310',
      message: `file ${showValue(from)} is larger than 1 MiB`,
      hint: 'put large data into the image or a volume',
    };
  }
  const text = decodeUtf8(file.content);
  return text ?? { code: 'E1310', message: `file ${showValue(from)} is not UTF-8 text` };
}

/** Undefined when the path leads out of the root. */
function resolvePath(manifest: string, from: string): string | undefined {
  const steps = manifest.split('/').slice(0, -1);
  for (const step of from.split('/')) {
    if (step === '..' && steps.length === 0) return undefined;
    if (step === '..') steps.pop();
    else if (step !== '' && step !== '.') steps.push(step);
  }
  return steps.join('/');
}
