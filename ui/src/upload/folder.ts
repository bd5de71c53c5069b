import { systemFile } from './accepts.ts'

/** All files that were dropped, those in folders too. Call it while the drop is being handled: later the browser forgets them. */
export async function droppedFiles(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null))
  const plain = [...data.files]
  if (!entries.some((e) => e?.isDirectory)) return plain.filter((f) => !systemFile(f.name))
  const all: File[] = []
  for (const entry of entries) if (entry) await walk(entry, all)
  return all.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
}

async function walk(entry: FileSystemEntry, all: File[]): Promise<void> {
  if (systemFile(entry.name)) return
  if (entry.isFile) {
    // One that cannot be read is left out; the others need not suffer for it.
    const file = await new Promise<File | undefined>((resolve) => (entry as FileSystemFileEntry).file(resolve, () => resolve(undefined)))
    if (file) all.push(file)
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  // It gives a hundred at a time, and nothing at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])))
    if (some.length === 0) return
    for (const inner of some) await walk(inner, all)
  }
}
