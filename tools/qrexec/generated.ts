/** A file below qrexec/ as it should be; the path is relative to the project. */
export type Generated =
  | Readonly<{ path: string; kind: 'text'; text: string; executable: boolean }>
  | Readonly<{ path: string; kind: 'link'; target: string }>;
