/** Who signed, for people, or why that is not proven. Both are escaped and short. */
export type Verification =
  | { readonly ok: true; readonly by: string }
  | { readonly ok: false; readonly why: string };
