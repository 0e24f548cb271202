/** The age library is large, and most processes have no secrets: it is loaded by the first of them. */
export function loadAge(): Promise<typeof import('age-encryption')> {
  return import('age-encryption');
}
