/** Messages and their objects on a pair of byte streams (DESIGN §3, "The wire"). */
export { WireError } from './format.ts';
export {
  bufferObject,
  fileObject,
  type IncomingObject,
  type OutgoingObject,
  sizedFileObject,
} from './objects.ts';
export { type ReadCaps, readMessage } from './read-message.ts';
export { writeMessage } from './write-message.ts';
