import type { Problem } from './desired.ts';
import { fieldProblem, wrongValue } from './manifest-document.ts';
import { type ParsedDocument, withoutExcerpt } from './parse-manifest.ts';
import { positionAt } from './source-text.ts';

/** Secrets, or projects, of one source that bear one name: each is told of the other. */
export function namesTwice(
  documents: readonly ParsedDocument[],
  roots: readonly string[],
): readonly Problem[] {
  const named = documents.filter(({ name }) => name !== undefined);
  const rootOf = (file: string) => roots.find((root) => file.startsWith(root)) ?? '';
  const groups = Map.groupBy(named, ({ source, name }) => `${rootOf(source.file)}${name}`);
  return [...groups.values()]
    .filter((rivals) => rivals.length > 1)
    .flatMap((rivals) =>
      rivals.map(({ kind, name, source, tree }) => {
        const rival = rivals.find((other) => other.tree !== tree);
        const fault = {
          code: 'E1410',
          message: `${kind.toLowerCase()} name "${name}" is used twice`,
          hint: 'rename one of them',
          ...(rival === undefined ? {} : { other: nameOf(rival) }),
        };
        const problem = fieldProblem({ source, places: tree.places }, wrongValue('/metadata/name', fault));
        return kind === 'Secret' ? withoutExcerpt(problem) : problem;
      }),
    );
}

function nameOf({ source, tree }: ParsedDocument) {
  return positionAt(source, tree.places.get('/metadata/name')?.value.start ?? 0);
}
