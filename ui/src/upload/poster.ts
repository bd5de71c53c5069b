const patience = 15_000
const width = 540

/** Takes a picture out of a video that this browser can play. Rejects when it cannot, which is no fault of the file. */
export async function pictureOf(source: string, atMs = 0): Promise<Blob> {
  const video = document.createElement('video')
  video.muted = true
  video.preload = 'auto'
  video.playsInline = true
  try {
    const loaded = happens(video, 'loadeddata')
    video.src = source
    await loaded
    const sought = happens(video, 'seeked')
    // The very first frame is often black.
    video.currentTime = Math.max(0.05, Math.min(atMs > 0 ? atMs / 1000 : 1, (video.duration || 1) / 2))
    await sought
    return await draw(video)
  } finally {
    video.removeAttribute('src')
    video.load()
  }
}

/** Draws the frame a video shows as a small JPEG. */
export function draw(video: HTMLVideoElement, wide = width): Promise<Blob> {
  const canvas = document.createElement('canvas')
  const scale = Math.min(1, wide / video.videoWidth)
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale))
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale))
  canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('this frame cannot be drawn'))), 'image/jpeg', 0.82)
  })
}

function happens(video: HTMLVideoElement, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = window.setTimeout(() => reject(new Error(`no ${what}`)), patience)
    const settle = (end: () => void) => () => {
      window.clearTimeout(late)
      end()
    }
    video.addEventListener(what, settle(resolve), { once: true })
    video.addEventListener('error', settle(() => reject(new Error('this browser cannot play the file'))), { once: true })
  })
}

/** Gives a video its small picture. */
export async function sendPoster(media: string, picture: Blob): Promise<boolean> {
  const got = await fetch(`/api/v1/media/${media}/poster`, { method: 'PUT', headers: { 'Content-Type': 'image/jpeg' }, body: picture })
  return got.ok
}
