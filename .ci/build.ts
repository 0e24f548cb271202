// `npm run build`: the program as a few files in dist/, with everything in them but the native library of SQLite.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { bundle } from './bundle.ts';
import { bundledPackages, licenceTexts } from './bundled-packages.ts';
import { runProgram } from './run-program.ts';
import { makeSbom } from './sbom.ts';

const out = 'dist';

rmSync(out, { recursive: true, force: true });
const outputs = await bundle({ out });
const packages = bundledPackages(outputs);
writeFileSync(join(out, 'third-party-licences.txt'), licenceTexts(packages));
writeFileSync(join(out, 'sbom.cdx.json'), makeSbom(packages));
// Who writes against the client needs its types.
const { code, output } = await runProgram(join('node_modules', '.bin', 'tsc'), [
  '-p',
  '.ci/tsconfig.build.json',
]);
process.stderr.write(output);
process.exitCode = code;
