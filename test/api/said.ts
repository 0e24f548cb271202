/** What JSON says, of any shape: an answer is what the assertions of a test say it is. */
export type Said = ReturnType<typeof JSON.parse>;
