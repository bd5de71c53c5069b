// The content security policy lets a worker start only from an address that this policy passed on (trusted-types shippost).
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('shippost', { createScriptURL: own })

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL(url: string): unknown }
}

// Only our own scripts: whatever is asked for must lie on our origin.
function own(url: string): string {
  if (new URL(url, location.href).origin !== location.origin) throw new TypeError(`not our script: ${url}`)
  return url
}

/** Starts a worker from a script of this app; the address comes from an import with `?worker&url`. */
export function startWorker(url: string): Worker {
  return new Worker((policy ? policy.createScriptURL(url) : own(url)) as string, { type: 'module' })
}
