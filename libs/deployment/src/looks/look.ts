/** What one endpoint of a store showed. */
export interface Look {
  /** As the store's endpoint has it. */
  address: string;
  serverName: string;
  /** Whether what was written is served. */
  ok: boolean;
  at: Date;
  attempts: number;
  /** Of the leaf that was shown last; empty when none was. */
  fingerprintSha256: string;
  subject: string;
  /** Why it is not ok: a sentence. */
  problem: string;
}
