/** What PackageRebuilder kept on its host, and where this line goes on with it. */

export const seedFolder = '/var/lib/rebuilder';
/** In the uploader's state folder: what was published before, as it was brought, and once the uploader has it as objects. */
export const inheritedFolder = 'inherited';
export const inheritedList = 'inherited.jsonl';
/** Where one of them is, the seed's folder was taken over. */
export const inheritedNames = [inheritedFolder, inheritedList];
