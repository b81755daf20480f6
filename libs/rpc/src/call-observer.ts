/** Hears of every call that this process serves, in-process or over the wire. */
export interface CallObserver {
  callEnded(call: {
    /** `certferry.inventory.v1.CertificateService/GetCertificate` */
    method: string;
    requestId: string;
    /** The principal's id. */
    caller: string;
    milliseconds: number;
    /** What the handler threw, with its cause. */
    error: unknown;
  }): void;
}
