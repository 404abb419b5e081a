/** The little of Node that the tests use. */
declare const Buffer: {
  from(v: string | ArrayBuffer | ArrayLike<number>): { toString(encoding?: 'base64' | 'base64url' | 'utf8'): string };
};
