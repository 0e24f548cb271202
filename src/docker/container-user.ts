import type { Owner } from './secret-folder.ts';

/**
 * The ids behind a container's user (`NAME`, `ID`, each with `:GROUP`), as the engine finds them. Whoever is not in
 * the container's files is root here: the start will say that there is no such user.
 */
export async function findOwner(
  user: string,
  readFile: (path: string) => Promise<string | undefined>,
): Promise<Owner> {
  const [who = '', group] = user.split(':');
  if (who === '' && group === undefined) return { uid: 0, gid: 0 };
  const entries = isId(who) && isId(group) ? [] : rows(await readFile('/etc/passwd'));
  const entry = entries.find(([name]) => name === who) ?? entries.find(([, , uid]) => uid === who);
  const uid = isId(who) ? Number(who) : Number(entry?.[2] ?? 0);
  if (group === undefined || group === '') return { uid, gid: isId(entry?.[3]) ? Number(entry?.[3]) : 0 };
  if (isId(group)) return { uid, gid: Number(group) };
  const named = rows(await readFile('/etc/group')).find(([name]) => name === group);
  return { uid, gid: Number(named?.[2] ?? 0) };
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text);
}

/** Lines with an id, split at their colons; in a line of passwd the group's follows. */
function rows(text: string | undefined): string[][] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , id]) => isId(id));
}
