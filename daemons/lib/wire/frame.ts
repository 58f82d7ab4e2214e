/** Messages and their objects on a pair of byte streams (DESIGN §3, "The wire"). */
export { WireError, type WireErrorCode } from './format.ts';
export {
  bufferObject,
  fileObject,
  type IncomingObject,
  type OutgoingObject,
  sizedFileObject,
} from './objects.ts';
export { type IncomingMessage, type ReadCaps, readMessage } from './read-message.ts';
export { type WriteOptions, writeMessage } from './write-message.ts';
