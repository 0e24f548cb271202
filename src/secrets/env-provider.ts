import { EdgeError } from '../apply/ports.ts';
import { showValue } from '../desired/shown-text.ts';
import type { ValueProvider } from './value-provider.ts';

/** Variables of this process whose names begin with the prefix. */
export function createEnvProvider(
  prefix: string,
  env: Readonly<Record<string, string | undefined>>,
): ValueProvider {
  return {
    async read(reference) {
      if (!/^[A-Z0-9_]{1,200}$/.test(reference))
        throw new EdgeError(
          'terminal',
          'NotAllowed',
          `${showValue(reference)} is no name of a variable: capital letters, digits and "_"`,
        );
      const name = `${prefix}${reference}`;
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value === undefined || value === '')
        throw new EdgeError('terminal', 'Missing', `the variable ${name} is not set`);
      return value;
    },
  };
}
