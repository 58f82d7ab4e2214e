/** What PackageRebuilder kept on its host, and where this line goes on with it. */

export const seedFolder = '/var/lib/rebuilder';
/** In the uploader's state folder: what was published before. */
export const inheritedFolder = 'inherited';
