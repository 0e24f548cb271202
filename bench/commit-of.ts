import { runProgram } from '../.ci/run-program.ts';

/**
 * The commit that a folder is at, with `-dirty` where what git follows in it is another. The page does not count: it is
 * written by what is measured, and says nothing of what that was.
 */
export async function commitOf(folder: string): Promise<string> {
  const { output, code } = await runProgram('git', ['-C', folder, 'describe', '--always']);
  if (code !== 0) return 'unknown';
  const paths = ['.', ':!bench/RESULTS.md'];
  const same = await runProgram('git', ['-C', folder, 'diff', '--quiet', 'HEAD', '--', ...paths]);
  return `${output.trim()}${same.code === 0 ? '' : '-dirty'}`;
}
