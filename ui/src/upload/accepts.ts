/** What the system's own dialog offers. */
export const accepted = 'video/mp4,video/quicktime,video/webm,image/jpeg,image/webp,image/png,image/heic,.mp4,.mov,.webm,.jpg,.jpeg,.webp,.png,.heic'

/** The same in words. */
export const kinds = 'MP4, MOV, WebM, JPEG, PNG, WebP or HEIC'

const endings = /\.(mp4|m4v|mov|webm|jpe?g|webp|png|heic|heif)$/i
const types = /^(video\/(mp4|quicktime|webm)|image\/(jpeg|webp|png|hei[cf]))$/

/** Why a file need not travel at all, in a sentence; '' for one that may be what it says. The server reads what it really is. */
export function refusal(file: { name: string; type: string; size: number }): string {
  if (file.size === 0) return 'This file is empty. Choose another one.'
  if (endings.test(file.name) || types.test(file.type)) return ''
  return `This is no video or photo that TikTok takes. Choose ${kinds}.`
}

/** What a file is, by what the browser says of it; some say nothing of HEIC. */
export function kindOf(file: { name: string; type: string }): 'video' | 'photo' {
  return file.type.startsWith('image/') || /\.(jpe?g|png|webp|heic|heif)$/i.test(file.name) ? 'photo' : 'video'
}

/** Whether a file was made by the system and not by the person: folders are full of these. */
export function systemFile(name: string): boolean {
  return name.startsWith('.') || /^(thumbs\.db|desktop\.ini)$/i.test(name)
}
